/** Raw incoming weights and bias of every pinned neuron of a layer. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Async } from "../api";
import type { LineSeries, NeuronWeights, Pin } from "../charts/contract";
import { Resources, type Wanted } from "../resource";
import { neuronSeries, weightSeries, type NeuronSeries, type WeightSeries } from "../series";
import { clearPins, togglePin } from "../state";
import { chartWords } from "./chart_words";
import { stepWords, wantSeries, type Context, type LayerView, type RunView } from "./context";
import { frame, frameStyles, together } from "./frame";
import { Memo } from "./memo";
import { pinsOf } from "./pins";
import { base, field } from "./styles";
import "../charts";
import "./card";
import "./empty";

const HEIGHT_PX = 320;
const NOT_FOUND = 404;

@customElement("nn-pinned-neurons")
export class PinnedNeurons extends LitElement {
  static override styles = [
    base,
    field,
    frameStyles,
    css`
      :host {
        display: grid;
        gap: 14px;
        min-width: 0;
      }
      .swatch {
        display: inline-block;
        width: 10px;
        height: 10px;
        border-radius: 50%;
      }
      .chip {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        border-radius: 999px;
        background: var(--nn-sunken);
        padding: 2px 4px 2px 9px;
      }
      .note {
        margin: 0;
        font-size: 11.5px;
        color: var(--nn-muted);
      }
      form {
        display: flex;
        align-items: center;
        flex-wrap: wrap;
        gap: 6px;
        font-size: 12px;
      }
      input[type="number"] {
        width: 9ch;
      }
      form .submit {
        border: 1px solid var(--nn-border-strong);
      }
      .clear {
        margin-left: auto;
      }
      .release {
        width: 20px;
        height: 20px;
        border-radius: 50%;
        font-size: 10px;
        line-height: 1;
        color: var(--nn-muted);
      }
      .release:hover {
        background: var(--nn-hover);
        color: var(--nn-text);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) layer!: LayerView;
  @property({ attribute: false }) run!: RunView;

  readonly #weights = new Resources<WeightSeries>(this);
  readonly #biases = new Resources<NeuronSeries>(this);
  readonly #drawn = new Memo<readonly NeuronWeights[]>();

  protected override render(): TemplateResult {
    const { ctx, layer } = this;
    const { words } = ctx;
    const pins = pinsOf(ctx.state, layer.name, ctx.dark);
    const weights = this.#weights.want(this.#wantedWeights(pins));
    const bias = [...this.#biases.want(pins.length === 0 ? [] : this.#wantedBias()).values()][0];
    if (pins.length === 0) {
      return html`<nn-card .words=${words} heading=${words.t("weights.none.title")} plain>
        <div class="frame" style="height:${HEIGHT_PX}px">
          <nn-empty .words=${words} text=${words.t("weights.none")}></nn-empty>
        </div>
        ${this.#form(pins)}
      </nn-card>`;
    }
    return this.#card(pins, weights, bias);
  }

  #card(
    pins: readonly Pin[],
    weights: ReadonlyMap<string, Async<WeightSeries>>,
    bias: Async<NeuronSeries> | undefined,
  ): TemplateResult {
    const { ctx, layer, run } = this;
    const { words } = ctx;
    // A neuron whose weights were not kept is no failure: the others are drawn, and it is named.
    const unkept = pins.filter((pin) => isMissing(weights.get(String(pin.neuron))));
    const kept = new Map([...weights].filter(([, one]) => !isMissing(one)));
    const state = together(kept);
    const fan = run.layers.get(layer.name)?.fan_in ?? 0;
    const columns = [...(valueOf(state)?.values() ?? [])][0]?.columns.length ?? 0;
    const sub =
      columns === 0
        ? ""
        : columns === fan
          ? words.t("weights.sub.all", { fan })
          : words.t("weights.sub", { columns, fan });
    const title =
      pins.length === 1
        ? words.t("weights.title", { neuron: pins[0]?.neuron ?? 0 })
        : words.t("weights.titles", { neurons: pins.map((pin) => words.integer(pin.neuron)).join(", ") });
    return html`<nn-card
      .words=${words}
      heading=${title}
      sub=${sub}
      file=${`${layer.name}-neurons-${pins.map((pin) => pin.neuron).join("-")}`}
      ?plain=${kept.size === 0}
    >
      ${kept.size === 0
        ? html`<div class="frame" style="height:${HEIGHT_PX}px">
            <nn-empty
              .words=${words}
              text=${unkept.map((pin) => words.t("weights.unkept", { neuron: pin.neuron })).join(" ")}
            ></nn-empty>
          </div>`
        : frame(
            words,
            HEIGHT_PX,
            state,
            (values) => html`<nn-weights-chart
              empty-text=${words.t("chart.empty")}
              heading=${`${layer.name} · ${title}`}
              .neurons=${this.#neuronsOf(pins, values, bias)}
              .time=${ctx.axis}
              .stepWords=${stepWords(ctx)}
              .words=${chartWords(words).weights}
            ></nn-weights-chart>`,
            () => this.#weights.retry(),
          )}
      ${this.#form(pins)}
      ${kept.size > 0 && unkept.length > 0
        ? html`<p class="note">
            ${unkept.map((pin) => words.t("weights.unkept", { neuron: pin.neuron })).join(" ")}
          </p>`
        : nothing}
    </nn-card>`;
  }

  #chip(pin: Pin): TemplateResult {
    const { ctx, layer } = this;
    const release = ctx.words.t("weights.release", { neuron: pin.neuron });
    return html`<span class="chip"
      ><i class="swatch" style="background:${pin.color}"></i>${ctx.words.integer(pin.neuron)}<button
        class="release"
        aria-label=${release}
        title=${release}
        @click=${() => ctx.store.update((state) => togglePin(state, layer.name, pin.neuron))}
      >
        ✕
      </button></span
    >`;
  }

  #form(pins: readonly Pin[]): TemplateResult {
    const { ctx, layer } = this;
    const { words } = ctx;
    return html`<form @submit=${this.#add}>
      ${repeat(
        pins,
        (pin) => pin.neuron,
        (pin) => this.#chip(pin),
      )}
      <input
        type="number"
        name="neuron"
        min="0"
        max=${Math.max(0, layer.info.neurons - 1)}
        step="1"
        required
        placeholder="0–${Math.max(0, layer.info.neurons - 1)}"
        aria-label=${words.t("weights.add.label")}
      />
      <button class="quiet submit" type="submit">${words.t("weights.add")}</button>
      ${pins.length > 1
        ? html`<button
            class="quiet clear"
            type="button"
            @click=${() => ctx.store.update((state) => clearPins(state, layer.name))}
          >
            ${words.t("weights.clear")}
          </button>`
        : nothing}
    </form>`;
  }

  readonly #add = (event: SubmitEvent): void => {
    event.preventDefault();
    const { ctx, layer } = this;
    const form = event.target as HTMLFormElement;
    const neuron = Number(new FormData(form).get("neuron"));
    const pinned = pinsOf(ctx.state, layer.name, ctx.dark).some((pin) => pin.neuron === neuron);
    if (!pinned) ctx.store.update((state) => togglePin(state, layer.name, neuron));
    form.reset();
  };

  #wantedWeights(pins: readonly Pin[]): Wanted<WeightSeries>[] {
    const { ctx, layer, run } = this;
    const info = run.layers.get(layer.name);
    if (info?.series["weights"] === undefined) return [];
    return pins.map((pin) => ({
      ...wantSeries(ctx, {
        run,
        layer: info,
        route: "weights",
        series: "weights",
        query: { neuron: pin.neuron },
        zoomable: true,
        parse: weightSeries,
      }),
      id: String(pin.neuron),
    }));
  }

  #wantedBias(): Wanted<NeuronSeries>[] {
    const { ctx, layer, run } = this;
    const info = run.layers.get(layer.name);
    if (info?.series["bias"] === undefined) return [];
    const query = { statistic: "bias" };
    return [wantSeries(ctx, { run, layer: info, route: "neurons", series: "bias", query, parse: neuronSeries })];
  }

  #neuronsOf(
    pins: readonly Pin[],
    values: ReadonlyMap<string, WeightSeries>,
    bias: Async<NeuronSeries> | undefined,
  ): readonly NeuronWeights[] {
    const biases = bias === undefined ? null : valueOf(bias);
    const label = this.ctx.words.t("weights.bias");
    const from = pins.flatMap((pin) => [pin.neuron, pin.color, values.get(String(pin.neuron))]);
    return this.#drawn.of([this.run.info.name, this.run.style.start, biases, label, ...from], () =>
      pins.flatMap(({ neuron, color }) => {
        const series = values.get(String(neuron));
        if (series === undefined) return [];
        const style = { run: this.run.info.name, color, start: this.run.style.start };
        const { steps, wallTimes } = series;
        const weights = { ...style, steps, wallTimes, values: series.values, rows: series.columns };
        const line = biases === null ? null : biasLine(biases, neuron);
        return [{ neuron, color, weights, bias: line === null ? null : { ...style, ...line, label } }];
      }),
    );
  }
}

/** The neuron's bias over steps; null where it was not kept. */
function biasLine(series: NeuronSeries, neuron: number): Pick<LineSeries, "steps" | "wallTimes" | "values"> | null {
  const row = series.neurons.indexOf(neuron);
  if (row < 0) return null;
  const width = series.steps.length;
  return {
    steps: series.steps,
    wallTimes: series.wallTimes,
    values: series.values.subarray(row * width, (row + 1) * width),
  };
}

function isMissing(state: Async<WeightSeries> | undefined): boolean {
  return state === undefined || (state.status === "error" && state.error.status === NOT_FOUND);
}

function valueOf<T>(state: Async<T>): T | null {
  return state.status === "ready" ? state.value : state.previous;
}
