/** The data of a layer as a file. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { LayerInfo } from "../api";
import { collectLayer, layerCsv, layerJson } from "../layer_data";
import type { Context, RunView } from "./context";
import { download, fileName } from "./download";
import { base } from "./styles";

@customElement("nn-layer-export")
export class LayerExportElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        position: relative;
        font-size: 12.5px;
      }
      summary {
        cursor: pointer;
        list-style: none;
      }
      summary::after {
        content: "▾";
        margin-left: 4px;
      }
      .menu {
        position: absolute;
        z-index: 20;
        right: 0;
        border: 1px solid var(--nn-border);
        border-radius: 8px;
        background: var(--nn-raised);
        box-shadow: var(--nn-shadow-high);
        padding: 4px;
        white-space: nowrap;
      }
      .menu button {
        display: block;
        width: 100%;
        border-radius: 5px;
        padding: 5px 10px;
        text-align: left;
      }
      .menu button:hover {
        background: var(--nn-hover);
      }
      .bad {
        color: var(--nn-bad);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) run!: RunView;
  @property({ attribute: false }) layer!: LayerInfo;
  @state() private busy = false;
  @state() private failure = "";
  #request: AbortController | null = null;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#request?.abort();
  }

  protected override render(): unknown {
    const { t } = this.ctx.words;
    return html`<details @focusout=${this.#left} @keydown=${this.#keydown}>
        <summary class="quiet" aria-busy=${this.busy}>${t("export.layer")}</summary>
        <div class="menu">
          <button ?disabled=${this.busy} @click=${() => this.#save("json")}>${t("export.json")}</button>
          <button ?disabled=${this.busy} @click=${() => this.#save("csv")}>${t("export.csv")}</button>
        </div>
      </details>
      ${this.failure === "" ? nothing : html`<span class="bad" role="alert">${t("export.failed", { reason: this.failure })}</span>`}`;
  }

  async #save(kind: "json" | "csv"): Promise<void> {
    this.busy = true;
    this.failure = "";
    this.#request = new AbortController();
    const { signal } = this.#request;
    try {
      const data = await collectLayer(this.ctx.client, this.run.info, this.layer, signal);
      const text = kind === "json" ? layerJson(data) : layerCsv(data);
      const type = kind === "json" ? "application/json" : "text/csv";
      download(new Blob([text], { type }), fileName(`${this.run.info.name}-${this.layer.name}`, kind));
      this.#close();
    } catch (error) {
      if (!signal.aborted) this.failure = error instanceof Error ? error.message : String(error);
    }
    this.busy = false;
  }

  #close(): void {
    const details = this.renderRoot.querySelector("details");
    if (details !== null) details.open = false;
  }

  readonly #left = (event: FocusEvent): void => {
    const to = event.relatedTarget;
    if (!(to instanceof Node && this.renderRoot.contains(to)) && !this.busy) this.#close();
  };

  readonly #keydown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    this.#close();
    this.renderRoot.querySelector("summary")?.focus();
  };
}
