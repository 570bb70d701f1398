/** Kernels of a layer as images, at the step of the cursor. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { latest } from "../api";
import { imageShapes, kernelGrid, type Channel, type KernelGrid } from "../kernel_grid";
import { Resources, type Wanted } from "../resource";
import { neuronSeries, weightSeries, type NeuronSeries, type WeightSeries } from "../series";
import { indexAtOrBefore, togglePin } from "../state";
import { wantSeries, type Context, type LayerView, type RunView } from "./context";
import type { KernelImage } from "./kernel_images";
import { Memo } from "./memo";
import { pinsOf } from "./pins";
import { base, field } from "./styles";
import "./card";
import "./kernel_images";

/** Each image is a question of its own to the server; a page of more is not looked at anyway. */
const MOST_IMAGES = 64;
const STEPS = 200;

@customElement("nn-kernels")
export class KernelsElement extends LitElement {
  static override styles = [
    base,
    field,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      :host([hidden]) {
        display: none;
      }
      label {
        display: inline-flex;
        align-items: center;
        gap: 7px;
        font-size: 12px;
        color: var(--nn-muted);
      }
      p {
        margin: 0;
        font-size: 11.5px;
        color: var(--nn-muted);
      }
      .show {
        border: 1px solid var(--nn-border-strong);
        font-size: 12.5px;
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) layer!: LayerView;
  @property({ attribute: false }) run!: RunView;
  /** Whether a dense first layer is to be shown as images: nothing but the reader can know. */
  @state() private assumed = false;
  @state() private channel: Channel = 0;

  readonly #weights = new Resources<WeightSeries>(this);
  readonly #tracked = new Resources<NeuronSeries>(this);
  readonly #images = new Memo<readonly KernelImage[]>();
  readonly #grid = new Memo<{ readonly grid: KernelGrid; readonly sure: boolean } | null>();

  protected override render(): unknown {
    const { layer, run } = this;
    const info = run.layers.get(layer.name);
    const found = this.#grid.of([info, run], () => this.#gridOf());
    if (info?.series["weights"] === undefined || found === null) return nothing;
    if (!found.sure && !this.assumed) {
      const { height, width } = found.grid;
      return html`<button class="quiet show" @click=${() => (this.assumed = true)}>
        ${this.ctx.words.t("kernels.show", { height, width })}
      </button>`;
    }
    return this.#card(found.grid, found.sure, this.#loaded(info.neurons));
  }

  /** The shape, and whether the log itself tells it. */
  #gridOf(): { readonly grid: KernelGrid; readonly sure: boolean } | null {
    const { layer, run } = this;
    const info = run.layers.get(layer.name);
    if (info === undefined) return null;
    const told = kernelGrid(info);
    if (told !== null) return { grid: told, sure: true };
    // Only what enters the model can be an image; what enters later layers is no picture.
    const first = [...run.layers.values()].find((one) => one.fan_in > 0);
    const [shape] = first === info && info.kernel_shape.length === 2 ? imageShapes(info.fan_in) : [];
    return shape === undefined ? null : { grid: shape, sure: false };
  }

  /** The neurons whose whole incoming weights were kept, with their weights. */
  #loaded(neurons: number): ReadonlyMap<number, WeightSeries> {
    const { ctx, layer, run } = this;
    const info = run.layers.get(layer.name);
    if (info === undefined) return new Map();
    const series = info.series["weight_norm"];
    const wanted = series === undefined ? [] : [wantSeries(ctx, { run, layer: info, route: "neurons", series: "weight_norm", query: { statistic: "weight_norm" }, parse: neuronSeries })];
    const tracked = [...this.#tracked.want(wanted).values()].map(latest)[0]?.neurons;
    const which = tracked ?? Int32Array.from({ length: wanted.length > 0 ? 0 : neurons }, (_, neuron) => neuron);
    const states = this.#weights.want([...which.slice(0, MOST_IMAGES)].map((neuron) => this.#wanted(neuron)));
    const all = new Map<number, WeightSeries>();
    for (const [id, one] of states) {
      const value = latest(one);
      if (value !== null && value.columns.length === info.fan_in) all.set(Number(id), value);
    }
    return all;
  }

  #wanted(neuron: number): Wanted<WeightSeries> {
    const { ctx, layer, run } = this;
    const info = run.layers.get(layer.name) ?? layer.info;
    const request = { run, layer: info, route: "weights", series: "weights", query: { neuron, steps: STEPS }, parse: weightSeries };
    return { ...wantSeries(ctx, request), id: String(neuron) };
  }

  #card(grid: KernelGrid, sure: boolean, weights: ReadonlyMap<number, WeightSeries>): unknown {
    const { ctx, layer } = this;
    const { words } = ctx;
    // Weights that are only sampled make no image: then there is nothing to show.
    if (weights.size === 0) return nothing;
    const { height, width } = grid;
    const n = weights.size;
    const all = layer.info.neurons;
    const sub = n === all ? words.t("kernels.sub.all", { n, height, width }) : words.t("kernels.sub", { n, all, height, width });
    const channel = this.channel === "rgb" ? (grid.channels === 3 ? "rgb" : 0) : Math.min(this.channel, grid.channels - 1);
    const images = this.#images.of([...weights.values(), ctx.state.cursor], () => this.#imagesOf(weights));
    return html`<nn-card .words=${words} heading=${words.t("kernels.title")} sub=${sub} file=${`${layer.name}-kernels`}>
      ${grid.channels === 1 ? nothing : this.#channels(grid, channel)}
      <nn-kernel-images
        heading=${`${layer.name} · ${words.t("kernels.title")}`}
        .words=${words}
        .grid=${grid}
        .images=${images}
        .channel=${channel}
        .pins=${pinsOf(ctx.state, layer.name, ctx.dark)}
        ?dark=${ctx.dark}
        @nn-pin=${(event: CustomEvent<{ neuron: number }>) => {
          event.stopPropagation();
          ctx.store.update((before) => togglePin(before, layer.name, event.detail.neuron));
        }}
      ></nn-kernel-images>
      ${sure ? nothing : html`<p>${words.t("kernels.assumed", { height, width })}</p>`}
    </nn-card>`;
  }

  #channels(grid: KernelGrid, channel: Channel): TemplateResult {
    const { t } = this.ctx.words;
    const option = (value: Channel, text: string): TemplateResult =>
      html`<option value=${String(value)} ?selected=${value === channel}>${text}</option>`;
    return html`<label
      >${t("kernels.channel")}
      <select
        @change=${(event: Event) => {
          const { value } = event.target as HTMLSelectElement;
          this.channel = value === "rgb" ? "rgb" : Number(value);
        }}
      >
        ${grid.channels === 3 ? option("rgb", t("kernels.rgb")) : nothing}
        ${Array.from({ length: grid.channels }, (_, place) => option(place, String(place)))}
      </select></label
    >`;
  }

  #imagesOf(weights: ReadonlyMap<number, WeightSeries>): readonly KernelImage[] {
    const { cursor } = this.ctx.state;
    return [...weights].map(([neuron, series]) => {
      const at = indexAtOrBefore(series.steps, cursor);
      const width = series.steps.length;
      const values = Float32Array.from(series.columns, (_, column) => series.values[column * width + at] ?? Number.NaN);
      return { neuron, step: series.steps[at] ?? 0, values };
    });
  }
}
