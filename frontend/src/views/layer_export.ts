/** The data of a layer as a file. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { LayerInfo } from "../api";
import { collectLayer, layerCsv, layerJson } from "../layer_data";
import type { Context, RunView } from "./context";
import { download, fileName } from "./download";
import { menu, menuKeys, menuLeft } from "./menu";
import { base } from "./styles";

@customElement("nn-layer-export")
export class LayerExportElement extends LitElement {
  static override styles = [
    base,
    menu,
    css`
      :host {
        display: inline-block;
        font-size: 12.5px;
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
    return html`<details @focusout=${this.#left} @keydown=${menuKeys}>
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

  readonly #left = (event: FocusEvent): void => {
    if (!this.busy) menuLeft(event);
  };

  #close(): void {
    const details = this.renderRoot.querySelector("details");
    if (details !== null) details.open = false;
  }
}
