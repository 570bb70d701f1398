/** A button that keeps charts as files: a picture of twice the size, and the numbers. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Exportable } from "../charts/contract";
import type { Words } from "../i18n";
import { download, fileName } from "./download";
import { base } from "./styles";

@customElement("nn-save-menu")
export class SaveMenuElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        position: relative;
        display: inline-block;
      }
      :host > button {
        line-height: 1;
        opacity: 0.75;
      }
      ul {
        position: absolute;
        z-index: 20;
        top: 100%;
        right: 0;
        margin: 2px 0 0;
        padding: 4px;
        list-style: none;
        border: 1px solid var(--nn-border);
        border-radius: 8px;
        background: var(--nn-raised);
        box-shadow: var(--nn-shadow-high);
        color: var(--nn-text);
        font-size: 13px;
        white-space: nowrap;
      }
      /* Below a table there is no room. */
      :host([table]) ul {
        top: auto;
        bottom: 100%;
      }
      li button {
        display: block;
        width: 100%;
        border-radius: 5px;
        padding: 5px 10px;
        text-align: left;
      }
      li.none {
        padding: 5px 10px;
        white-space: nowrap;
        color: var(--nn-muted);
      }
      li button:hover {
        background: var(--nn-hover);
      }
    `,
  ];

  @property({ attribute: false }) words!: Words;
  /** What is saved, for screen readers. */
  @property() heading = "";
  /** Begins the names of the files. */
  @property() file = "nnviz";
  /** The element whose charts are meant, however deep they stand in it. */
  @property({ attribute: false }) within: () => Iterable<Element> = () => [];
  /** Only numbers: a table is no picture. */
  @property({ type: Boolean }) table = false;
  @state() private open = false;

  protected override render(): TemplateResult {
    const { t } = this.words;
    return html`<div @focusout=${this.#left} @keydown=${this.#keydown}>
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
      ${this.open ? this.#choices() : nothing}
    </div>`;
  }

  #choices(): TemplateResult {
    const { t } = this.words;
    // In the place of a chart there may be a failure, or nothing yet.
    if ([...exportables(this.within())].length === 0) return html`<ul><li class="none">${t("card.nothing")}</li></ul>`;
    return html`<ul>
      ${this.table ? nothing : html`<li><button @click=${() => this.#save("png")}>${t("card.png")}</button></li>`}
      <li><button @click=${() => this.#save("csv")}>${t("card.csv")}</button></li>
    </ul>`;
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
    this.renderRoot.querySelector<HTMLElement>("button")?.focus();
  };

  async #save(kind: "png" | "csv"): Promise<void> {
    this.open = false;
    const charts = [...exportables(this.within())];
    if (kind === "png") {
      const pictures = await Promise.all(charts.map((chart) => chart.toPng()));
      download(await stacked(pictures), fileName(this.file, kind));
      return;
    }
    for (const [place, chart] of charts.entries()) {
      const name = chart.localName.replace(/^nn-/, "");
      // Of two charts of a kind, the second one must not take the first one's name.
      const alike = charts.slice(0, place).filter((one) => one.localName === chart.localName).length;
      const part = charts.length > 1 ? `-${name}${alike === 0 ? "" : `-${alike + 1}`}` : "";
      download(new Blob([chart.toCsv()], { type: "text/csv" }), fileName(`${this.file}${part}`, kind));
    }
  }
}

/** Pictures below one another, as the charts stand in their card. */
async function stacked(pictures: readonly Blob[]): Promise<Blob> {
  const [only] = pictures;
  if (only !== undefined && pictures.length === 1) return only;
  const images = await Promise.all(pictures.map((picture) => createImageBitmap(picture)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(0, ...images.map(({ width }) => width));
  canvas.height = images.reduce((sum, { height }) => sum + height, 0);
  const ctx = canvas.getContext("2d");
  if (ctx === null) throw new Error("the browser gives no canvas");
  let top = 0;
  for (const image of images) {
    ctx.drawImage(image, 0, top);
    top += image.height;
    image.close();
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error("the picture could not be made")) : resolve(blob)));
  });
}

/** What can be saved in elements and below them, what is in the shadow roots of parts included. */
function* exportables(elements: Iterable<Element>): Generator<Element & Exportable> {
  for (const element of elements) {
    if (isExportable(element)) yield element;
    else {
      if (element.shadowRoot !== null) yield* exportables(element.shadowRoot.children);
      yield* exportables(element.children);
    }
  }
}

function isExportable(element: Element): element is Element & Exportable {
  return "toCsv" in element;
}
