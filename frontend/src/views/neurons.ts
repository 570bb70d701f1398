/** The neurons of one layer: a statistic of all of them, their paths, and the pinned ones' weights. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Async, LayerInfo } from "../api";
import type { Matrix, Paths, PinDetail } from "../charts/contract";
import { rowOrder } from "../order";
import { Resources, type Wanted } from "../resource";
import { search } from "../selection";
import { neuronSeries, path, type NeuronSeries, type Path } from "../series";
import { indexAtOrBefore, SORTS, togglePin, type Sort } from "../state";
import { chartWords } from "./chart_words";
import { stepWords, wantSeries, type Context, type LayerView, type RunView } from "./context";
import { CODE } from "./empty";
import { frame, frameStyles } from "./frame";
import { Memo } from "./memo";
import { whyMissing } from "./missing_statistic";
import { pinsOf } from "./pins";
import { base, field } from "./styles";
import "../charts";
import "./card";
import "./empty";
import "./pinned_neurons";
import "./term";

const TALL_PX = 340;
const PATH_PX = 320;

/** The layer, the run and the statistic that the view shows. */
interface Subject {
  readonly layer: LayerView;
  readonly run: RunView;
  readonly info: LayerInfo;
  readonly statistic: string;
}

@customElement("nn-neurons-view")
export class NeuronsView extends LitElement {
  static override styles = [
    base,
    field,
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
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 18px;
      }
      h1 {
        margin: 0;
        font-size: 16px;
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      h1 small {
        font-size: 12.5px;
        font-weight: 400;
        color: var(--nn-muted);
        margin-left: 4px;
      }
      label,
      .choice {
        display: inline-flex;
        align-items: center;
        gap: 7px;
        color: var(--nn-muted);
        font-size: 12.5px;
      }
      select {
        color: var(--nn-text);
      }
      .segments {
        display: inline-flex;
        border: 1px solid var(--nn-border-strong);
        border-radius: 6px;
        overflow: hidden;
        background: var(--nn-surface);
      }
      .segments button {
        padding: 5px 10px;
        color: var(--nn-text);
      }
      .segments button:hover {
        background: var(--nn-hover);
      }
      .segments button[aria-checked="true"] {
        background: var(--nn-selected);
        font-weight: 600;
      }
      .segments button:focus-visible {
        outline-offset: -3px;
      }
      .segments i {
        display: inline-block;
        width: 9px;
        height: 9px;
        margin-right: 6px;
        border-radius: 50%;
      }
      .counts {
        margin-left: auto;
        font-size: 12px;
        color: var(--nn-muted);
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
    const subject = this.#subject();
    if (subject === null) {
      return html`<nn-empty
        .words=${words}
        heading=${words.t("empty.layers.title")}
        text=${words.t("empty.layers")}
        code=${CODE.arrays}
      ></nn-empty>`;
    }
    const one = this.#neurons.want(this.#wanted(subject)).get(subject.run.info.name) ?? null;
    const paths = this.#paths.want(this.#wantedPath(subject));
    const onPin = (event: CustomEvent<PinDetail>): void =>
      ctx.store.update((state) => togglePin(state, subject.layer.name, event.detail.neuron));
    return html`${this.#toolbar(subject, one)}
      <div class="grid" @nn-pin=${onPin}>
        ${one === null
          ? this.#missing(subject)
          : html`${this.#heat(subject, one, paths)} ${this.#trajectories(subject, one)}`}
        ${this.#path(subject, paths)}
        <nn-pinned-neurons
          .ctx=${ctx}
          .layer=${subject.layer}
          .run=${subject.run}
        ></nn-pinned-neurons>
      </div>`;
  }

  /** What is meant by the reader's choices, as far as it exists. */
  #subject(): Subject | null {
    const { ctx } = this;
    const matches = search(ctx.state.layerFilter);
    const all = ctx.layers.filter((layer) => layer.info.neurons > 0 && hasStatistics(ctx, layer));
    const layer =
      all.find((one) => one.name === ctx.state.layer) ?? all.find((one) => matches(one.name)) ?? all[0];
    const run = layer?.runs.find((one) => one.info.name === ctx.state.focus) ?? layer?.runs[0];
    const info = layer === undefined ? undefined : run?.layers.get(layer.name);
    if (layer === undefined || run === undefined || info === undefined) return null;
    return { layer, run, info, statistic: ctx.state.statistic };
  }

  #wanted({ run, info, statistic }: Subject): Wanted<NeuronSeries>[] {
    if (info.series[statistic] === undefined) return [];
    const query = { statistic };
    const request = { run, layer: info, route: "neurons", series: statistic, query, zoomable: true };
    return [wantSeries(this.ctx, { ...request, parse: neuronSeries })];
  }

  #wantedPath({ run, info }: Subject): Wanted<Path>[] {
    if (info.series["sketch"] === undefined) return [];
    return [wantSeries(this.ctx, { run, layer: info, route: "path", series: "sketch", parse: path })];
  }

  #toolbar(subject: Subject, one: Async<NeuronSeries> | null): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const { layer, info, statistic } = subject;
    const definition = words.definition(statistic, ctx.definitions?.statistics[statistic]);
    const kernel =
      info.kernel_shape.length === 0
        ? info.type
        : `${info.type} · ${words.t("neurons.kernel", { shape: info.kernel_shape.join(" × ") })}`;
    return html`<div class="bar">
      <h1>${layer.name} <small>${kernel}</small></h1>
      ${this.#runs(subject)}
      <span class="choice"
        ><nn-term .definition=${definition} sourceLabel=${words.t("definition.source")}
          >${words.t("neurons.statistic")}</nn-term
        >
        <select
          aria-label=${words.t("neurons.statistic")}
          @change=${(event: Event) =>
            ctx.store.set({ statistic: (event.target as HTMLSelectElement).value })}
        >
          ${this.#statistics(subject)}
        </select></span
      >
      <span class="choice"
        >${words.t("neurons.sort")}
        <span class="segments" role="radiogroup" aria-label=${words.t("neurons.sort")} @keydown=${radioKeys}>
          ${SORTS.map((sort) => this.#sort(sort))}
        </span></span
      >
      <span class="counts">${this.#counts(subject, one)}</span>
    </div>`;
  }

  #runs({ layer, run }: Subject): unknown {
    const { ctx } = this;
    if (layer.runs.length < 2) return nothing;
    return html`<span class="choice"
      >${ctx.words.t("neurons.run")}
      <span class="segments" role="radiogroup" aria-label=${ctx.words.t("neurons.run")} @keydown=${radioKeys}>
        ${layer.runs.map(
          (one) =>
            html`<button
              role="radio"
              aria-checked=${one === run}
              tabindex=${one === run ? 0 : -1}
              @click=${() => ctx.store.set({ focus: one.info.name })}
            >
              <i style="background:${one.style.color}"></i>${one.info.name}
            </button>`,
        )}
      </span></span
    >`;
  }

  #statistics({ info, statistic }: Subject): unknown {
    const { ctx } = this;
    const names = Object.keys(ctx.definitions?.statistics ?? {});
    const all = names.includes(statistic) ? names : [statistic, ...names];
    const option = (name: string): TemplateResult => {
      const label = ctx.words.definition(name, ctx.definitions?.statistics[name])?.label ?? name;
      return html`<option value=${name} ?selected=${name === statistic}>${label}</option>`;
    };
    const recorded = all.filter((name) => info.series[name] !== undefined);
    const missing = all.filter((name) => info.series[name] === undefined);
    return html`${recorded.map(option)}
    ${missing.length === 0
      ? nothing
      : html`<optgroup label=${ctx.words.t("neurons.unrecorded")}>${missing.map(option)}</optgroup>`}`;
  }

  #sort(sort: Sort): TemplateResult {
    const { store, state, words } = this.ctx;
    return html`<button
      role="radio"
      aria-checked=${state.sort === sort}
      tabindex=${state.sort === sort ? 0 : -1}
      title=${words.t(`sort.${sort}.title`)}
      @click=${() => store.set({ sort })}
    >
      ${words.t(`sort.${sort}`)}
    </button>`;
  }

  #counts(subject: Subject, one: Async<NeuronSeries> | null): unknown {
    const { words } = this.ctx;
    const series = one === null ? null : valueOf(one);
    if (series === null) return nothing;
    const tracked = series.neurons.length;
    const neurons =
      tracked < series.population
        ? html`<span title=${words.t("neurons.sample.title")}
            >${words.t("neurons.sample", { tracked, n: series.population })}</span
          >`
        : words.t("neurons.all", { n: subject.info.neurons });
    const kept = words.t("neurons.kept", {
      steps: series.keptSteps,
      first: series.firstStep ?? "—",
      last: series.lastStep ?? "—",
    });
    const skipped = series.skipped.length;
    return html`${neurons} ·
    ${kept}${skipped === 0
      ? nothing
      : html` · <span title=${series.skipped.join("\n")}>${words.t("skipped", { n: skipped })}</span>`}`;
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

  #heat(subject: Subject, one: Async<NeuronSeries>, paths: ReadonlyMap<string, Async<Path>>): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const sort = ctx.state.sort;
    const chosen = paths.get(subject.run.info.name);
    const drawn = (series: NeuronSeries): TemplateResult => html`<nn-heat-map
      heading=${`${subject.layer.name} · ${this.#label(subject)}`}
      quantity=${this.#label(subject)}
      .matrix=${this.#matrixOf(subject.run, series)}
      .share=${this.#share(subject)}
      .words=${chartWords(words).heat}
      .order=${this.#orderOf(series, sort, chosen === undefined ? null : valueOf(chosen))}
      .time=${ctx.axis}
      .stepWords=${stepWords(ctx)}
      .pins=${pinsOf(ctx.state, subject.layer.name, ctx.dark)}
    ></nn-heat-map>`;
    return html`<nn-card
      .words=${words}
      heading=${words.t("heat.title")}
      sub=${this.#label(subject)}
      file=${`${subject.layer.name}-${subject.statistic}-heat`}
    >
      ${frame(words, TALL_PX, one, drawn, () => this.#neurons.retry())}
      <p class="caption">${words.t("heat.hint", { sort: words.t(`sort.${sort}`) })}</p>
    </nn-card>`;
  }

  #trajectories(
    subject: Subject,
    one: Async<NeuronSeries>,
  ): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const drawn = (series: NeuronSeries): TemplateResult => html`<nn-trajectories
      heading=${`${subject.layer.name} · ${this.#label(subject)}`}
      quantity=${this.#label(subject)}
      .matrix=${this.#matrixOf(subject.run, series)}
      .quantiles=${series.quantiles}
      .extremes=${series.extremes}
      .share=${this.#share(subject)}
      .words=${chartWords(words).trajectories}
      .time=${ctx.axis}
      .stepWords=${stepWords(ctx)}
      .pins=${pinsOf(ctx.state, subject.layer.name, ctx.dark)}
    ></nn-trajectories>`;
    return html`<nn-card
      .words=${words}
      heading=${words.t("trajectories.title")}
      sub=${words.t("trajectories.sub")}
      file=${`${subject.layer.name}-${subject.statistic}`}
    >
      ${frame(words, TALL_PX, one, drawn, () => this.#neurons.retry())}
      <p class="caption">${words.t("trajectories.hint", { n: subject.info.neurons })}</p>
    </nn-card>`;
  }

  #path(subject: Subject, paths: ReadonlyMap<string, Async<Path>>): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const one = paths.get(subject.run.info.name);
    const value = one === undefined ? null : valueOf(one);
    const sub =
      value === null
        ? ""
        : words.t("path.sub", {
            n: value.neurons.length,
            share: words.share(value.explained[0] + value.explained[1]),
          });
    const drawn = (found: Path): TemplateResult => html`<nn-path-chart
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
    return memo.of([series, run.style.color], () => ({
      ...run.style,
      steps: series.steps,
      wallTimes: series.wallTimes,
      values: series.values,
      rows: series.neurons,
    }));
  }

  readonly #drawnPaths = new Memo<Paths>();

  #pathsOf(run: RunView, found: Path): Paths {
    return this.#drawnPaths.of([found, run.style.color], () => ({ ...run.style, ...found }));
  }

  #orderOf(series: NeuronSeries, sort: Sort, found: Path | null): Int32Array {
    const cursor = this.ctx.state.cursor;
    // Only the order by value depends on where the cursor stands.
    const at = sort === "value" ? indexAtOrBefore(series.steps, cursor) : null;
    const from = [series, sort, at, sort === "similarity" ? found : null];
    return this.#order.of(from, () => rowOrder(series, sort, cursor, found));
  }
}

function hasStatistics(ctx: Context, layer: LayerView): boolean {
  const names = ctx.definitions?.statistics;
  return names === undefined || Object.keys(layer.info.series).some((name) => name in names);
}

/** ← and → inside a group of radio buttons choose, as they do in native ones. */
function radioKeys(event: KeyboardEvent): void {
  const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (by === 0) return;
  event.preventDefault();
  const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=radio]")];
  const here = buttons.indexOf(event.target as HTMLElement);
  const next = buttons[(here + by + buttons.length) % buttons.length];
  next?.click();
  next?.focus();
}

function valueOf<T>(state: Async<T>): T | null {
  return state.status === "ready" ? state.value : state.previous;
}
