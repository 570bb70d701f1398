/** The frame of a chart: its name, what is said of it, and the ways to keep it. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Words } from "../i18n";
import { base } from "./styles";
import "./save_menu";

@customElement("nn-card")
export class CardElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-width: 0;
        border: 1px solid var(--nn-border);
        border-radius: 10px;
        background: var(--nn-surface);
        box-shadow: var(--nn-shadow);
        padding: 10px 14px 12px;
        gap: 8px;
      }
      :host([current]) {
        border-color: var(--nn-focus);
        box-shadow: 0 0 0 1px var(--nn-focus);
      }
      .head {
        position: relative;
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 3px 8px;
        min-height: 24px;
        padding-right: 22px;
      }
      h2 {
        margin: 0;
        font-size: 14px;
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      /* What does not fit beside the name goes below it, whole: a cut subtitle says nothing. */
      .sub {
        flex: 1 1 auto;
        color: var(--nn-muted);
        font-size: 12px;
      }
      slot[name="badges"] {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
      }
      nn-save-menu {
        position: absolute;
        top: 0;
        right: -6px;
      }
      .body {
        display: flex;
        flex-direction: column;
        gap: 8px;
        min-width: 0;
        flex: 1;
      }
    `,
  ];

  @property({ attribute: false }) words!: Words;
  @property() heading = "";
  @property() sub = "";
  /** Begins the names of exported files. */
  @property() file = "nnviz";
  /** There is nothing to save in it. */
  @property({ type: Boolean }) plain = false;

  protected override render(): unknown {
    return html`<div class="head">
        <h2 title=${this.heading}><slot name="heading">${this.heading}</slot></h2>
        <span class="sub" title=${this.sub}>${this.sub}</span>
        <slot name="badges"></slot>
        ${this.plain
          ? nothing
          : html`<nn-save-menu
              .words=${this.words}
              heading=${this.heading}
              file=${this.file}
              .within=${() => this.children}
            ></nn-save-menu>`}
      </div>
      <div class="body"><slot></slot></div>`;
  }
}
