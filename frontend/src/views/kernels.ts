/** Kernels of a layer as images, at the step of the cursor. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { latest, type Async, type LayerInfo } from "../api";
import { imageShapes, kernelGrid, type Channel, type KernelGrid } from "../kernel_grid";
import { Resources } from "../resource";
import { kernelSeries, type KernelSeries } from "../series";
import { togglePin } from "../state";
import { wantSeries, type Context, type LayerView, type RunView } from "./context";
import { frame, frameStyles } from "./frame";
import type { KernelImage } from "./kernel_images";
import { Memo } from "./memo";
import { pinsOf } from "./pins";
import { base, field } from "./styles";
import "./card";
import "./kernel_images";

/** More tiles than this appear by a button: thousands of canvases at once hold up the page. */
const FIRST_IMAGES = 256;

@customElement("nn-kernels")
export class KernelsElement extends LitElement {
  static override styles = [
    base,
    field,
    frameStyles,
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

  /** Whether all images are shown, not only the first ones. */
  @state() private all = false;

  readonly #kernels = new Resources<KernelSeries>(this);
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
    return this.#card(found.grid, found.sure, this.#wanted(info));
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

  #wanted(layer: LayerInfo): Async<KernelSeries> {
    const { ctx, run } = this;
    const { cursor } = ctx.state;
    const query = cursor === null ? {} : { step: cursor };
    const request = { run, layer, route: "kernels", series: "weights", query, parse: kernelSeries };
    const states = this.#kernels.want([{ ...wantSeries(ctx, request), patient: true }]);
    return states.get(run.info.name) ?? { status: "pending", previous: null };
  }

  #card(grid: KernelGrid, sure: boolean, kernels: Async<KernelSeries>): unknown {
    const { ctx, layer } = this;
    const { words } = ctx;
    const series = latest(kernels);
    // Weights that are only sampled make no image: then there is nothing to show.
    if (series !== null && series.columns.length !== layer.info.fan_in) return nothing;
    const { height, width } = grid;
    const all = layer.info.neurons;
    const images = series === null ? [] : this.#imagesOf(series);
    const n = images.length;
    const sub = n === all ? words.t("kernels.sub.all", { n, height, width }) : words.t("kernels.sub", { n, all, height, width });
    const channel = this.channel === "rgb" ? (grid.channels === 3 ? "rgb" : 0) : Math.min(this.channel, grid.channels - 1);
    const drawn = (): TemplateResult => html`<nn-kernel-images
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
    ></nn-kernel-images>`;
    return html`<nn-card .words=${words} heading=${words.t("kernels.title")} sub=${series === null ? "" : sub} file=${`${layer.name}-kernels`}>
      ${grid.channels === 1 ? nothing : this.#channels(grid, channel)}
      ${frame(words, null, kernels, drawn, () => this.#kernels.retry())}
      ${sure ? nothing : html`<p>${words.t("kernels.assumed", { height, width })}</p>`}
      ${series === null || n === series.neurons.length
        ? nothing
        : html`<button class="quiet show" @click=${() => (this.all = true)}>${words.t("kernels.more", { n: series.neurons.length })}</button>`}
    </nn-card>`;
  }

  #channels(grid: KernelGrid, channel: Channel): TemplateResult {
    const { t } = this.ctx.words;
    const option = (value: Channel, text: string): TemplateResult =>
      html`<option value=${String(value)} .selected=${live(value === channel)}>${text}</option>`;
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

  #imagesOf(series: KernelSeries): readonly KernelImage[] {
    const width = series.columns.length;
    const step = series.steps[0] ?? 0;
    const shown = this.all ? series.neurons : series.neurons.subarray(0, FIRST_IMAGES);
    return this.#images.of([series, this.all], () =>
      Array.from(shown, (neuron, row) => ({ neuron, step, values: series.values.subarray(row * width, (row + 1) * width) })),
    );
  }
}
