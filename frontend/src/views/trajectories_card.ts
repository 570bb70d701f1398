/** The trajectories of a layer's neurons, with the fans of the other selected runs over them. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import { latest, type Async } from "../api";
import type { Matrix } from "../charts/contract";
import type { Spread } from "../charts/trajectory_others";
import type { NeuronSeries } from "../series";
import { chartWords } from "./chart_words";
import { stepWords, type Context, type RunView } from "./context";
import { frame, frameStyles } from "./frame";
import { Memo } from "./memo";
import type { Subject } from "./neurons_subject";
import { pinsOf } from "./pins";
import { base } from "./styles";
import "../charts";
import "./card";

@customElement("nn-trajectories-card")
export class TrajectoriesCardElement extends LitElement {
  static override styles = [
    base,
    frameStyles,
    css`
      :host {
        display: grid;
        min-width: 0;
      }
      .caption {
        display: flex;
        flex-wrap: wrap;
        gap: 0 14px;
        margin: 0;
        font-size: 11.5px;
        color: var(--nn-muted);
      }
      .other {
        display: inline-flex;
        align-items: center;
        gap: 5px;
      }
      .other i {
        width: 14px;
        border-top: 2px dashed;
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) subject!: Subject;
  /** Of the run that leads, or its difference from another. */
  @property({ attribute: false }) state!: Async<NeuronSeries>;
  @property({ attribute: false }) matrixOf!: (series: NeuronSeries) => Matrix;
  /** What the other selected runs have of the statistic; none while a difference is shown. */
  @property({ attribute: false }) others: ReadonlyMap<string, Async<NeuronSeries>> = new Map();
  /** Name of the statistic. */
  @property() label = "";
  @property() sub = "";
  @property() file = "";
  @property({ type: Number }) height = 0;
  @property({ type: Boolean }) share = false;
  @property({ attribute: false }) population = 0;
  @property({ attribute: false }) retry: () => void = () => {};

  readonly #spreads = new Memo<readonly Spread[]>();

  protected override render(): TemplateResult {
    const { ctx, subject } = this;
    const { words } = ctx;
    const others = this.#othersOf();
    const drawn = (series: NeuronSeries): TemplateResult => html`<nn-trajectories
      empty-text=${words.t("chart.empty")}
      heading=${`${subject.layer.name} · ${this.label}`}
      quantity=${this.label}
      .matrix=${this.matrixOf(series)}
      .quantiles=${series.quantiles}
      .extremes=${series.extremes}
      .others=${others}
      .share=${this.share}
      .words=${chartWords(words).trajectories}
      .time=${ctx.axis}
      .stepWords=${stepWords(ctx)}
      .pins=${pinsOf(ctx.state, subject.layer.name, ctx.dark)}
    ></nn-trajectories>`;
    return html`<nn-card .words=${words} heading=${words.t("trajectories.title")} sub=${this.sub} file=${this.file}>
      ${frame(words, this.height, this.state, drawn, this.retry)}
      <p class="caption">
        <span>${words.t("trajectories.hint", { n: this.population })}</span>
        ${others.length === 0
          ? nothing
          : others.map(
              ({ run, color }) =>
                html`<span class="other"><i style="border-color:${color}"></i>${words.t("trajectories.other", { run })}</span>`,
            )}
      </p>
    </nn-card>`;
  }

  #othersOf(): readonly Spread[] {
    const found = this.subject.layer.runs.flatMap((run: RunView) => {
      const state = this.others.get(run.info.name);
      const series = state === undefined ? null : latest(state);
      return series === null || series.steps.length === 0 ? [] : [{ style: run.style, series }];
    });
    const from = found.flatMap(({ style, series }) => [style.run, style.color, style.start, series]);
    return this.#spreads.of(from, () =>
      found.map(({ style, series }) => ({
        ...style,
        steps: series.steps,
        wallTimes: series.wallTimes,
        quantiles: series.quantiles,
      })),
    );
  }
}
