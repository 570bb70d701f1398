/** The density of what goes in or comes out over steps: a strip per run, all on the same axes. */

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import { latest, type Async } from "../api";
import type { DensityDifference, DensitySeries } from "../charts/contract";
import { densityDomain } from "../charts/density_strip";
import { densityDifference } from "../density_difference";
import type { Density } from "../series";
import { activationStyles } from "./activation_styles";
import { stepWords, type Context, type LayerView, type RunView } from "./context";
import { comparedRuns } from "./compared_runs";
import { frame, frameStyles } from "./frame";
import { Memo } from "./memo";
import { base } from "./styles";
import "../charts";

const STRIP_PX = 84;
/** What a strip saves when the one below it shows the steps. */
const STEP_AXIS_PX = 18;

/** Densities as charts take them: the same objects as long as the data are the same. */
export class DensitySeriesOf {
  readonly #all = new Memo<readonly DensitySeries[]>();
  readonly #one = new Map<string, Memo<DensitySeries>>();

  of(runs: readonly RunView[], states: ReadonlyMap<string, Async<Density>>): readonly DensitySeries[] {
    const all = runs.flatMap((run) => {
      const state = states.get(run.info.name);
      const value = state === undefined ? null : latest(state);
      return value === null ? [] : [this.one(run, value)];
    });
    return this.#all.of(all, () => all);
  }

  one({ info, style }: RunView, value: Density): DensitySeries {
    const memo = this.#one.get(info.name) ?? new Memo<DensitySeries>();
    this.#one.set(info.name, memo);
    return memo.of([value, style.color, style.start], () => ({
      ...style,
      steps: value.steps,
      wallTimes: value.wallTimes,
      edges: value.edges,
      counts: value.counts,
    }));
  }
}

@customElement("nn-density-strips")
export class DensityStripsElement extends LitElement {
  static override styles = [base, frameStyles, activationStyles];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) layer!: LayerView;
  @property({ attribute: false }) of: "input" | "output" = "input";
  /** By run. */
  @property({ attribute: false }) states: ReadonlyMap<string, Async<Density>> = new Map();
  @property({ attribute: false }) retry: () => void = () => {};

  readonly #series = new DensitySeriesOf();
  readonly #domain = new Memo<readonly [number, number] | null>();
  readonly #difference = new Memo<DensityDifference>();

  protected override render(): unknown {
    const runs = this.layer.runs.filter((run) => this.states.has(run.info.name));
    const all = this.#series.of(runs, this.states);
    // Side by side, runs are compared: the same height has to mean the same value in all of them.
    const domain = this.#domain.of(all, () => densityDomain(all));
    const strips = runs.map((run, place) => this.#strip(run, all, domain, runs.length, place));
    return domain === null ? strips : [...strips, this.#compared(runs, all, domain)];
  }

  /** What the run that leads has more or less of than the one that is taken away from it. */
  #compared(runs: readonly RunView[], span: readonly DensitySeries[], domain: readonly [number, number]): unknown {
    const { ctx, layer } = this;
    const { words } = ctx;
    const pair = comparedRuns(ctx, runs);
    if (pair === null || pair.against === null) return nothing;
    const [first, second] = [pair.run, pair.against].map((run) => {
      const state = this.states.get(run.info.name);
      const value = state === undefined ? null : latest(state);
      return value === null ? null : this.#series.one(run, value);
    });
    if (!first || !second) return nothing;
    const difference = this.#difference.of([first, second], () => densityDifference(first, second));
    const what = words.t(`density.${this.of}`);
    const [a, b] = difference.runs;
    if (difference.steps.length === 0) {
      return html`<p class="caption">${words.t("density.difference.none", { a, b, what })}</p>`;
    }
    const [n, m] = difference.unsharedSteps;
    const title = words.t("density.difference", { what, a, b });
    return html`<p class="caption difference">
        <span>${title}</span>
        ${difference.shares.every((share) => share === 0)
          ? html`<span>${words.t("density.difference.same")}</span>`
          : html`<span class="mark first">${words.t("density.difference.more", { run: a })}</span>
              <span class="mark second">${words.t("density.difference.more", { run: b })}</span>`}
        ${n + m === 0 ? nothing : html`<span>${words.t("difference.steps", { a, b, n, m })}</span>`}
      </p>
      <div class="strip" style="height:${STRIP_PX}px">
        <nn-density-difference-strip
          empty-text=${words.t("chart.empty")}
          heading=${`${layer.name} · ${title}`}
          .difference=${difference}
          .valueDomain=${domain}
          .span=${span}
          share-label=${words.t("density.difference.share")}
          .time=${ctx.axis}
          .stepWords=${stepWords(ctx)}
        ></nn-density-difference-strip>
      </div>`;
  }

  #strip(
    run: RunView,
    span: readonly DensitySeries[],
    domain: readonly [number, number] | null,
    count: number,
    place: number,
  ): TemplateResult | typeof nothing {
    const { ctx, layer } = this;
    const state = this.states.get(run.info.name);
    if (state === undefined) return nothing;
    const what = ctx.words.t(`density.${this.of}`);
    const last = place === count - 1;
    const drawn = (value: Density): TemplateResult => html`<nn-density-strip
      empty-text=${ctx.words.t("chart.empty")}
      heading=${`${layer.name} · ${what} · ${run.info.name}`}
      .series=${this.#series.one(run, value)}
      .valueDomain=${domain}
      .span=${span}
      count-label=${what}
      .time=${ctx.axis}
      .stepWords=${stepWords(ctx)}
      ?no-step-axis=${!last}
    ></nn-density-strip>`;
    const edge = count > 1 ? run.style.color : "transparent";
    return html`<div class="strip" style="border-color:${edge}">
      ${frame(ctx.words, last ? STRIP_PX : STRIP_PX - STEP_AXIS_PX, state, drawn, this.retry)}
    </div>`;
  }
}
