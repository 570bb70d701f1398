/** In a narrow window: what the side bar has chosen, and the button that unfolds it. */

import { css, html, LitElement, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Context } from "./context";
import { base } from "./styles";

@customElement("nn-drawer")
export class DrawerElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: none;
        border-bottom: 1px solid var(--nn-border);
        background: var(--nn-surface);
      }
      @media (max-width: 760px) {
        :host {
          display: block;
        }
      }
      button {
        display: flex;
        align-items: center;
        gap: 4px 8px;
        flex-wrap: wrap;
        width: 100%;
        padding: 8px 16px;
        text-align: left;
        color: var(--nn-muted);
      }
      button:hover {
        background: var(--nn-hover);
      }
      :focus-visible {
        outline-offset: -2px;
      }
      b {
        font-weight: 600;
        color: var(--nn-text);
      }
      i {
        flex: none;
        width: 9px;
        height: 9px;
        border-radius: 50%;
      }
      span {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        overflow-wrap: anywhere;
      }
      svg {
        flex: none;
        width: 10px;
      }
      [aria-expanded="true"] svg {
        transform: rotate(90deg);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) open = false;

  protected override render(): TemplateResult {
    const { runs, state, words } = this.ctx;
    return html`<button aria-expanded=${this.open} @click=${() => this.dispatchEvent(new CustomEvent("nn-drawer"))}>
      <svg viewBox="0 0 10 10" aria-hidden="true"><path d="M3 1l4 4-4 4" fill="none" stroke="currentColor" stroke-width="1.6" /></svg>
      <b>${words.t("sidebar.open")}</b>
      ${runs.map((run) => html`<span><i style="background:${run.style.color}"></i>${run.info.name}</span>`)}
      ${state.layer === null ? "" : html`<span>· ${state.layer}</span>`}
    </button>`;
  }
}
