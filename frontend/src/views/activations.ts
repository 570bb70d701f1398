/** Every activation of the selected runs, a card each. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { search } from "../selection";
import { comparedRuns } from "./compared_runs";
import type { Context, LayerView } from "./context";
import { CODE } from "./empty";
import { base } from "./styles";
import "./activation_card";
import "./comparison";
import "./empty";

@customElement("nn-activations-view")
export class ActivationsView extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        min-height: 100%;
      }
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 18px;
        margin-bottom: 12px;
      }
      .grid {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(370px, 100%), 1fr));
        gap: 14px;
        align-items: start;
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;

  protected override render(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const all = ctx.layers.filter((layer) => layer.info.activation !== null);
    const matches = search(ctx.state.layerFilter);
    const shown = all.filter((layer) => matches(layer.name));
    if (all.length === 0) {
      return html`<nn-empty
        .words=${ctx.words}
        heading=${t("empty.activations.title")}
        text=${t("empty.activations")}
        code=${CODE.activations}
      ></nn-empty>`;
    }
    if (shown.length === 0) {
      return html`<nn-empty .words=${ctx.words} text=${t("empty.activations.match")}></nn-empty>`;
    }
    const runs = ctx.runs.filter((run) => all.some((layer) => layer.runs.includes(run)));
    const pair = comparedRuns(ctx, runs);
    return html`${pair === null || runs.length < 2
        ? nothing
        : html`<div class="bar">
            <nn-comparison .ctx=${ctx} .runs=${runs} .run=${pair.run} .against=${pair.against}></nn-comparison>
          </div>`}
    <div class="grid">
      ${repeat(
        shown,
        (layer) => layer.name,
        (layer) => this.#card(layer),
      )}
    </div>`;
  }

  #card(layer: LayerView): unknown {
    return html`<nn-activation-card
      data-layer=${layer.name}
      .ctx=${this.ctx}
      .layer=${layer}
      ?current=${this.ctx.state.layer === layer.name}
    ></nn-activation-card>`;
  }

  #shownLayer: string | null = null;

  protected override updated(): void {
    const { layer } = this.ctx.state;
    if (layer === this.#shownLayer) return;
    this.#shownLayer = layer;
    if (layer === null) return;
    // Only when the reader has chosen another layer: otherwise nothing on screen moves by itself.
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.renderRoot
      .querySelector(`[data-layer="${CSS.escape(layer)}"]`)
      ?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  }
}
