/** The edge of the side bar, to be dragged or moved by ← and →; its place is kept by the browser. */

import { css, html, LitElement } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { base } from "./styles";

const KEY = "nnviz.sidebar";
const DEFAULT_PX = 236;
const LEAST_PX = 160;
const MOST_PX = 560;
const STEP_PX = 16;

@customElement("nn-splitter")
export class SplitterElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        position: relative;
        z-index: 4;
        width: 0;
      }
      div {
        position: absolute;
        inset: 0 -4px;
        width: 8px;
        cursor: col-resize;
        touch-action: none;
      }
      div:hover,
      div:active {
        background: linear-gradient(to right, transparent 3px, var(--nn-focus) 3px 5px, transparent 5px);
      }
      @media (max-width: 760px) {
        :host {
          display: none;
        }
      }
    `,
  ];

  @property() label = "";
  @state() private width = kept();

  override connectedCallback(): void {
    super.connectedCallback();
    this.#apply();
  }

  protected override render(): unknown {
    return html`<div
      role="separator"
      aria-orientation="vertical"
      aria-label=${this.label}
      aria-valuemin=${LEAST_PX}
      aria-valuemax=${MOST_PX}
      aria-valuenow=${this.width}
      tabindex="0"
      @pointerdown=${this.#grab}
      @pointermove=${this.#drag}
      @dblclick=${() => this.#set(DEFAULT_PX)}
      @keydown=${this.#key}
    ></div>`;
  }

  #set(width: number): void {
    this.width = Math.round(Math.max(LEAST_PX, Math.min(MOST_PX, width)));
    try {
      window.localStorage.setItem(KEY, String(this.width));
    } catch {
      // Storage may be forbidden: then the width lasts as long as the page.
    }
    this.#apply();
  }

  #apply(): void {
    document.documentElement.style.setProperty("--nn-side", `${this.width}px`);
  }

  readonly #grab = (event: PointerEvent): void => {
    (event.target as HTMLElement).setPointerCapture(event.pointerId);
  };

  readonly #drag = (event: PointerEvent): void => {
    if ((event.target as HTMLElement).hasPointerCapture(event.pointerId)) this.#set(event.clientX);
  };

  readonly #key = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowRight" ? STEP_PX : event.key === "ArrowLeft" ? -STEP_PX : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.#set(this.width + by);
  };
}

function kept(): number {
  try {
    const width = Number(window.localStorage.getItem(KEY));
    return width >= LEAST_PX && width <= MOST_PX ? width : DEFAULT_PX;
  } catch {
    return DEFAULT_PX;
  }
}
