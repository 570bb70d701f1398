/** The neurons of one layer: a statistic of all of them, their paths, and the pinned ones' weights. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import { latest, type Async } from "../api";
import type { Matrix, Paths, PinDetail } from "../charts/contract";
import { difference, type Difference } from "../difference";
import { rowOrder } from "../order";
import { Resources, type Wanted } from "../resource";
import { neuronSeries, path, type NeuronSeries, type Path } from "../series";
import { indexAtOrBefore, togglePin, type Sort } from "../state";
import { chartWords } from "./chart_words";
import { stepWords, wantSeries, type Context, type RunView } from "./context";
import { CODE } from "./empty";
import { frame, frameStyles, together } from "./frame";
import { Memo } from "./memo";
import { whyMissing } from "./missing_statistic";
import { againstOf, subjectOf, type Subject } from "./neurons_subject";
import { pinsOf } from "./pins";
import { base } from "./styles";
import "../charts";
import "./card";
import "./empty";
import "./kernels";
import "./neurons_bar";
import "./pinned_neurons";
import "./trajectories_card";

const TALL_PX = 340;
const PATH_PX = 320;

@customElement("nn-neurons-view")
export class NeuronsView extends LitElement {
  static override styles = [
    base,
    frameStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 12px;
        min-height: 100%;
        container-type: inline-size;
      }
      @container (max-width: 690px) {
        .grid {
          grid-template-columns: minmax(0, 1fr) !important;
        }
      }
      .grid {
        display: grid;
        grid-template-columns: repeat(2, minmax(0, 1fr));
        gap: 14px;
      }
      .wide {
        grid-column: 1 / -1;
      }
      .caption {
        margin: 0;
        font-size: 11.5px;
        color: var(--nn-muted);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;

  readonly #neurons = new Resources<NeuronSeries>(this);
  readonly #paths = new Resources<Path>(this);
  readonly #matrices = new Map<string, Memo<Matrix>>();
  readonly #order = new Memo<Int32Array>();

  protected override render(): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const subject = subjectOf(ctx);
    if (subject === null) {
      return html`<nn-empty
        .words=${words}
        heading=${words.t("empty.layers.title")}
        text=${words.t("empty.layers")}
        code=${CODE.arrays}
      ></nn-empty>`;
    }
    const against = againstOf(ctx, subject);
    // Without a difference the other runs are laid over; with one, only its two sides are of use.
    const beside = against === null ? subject.layer.runs.filter((run) => run !== subject.run) : [against];
    const states = this.#neurons.want([subject.run, ...beside].flatMap((run) => this.#wanted(subject, run)));
    const plain = states.get(subject.run.info.name) ?? null;
    const compared = against === null ? null : this.#compared(states, subject.run, against);
    const one = compared ?? plain;
    const paths = this.#paths.want(this.#wantedPath(subject));
    const onPin = (event: CustomEvent<PinDetail>): void =>
      ctx.store.update((state) => togglePin(state, subject.layer.name, event.detail.neuron));
    return html`<nn-neurons-bar .ctx=${ctx} .subject=${subject} .series=${plain === null ? null : latest(plain)}></nn-neurons-bar>
      <div class="grid" @nn-pin=${onPin}>
        ${one === null
          ? this.#missing(subject)
          : html`${this.#heat(subject, one, paths, against)} ${this.#trajectories(subject, one, against, states)}`}
        ${this.#path(subject, paths)}
        <nn-pinned-neurons .ctx=${ctx} .layer=${subject.layer} .run=${subject.run}></nn-pinned-neurons>
        <nn-kernels class="wide" .ctx=${ctx} .layer=${subject.layer} .run=${subject.run}></nn-kernels>
      </div>`;
  }

  #wanted({ layer, statistic }: Subject, run: RunView): Wanted<NeuronSeries>[] {
    const info = run.layers.get(layer.name);
    if (info?.series[statistic] === undefined) return [];
    const query = { statistic };
    const request = { run, layer: info, route: "neurons", series: statistic, query, zoomable: true };
    return [wantSeries(this.ctx, { ...request, parse: neuronSeries })];
  }

  readonly #difference = new Memo<Difference>();

  /** The difference of the two runs, where both have come. */
  #compared(states: ReadonlyMap<string, Async<NeuronSeries>>, run: RunView, against: RunView): Async<NeuronSeries> {
    const both = together(states);
    if (both.status === "error") return { ...both, previous: null };
    const values = both.status === "ready" ? both.value : both.previous;
    const [first, second] = [values?.get(run.info.name), values?.get(against.info.name)];
    if (first === undefined || second === undefined) return { status: "pending", previous: null };
    const { series } = this.#difference.of([first, second], () => difference(first, second));
    return both.status === "ready" ? { status: "ready", value: series } : { status: "pending", previous: series };
  }

  /** What the two runs share of the layer, and what they do not. */
  #sharedText(subject: Subject, against: RunView, series: NeuronSeries): string {
    const { words } = this.ctx;
    const { unsharedNeurons, unsharedSteps } = this.#difference.value ?? { unsharedNeurons: [0, 0], unsharedSteps: [0, 0] };
    const names = { a: subject.run.info.name, b: against.info.name };
    const unshared = (key: "difference.neurons" | "difference.steps", [a, b]: readonly number[]): string[] =>
      a === 0 && b === 0 ? [] : [words.t(key, { ...names, n: a ?? 0, m: b ?? 0 })];
    const shared = words.t("difference.shared", { neurons: series.neurons.length, steps: series.steps.length });
    return [shared, ...unshared("difference.neurons", unsharedNeurons), ...unshared("difference.steps", unsharedSteps)].join(" · ");
  }

  #wantedPath({ run, info }: Subject): Wanted<Path>[] {
    if (info.series["sketch"] === undefined) return [];
    return [wantSeries(this.ctx, { run, layer: info, route: "path", series: "sketch", parse: path })];
  }

  #label({ statistic }: Subject): string {
    const { words, definitions } = this.ctx;
    return words.definition(statistic, definitions?.statistics[statistic])?.label ?? statistic;
  }

  #share({ statistic }: Subject): boolean {
    return this.ctx.definitions?.statistics[statistic]?.share === true;
  }

  #missing(subject: Subject): TemplateResult {
    const { words } = this.ctx;
    const why = whyMissing(words, subject.statistic, subject.info);
    return html`<nn-card class="wide" .words=${words} heading=${this.#label(subject)} plain>
      <div class="frame" style="height:${TALL_PX}px">
        <nn-empty
          .words=${words}
          heading=${words.t("empty.statistic", { statistic: this.#label(subject) })}
          text=${why.text}
          code=${why.code}
        ></nn-empty>
      </div>
    </nn-card>`;
  }

  #heat(
    subject: Subject,
    one: Async<NeuronSeries>,
    paths: ReadonlyMap<string, Async<Path>>,
    against: RunView | null,
  ): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const sort = ctx.state.sort;
    const chosen = paths.get(subject.run.info.name);
    const drawn = (series: NeuronSeries): TemplateResult => html`<nn-heat-map
      empty-text=${words.t("chart.empty")}
      heading=${`${subject.layer.name} · ${this.#label(subject)}`}
      quantity=${this.#label(subject)}
      .matrix=${this.#matrixOf(subject.run, series)}
      .share=${this.#share(subject)}
      .map=${against === null ? "viridis" : "diverging"}
      .words=${chartWords(words).heat}
      .order=${this.#orderOf(series, sort, chosen === undefined ? null : latest(chosen))}
      .time=${ctx.axis}
      .stepWords=${stepWords(ctx)}
      .pins=${pinsOf(ctx.state, subject.layer.name, ctx.dark)}
    ></nn-heat-map>`;
    return html`<nn-card
      .words=${words}
      heading=${words.t("heat.title")}
      sub=${this.#sub(subject, against)}
      file=${`${subject.layer.name}-${subject.statistic}${against === null ? "" : "-difference"}-heat`}
    >
      ${frame(words, TALL_PX, one, drawn, () => this.#neurons.retry())}
      ${this.#shared(subject, one, against)}
      <p class="caption">${words.t("heat.hint", { sort: words.t(`sort.${sort}`) })}</p>
    </nn-card>`;
  }

  #sub(subject: Subject, against: RunView | null): string {
    const label = this.#label(subject);
    if (against === null) return label;
    return this.ctx.words.t("difference.of", { label, a: subject.run.info.name, b: against.info.name });
  }

  #shared(subject: Subject, one: Async<NeuronSeries>, against: RunView | null): unknown {
    const series = latest(one);
    if (against === null || series === null) return nothing;
    return html`<p class="caption shared">${this.#sharedText(subject, against, series)}</p>`;
  }

  #trajectories(
    subject: Subject,
    one: Async<NeuronSeries>,
    against: RunView | null,
    states: ReadonlyMap<string, Async<NeuronSeries>>,
  ): TemplateResult {
    const { words } = this.ctx;
    const others = [...states].filter(([name]) => against === null && name !== subject.run.info.name);
    return html`<nn-trajectories-card
      .ctx=${this.ctx}
      .subject=${subject}
      .state=${one}
      .matrixOf=${(series: NeuronSeries) => this.#matrixOf(subject.run, series)}
      .others=${new Map(others)}
      label=${this.#label(subject)}
      sub=${against === null ? words.t("trajectories.sub") : this.#sub(subject, against)}
      file=${`${subject.layer.name}-${subject.statistic}${against === null ? "" : "-difference"}`}
      height=${TALL_PX}
      ?share=${this.#share(subject)}
      .population=${against === null ? subject.info.neurons : (latest(one)?.neurons.length ?? 0)}
      .retry=${() => this.#neurons.retry()}
    ></nn-trajectories-card>`;
  }

  #path(subject: Subject, paths: ReadonlyMap<string, Async<Path>>): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const one = paths.get(subject.run.info.name);
    const value = one === undefined ? null : latest(one);
    const sub =
      value === null
        ? ""
        : words.t("path.sub", {
            n: value.neurons.length,
            share: words.share(value.explained[0] + value.explained[1]),
          });
    const drawn = (found: Path): TemplateResult => html`<nn-path-chart
      empty-text=${words.t("chart.empty")}
      heading=${`${subject.layer.name} · ${words.t("path.title")}`}
      .paths=${this.#pathsOf(subject.run, found)}
      .time=${ctx.axis}
      .words=${chartWords(words).path}
      .pins=${pinsOf(ctx.state, subject.layer.name, ctx.dark)}
    ></nn-path-chart>`;
    return html`<nn-card
      .words=${words}
      heading=${words.t("path.title")}
      sub=${sub}
      file=${`${subject.layer.name}-path`}
    >
      ${one === undefined
        ? html`<div class="frame" style="height:${PATH_PX}px">
            <nn-empty .words=${words} text=${words.t("empty.sketch")}></nn-empty>
          </div>`
        : frame(words, PATH_PX, one, drawn, () => this.#paths.retry())}
    </nn-card>`;
  }

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

  readonly #drawnPaths = new Memo<Paths>();

  #pathsOf(run: RunView, found: Path): Paths {
    return this.#drawnPaths.of([found, run.style.color, run.style.start], () => ({ ...run.style, ...found }));
  }

  #orderOf(series: NeuronSeries, sort: Sort, found: Path | null): Int32Array {
    const cursor = this.ctx.state.cursor;
    // Only the order by value depends on where the cursor stands.
    const at = sort === "value" ? indexAtOrBefore(series.steps, cursor) : null;
    const from = [series, sort, at, sort === "similarity" ? found : null];
    return this.#order.of(from, () => rowOrder(series, sort, cursor, found));
  }
}
