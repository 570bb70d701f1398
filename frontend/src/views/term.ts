/** The name of a figure, with its definition on hover, on focus and for screen readers. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Definition } from "../api";
import { base } from "./styles";

const GAP_PX = 6;
const MARGIN_PX = 8;

@customElement("nn-term")
export class TermElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: inline;
      }
      .term {
        cursor: help;
        text-decoration: underline dotted;
        text-decoration-color: var(--nn-border-strong);
        text-underline-offset: 3px;
      }
      .tip {
        position: fixed;
        inset: auto;
        margin: 0;
        width: max-content;
        max-width: min(340px, calc(100vw - 16px));
        border: 1px solid var(--nn-border);
        border-radius: 8px;
        background: var(--nn-raised);
        color: var(--nn-text);
        box-shadow: var(--nn-shadow-high);
        padding: 10px 12px;
        font: 12.5px/1.5 var(--nn-font);
        text-align: left;
        white-space: normal;
        pointer-events: none;
      }
      .tip b {
        display: block;
        margin-bottom: 2px;
        font-weight: 600;
      }
      .tip small {
        display: block;
        margin-top: 6px;
        font-size: 11.5px;
        color: var(--nn-muted);
      }
    `,
  ];

  /** Null where there is no definition: then it is plain text. */
  @property({ attribute: false }) definition: Definition | null = null;
  @property() sourceLabel = "Source";
  @state() private open = false;

  protected override render(): unknown {
    const { definition } = this;
    if (definition === null) return html`<slot></slot>`;
    return html`<span
        class="term"
        tabindex="0"
        aria-describedby="tip"
        @pointerenter=${this.#show}
        @pointerleave=${this.#hide}
        @focus=${this.#show}
        @blur=${this.#hide}
        @keydown=${this.#keydown}
        ><slot>${definition.label}</slot></span
      ><span id="tip" class="tip" role="tooltip" popover="manual"
        >${this.open
          ? html`<b>${definition.label}</b>${definition.text}${definition.source === "—"
                ? nothing
                : html`<small>${this.sourceLabel}: ${definition.source}</small>`}`
          : html`${definition.text}`}</span
      >`;
  }

  readonly #show = async (): Promise<void> => {
    this.open = true;
    await this.updateComplete;
    const tip = this.renderRoot.querySelector<HTMLElement>(".tip");
    const term = this.renderRoot.querySelector<HTMLElement>(".term");
    if (!this.open || tip === null || term === null || !this.isConnected) return;
    // The top layer: neither a scrolling box nor a card's edge cuts it off.
    tip.showPopover();
    const at = term.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const below = at.bottom + GAP_PX + size.height < window.innerHeight;
    const left = Math.min(at.left, window.innerWidth - size.width - MARGIN_PX);
    tip.style.left = `${Math.max(MARGIN_PX, left)}px`;
    tip.style.top = `${below ? at.bottom + GAP_PX : Math.max(MARGIN_PX, at.top - GAP_PX - size.height)}px`;
  };

  readonly #hide = (): void => {
    this.open = false;
    const tip = this.renderRoot.querySelector<HTMLElement>(".tip");
    if (tip?.matches(":popover-open") === true) tip.hidePopover();
  };

  readonly #keydown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") this.#hide();
  };
}
