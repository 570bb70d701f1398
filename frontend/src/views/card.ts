/** The frame of a chart: its name, what is said of it, and the ways to keep it. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Exportable } from "../charts/contract";
import type { Words } from "../i18n";
import { download, fileName } from "./download";
import { base } from "./styles";

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
      .menu {
        position: absolute;
        top: 0;
        right: -6px;
      }
      .menu > button {
        line-height: 1;
        opacity: 0.75;
      }
      ul {
        position: absolute;
        z-index: 5;
        top: 100%;
        right: 0;
        margin: 2px 0 0;
        padding: 4px;
        list-style: none;
        border: 1px solid var(--nn-border);
        border-radius: 8px;
        background: var(--nn-raised);
        box-shadow: var(--nn-shadow-high);
        white-space: nowrap;
      }
      li {
        margin: 0;
      }
      li button {
        display: block;
        width: 100%;
        border-radius: 5px;
        padding: 5px 10px;
        text-align: left;
      }
      li button:hover {
        background: var(--nn-hover);
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
  @state() private open = false;

  protected override render(): unknown {
    return html`<div class="head">
        <h2 title=${this.heading}><slot name="heading">${this.heading}</slot></h2>
        <span class="sub" title=${this.sub}>${this.sub}</span>
        <slot name="badges"></slot>
        ${this.plain ? nothing : this.#menu()}
      </div>
      <div class="body"><slot></slot></div>`;
  }

  #menu(): TemplateResult {
    const { t } = this.words;
    return html`<div class="menu" @focusout=${this.#left} @keydown=${this.#keydown}>
          <button
            class="quiet"
            aria-haspopup="true"
            aria-expanded=${this.open}
            aria-label=${`${t("card.export")}: ${this.heading}`}
            title=${t("card.export")}
            @click=${() => (this.open = !this.open)}
          >
            <svg width="14" height="14" viewBox="0 0 16 16" aria-hidden="true">
              <path
                d="M8 2v8m0 0 3.2-3.2M8 10 4.8 6.8M3 13.2h10"
                fill="none"
                stroke="currentColor"
                stroke-width="1.6"
                stroke-linecap="round"
                stroke-linejoin="round"
              />
            </svg>
          </button>
          ${this.open
            ? html`<ul>
                <li><button @click=${() => this.#save("png")}>${t("card.png")}</button></li>
                <li><button @click=${() => this.#save("csv")}>${t("card.csv")}</button></li>
              </ul>`
            : nothing}
        </div>`;
  }

  readonly #left = (event: FocusEvent): void => {
    const to = event.relatedTarget;
    if (to instanceof Node && this.renderRoot.contains(to)) return;
    this.open = false;
  };

  readonly #keydown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !this.open) return;
    event.stopPropagation();
    this.open = false;
    this.renderRoot.querySelector<HTMLElement>(".menu > button")?.focus();
  };

  async #save(kind: "png" | "csv"): Promise<void> {
    this.open = false;
    const charts = [...this.querySelectorAll("*")].filter(isExportable);
    for (const chart of charts) {
      const blob =
        kind === "png" ? await chart.toPng() : new Blob([chart.toCsv()], { type: "text/csv" });
      const part = charts.length > 1 ? `-${chart.localName.replace(/^nn-/, "")}` : "";
      download(blob, fileName(`${this.file}${part}`, kind));
    }
  }
}

function isExportable(element: Element): element is Element & Exportable {
  return "toPng" in element && "toCsv" in element;
}
