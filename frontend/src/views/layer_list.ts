/** The layers of the selected runs, with how they are. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import { NOT_MEASURED } from "../findings";
import { sentenceOf } from "../i18n_findings";
import { search } from "../selection";
import type { Context, LayerView } from "./context";
import { onceDrawn } from "./once_drawn";
import { badge, base, field, section } from "./styles";

/** About as many as are in sight at first; the others follow once those are drawn. */
const FIRST_ROWS = 30;

@customElement("nn-layer-list")
export class LayerListElement extends LitElement {
  static override styles = [
    base,
    field,
    badge,
    section,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
      }
      section {
        flex: 0 1 auto;
        min-height: 0;
      }
      .layers {
        overflow: auto;
        min-height: 0;
      }
      /* Of a thousand layers only those in sight are laid out and painted. */
      li {
        content-visibility: auto;
        contain-intrinsic-size: auto 26px;
      }
      .layer {
        display: flex;
        align-items: center;
        gap: 8px;
        width: 100%;
        border-radius: 6px;
        padding: 4px;
        padding-left: 8px;
        text-align: left;
      }
      .layer:hover {
        background: var(--nn-hover);
      }
      .layer .name {
        flex: 1;
      }
      .layer[aria-current="true"] {
        background: var(--nn-selected);
      }
      .path {
        color: var(--nn-muted);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @state() private most = FIRST_ROWS;

  protected override firstUpdated(): void {
    onceDrawn(() => (this.most = Number.POSITIVE_INFINITY));
  }

  protected override render(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    if (ctx.layers.length === 0) return nothing;
    const matches = search(ctx.state.layerFilter);
    const shown = ctx.layers.filter((layer) => matches(layer.name));
    // Tab leads to one of them, ↑ and ↓ to the others: nobody tabs through a thousand.
    const reached = shown.find((layer) => layer.name === ctx.state.layer) ?? shown[0];
    return html`<section aria-labelledby="layers">
      <h2 id="layers">${t("layers")} <span>${ctx.words.integer(shown.length)} / ${ctx.words.integer(ctx.layers.length)}</span></h2>
      <input
        type="search"
        placeholder=${t("layers.search")}
        aria-label=${t("layers.search")}
        spellcheck="false"
        .value=${ctx.state.layerFilter}
        @input=${(event: InputEvent) => ctx.store.set({ layerFilter: (event.target as HTMLInputElement).value })}
      />
      ${shown.length === 0 ? html`<div class="note" role="status">${t("layers.none.match")}</div>` : nothing}
      ${guard(
        // A thousand rows are not gone through again for every move of the cursor.
        [ctx.layers, ctx.health, ctx.words, ctx.state.layerFilter, ctx.state.layer, this.most],
        () => html`<ul class="layers" @keydown=${this.#keys}>
          ${repeat(
            shown.slice(0, this.most),
            (layer) => layer.name,
            (layer) => this.#layer(layer, layer === reached),
          )}
        </ul>`,
      )}
    </section>`;
  }

  #layer(layer: LayerView, reached: boolean): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const slash = layer.name.lastIndexOf("/") + 1;
    const health = ctx.health.get(layer.name) ?? NOT_MEASURED;
    const status = words.t(`health.${health.status}`);
    const sentences = health.findings.map((one) => sentenceOf(words, one));
    const missing = ctx.runs.filter((run) => !run.layers.has(layer.name)).map((run) => run.info.name);
    const title = [
      `${layer.name} — ${layer.info.type}, ${status}`,
      ...sentences,
      ...(missing.length === 0 ? [] : [words.t("missing.run", { runs: missing.join(", ") })]),
      ...layer.info.notes,
    ].join("\n");
    return html`<li>
      <button
        class="layer"
        title=${title}
        aria-current=${ctx.state.layer === layer.name}
        tabindex=${reached ? 0 : -1}
        @click=${() => ctx.store.set({ layer: layer.name })}
      >
        <span class="name"
          ><bdi><span class="path">${layer.name.slice(0, slash)}</span>${layer.name.slice(slash)}</bdi></span
        >
        <span class="dot ${health.status}" role="img" aria-label=${[status, ...sentences].join(" ")}></span>
      </button>
    </li>`;
  }

  readonly #keys = (event: KeyboardEvent): void => {
    const far = Number.MAX_SAFE_INTEGER;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -far, End: far }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const buttons = [...this.renderRoot.querySelectorAll<HTMLElement>(".layer")];
    const here = buttons.indexOf(event.target as HTMLElement);
    buttons[Math.min(buttons.length - 1, Math.max(0, here + by))]?.focus();
  };
}
