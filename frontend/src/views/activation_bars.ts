/** How much each neuron of an activation does, a bar each, one chart for every run. */

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import { deadNeurons } from "../activation_figures";
import { latest, type Async, type Definition } from "../api";
import type { Matrix, PinDetail } from "../charts/contract";
import { Resources } from "../resource";
import { neuronSeries, type Fields, type NeuronSeries } from "../series";
import { indexAtOrBefore, togglePin } from "../state";
import { activationStyles } from "./activation_styles";
import { chartWords } from "./chart_words";
import { wantSeries, type Context, type LayerView, type RunView } from "./context";
import { frame, frameStyles } from "./frame";
import { Memo } from "./memo";
import { pinsOf } from "./pins";
import { base } from "./styles";
import "../charts";
import "./term";

const BARS_PX = 70;
/** Per-neuron figures that say how much a neuron does, the most telling first. */
const BAR_STATISTICS = ["activity", "saturation", "dormancy"] as const;
type BarStatistic = (typeof BAR_STATISTICS)[number];
/** Below this a bar is marked: dead, by the definition of dead; dormant, by that of dormant. */
const THRESHOLDS = { activity: 0.01, saturation: Number.NaN, dormancy: 0.025 } as const;

/** What the feet of a run's bars say at the step. */
interface Marks {
  /** Per row, 1 for dead by the definition; null where only the step itself is here to judge by. */
  readonly dead: Uint8Array | null;
  readonly anyBad: boolean;
  readonly anySilent: boolean;
}

@customElement("nn-activation-bars")
export class ActivationBars extends LitElement {
  static override styles = [base, frameStyles, activationStyles];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) layer!: LayerView;
  /** The layer's figures by run, which tell the window over which dead is judged. */
  @property({ attribute: false }) figures: ReadonlyMap<string, Async<Fields>> = new Map();

  readonly #neurons = new Resources<NeuronSeries>(this);

  protected override render(): unknown {
    const { ctx, layer } = this;
    const { words } = ctx;
    // Runs may have other functions here, of which other figures are told: each shows its own.
    const statistics = new Map(layer.runs.map((run) => [run.info.name, statisticOf(run, layer.name)]));
    const states = this.#neurons.want(
      layer.runs.flatMap((run) => {
        const info = run.layers.get(layer.name);
        const statistic = statistics.get(run.info.name) ?? null;
        if (statistic === null || info === undefined) return [];
        const query = { statistic };
        const request = { run, layer: info, route: "neurons", series: statistic, query };
        return [wantSeries(ctx, { ...request, parse: neuronSeries })];
      }),
    );
    if (states.size === 0) return nothing;
    const definitionOf = (name: BarStatistic): Definition | null => words.definition(name, ctx.definitions?.statistics[name]);
    const marks = new Map<BarStatistic, Marks[]>();
    const bars = layer.runs.map((run) => {
      const one = states.get(run.info.name);
      const statistic = statistics.get(run.info.name) ?? null;
      if (one === undefined || statistic === null) return nothing;
      const value = latest(one);
      const found = value === null ? [] : [this.#marksOf(run.info.name, value, statistic)];
      marks.set(statistic, [...(marks.get(statistic) ?? []), ...found]);
      return this.#barsOf(run, one, statistic, definitionOf(statistic)?.label ?? statistic);
    });
    return html`${bars}
      <p class="caption">
        ${[...marks].map(
          ([statistic, found]) => html`<nn-term .definition=${definitionOf(statistic)} sourceLabel=${words.t("definition.source")}
              >${definitionOf(statistic)?.label ?? statistic}</nn-term
            >${this.#key(statistic, found)}`,
        )}<span class="end">${words.t("legend.click")}</span>
      </p>`;
  }

  /** What a mark at the foot of a bar means, where there are any. */
  #key(statistic: BarStatistic, marks: readonly Marks[]): unknown {
    const { t } = this.ctx.words;
    const judged = marks.every(({ dead }) => dead !== null);
    const meaning = statistic === "dormancy" ? "legend.dormant" : judged ? "legend.dead" : "legend.dead.step";
    return html`${marks.some(({ anyBad }) => anyBad) ? html`<span class="mark bad">${t(meaning)}</span>` : nothing}
    ${marks.some(({ anySilent }) => anySilent) ? html`<span class="mark silent">${t("legend.silent")}</span>` : nothing}`;
  }

  readonly #marks = new Map<string, Memo<Marks>>();

  #marksOf(run: string, series: NeuronSeries, statistic: BarStatistic): Marks {
    const memo = this.#marks.get(run) ?? new Memo<Marks>();
    this.#marks.set(run, memo);
    const state = this.figures.get(run);
    const figures = state === undefined ? null : latest(state);
    const { cursor } = this.ctx.state;
    return memo.of([series, figures, cursor], () => {
      // A thinned series lacks steps of the window.
      const whole = statistic === "activity" && figures !== null && series.keptSteps === series.steps.length;
      const dead = whole ? deadNeurons(series, figures, cursor) : null;
      const at = indexAtOrBefore(series.steps, cursor);
      const width = series.steps.length;
      const low = Array.from(series.neurons, (_, row) => (series.values[row * width + at] ?? Number.NaN) < THRESHOLDS[statistic]);
      const anyBad = dead === null ? low.includes(true) : dead.includes(1);
      return { dead, anyBad, anySilent: dead !== null && low.some((below, row) => below && dead[row] === 0) };
    });
  }

  #barsOf(
    run: RunView,
    one: Async<NeuronSeries>,
    statistic: BarStatistic,
    label: string,
  ): TemplateResult {
    const { ctx, layer } = this;
    const edge = layer.runs.length > 1 ? run.style.color : "transparent";
    const drawn = (value: NeuronSeries): TemplateResult => html`<nn-activity-bars
      empty-text=${ctx.words.t("chart.empty")}
      heading=${`${layer.name} · ${label} · ${run.info.name}`}
      quantity=${label}
      .matrix=${this.#matrixOf(run, value)}
      .time=${ctx.axis}
      .threshold=${THRESHOLDS[statistic]}
      .marked=${this.#marksOf(run.info.name, value, statistic).dead}
      .share=${ctx.definitions?.statistics[statistic]?.share ?? false}
      .words=${chartWords(ctx.words)[statistic === "dormancy" ? "dormancyBars" : "bars"]}
      .pins=${pinsOf(ctx.state, layer.name, ctx.dark)}
      @nn-pin=${this.#pin}
    ></nn-activity-bars>`;
    return html`<div class="strip" style="border-color:${edge}">
      ${frame(ctx.words, BARS_PX, one, drawn, () => this.#neurons.retry())}
    </div>`;
  }

  readonly #pin = (event: CustomEvent<PinDetail>): void => {
    const { ctx, layer } = this;
    ctx.store.update((state) => togglePin(state, layer.name, event.detail.neuron));
  };

  readonly #matrices = new Map<string, Memo<Matrix>>();

  #matrixOf(run: RunView, series: NeuronSeries): Matrix {
    const memo = this.#matrices.get(run.info.name) ?? new Memo<Matrix>();
    this.#matrices.set(run.info.name, memo);
    return memo.of([series, run.style.color, run.style.start], () => ({
      ...run.style,
      steps: series.steps,
      wallTimes: series.wallTimes,
      values: series.values,
      rows: series.neurons,
    }));
  }
}

/** Which figure tells most of what the neurons of a layer do in a run; null where none was kept. */
function statisticOf(run: RunView, layer: string): BarStatistic | null {
  const series = run.layers.get(layer)?.series;
  return BAR_STATISTICS.find((name) => series?.[name] !== undefined) ?? null;
}
