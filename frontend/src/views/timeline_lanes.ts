/** The chosen scalars over steps, a lane for each quantity: an axis of its own, the steps shared. */

import { css, html, LitElement, nothing, svg } from "lit";
import { customElement, property } from "lit/decorators.js";
import { versionOf } from "../api";
import type { LineSeries } from "../charts/contract";
import { DASHES } from "../charts/timeline";
import { Resources, type Wanted } from "../resource";
import { scalarLanes, type ScalarLane } from "../scalar_lanes";
import { scalarSeries, type ScalarSeries } from "../series";
import { stepWords, type Context } from "./context";
import { CODE } from "./empty";
import { frame, frameStyles, together } from "./frame";
import { Memo } from "./memo";
import { base } from "./styles";
import "../charts";
import "./empty";

const ONLY_PX = 96;
/** Of several: the last one has the numbers of the steps below it. */
const LANE_PX = 54;
const LAST_LANE_PX = 74;

@customElement("nn-timeline-lanes")
export class TimelineLanesElement extends LitElement {
  static override styles = [
    base,
    frameStyles,
    css`
      :host {
        display: block;
        /* Many lanes must not push what they are the axis of out of sight. */
        max-height: 38vh;
        overflow: hidden auto;
      }
      .key {
        display: flex;
        flex-wrap: wrap;
        gap: 0 12px;
        margin: 2px 0 -3px 52px;
        font-size: 11.5px;
        line-height: 16px;
        color: var(--nn-muted);
      }
      .key span {
        display: inline-flex;
        align-items: center;
        gap: 5px;
      }
      nn-empty {
        padding: 2px 12px;
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) tags: readonly string[] = [];

  readonly #scalars = new Resources<ScalarSeries>(this);
  readonly #lines = new Map<string, Memo<readonly LineSeries[]>>();
  readonly #span = new Memo<readonly LineSeries[]>();

  protected override render(): unknown {
    const { ctx, tags } = this;
    const { t } = ctx.words;
    const wanted = tags.flatMap((tag) => this.#wantedOf(tag));
    const states = this.#scalars.want(wanted);
    if (wanted.length === 0) {
      return html`<div class="frame" style="height:${ONLY_PX}px">
        ${ctx.runs.length === 0
          ? html`<nn-empty .words=${ctx.words}></nn-empty>`
          : html`<nn-empty .words=${ctx.words} text=${t("timeline.empty")} code=${CODE.scalars}></nn-empty>`}
      </div>`;
    }
    const lanes = scalarLanes(tags);
    const alone = lanes.length === 1;
    const height = alone ? ONLY_PX : (lanes.length - 1) * LANE_PX + LAST_LANE_PX;
    return frame(
      ctx.words,
      alone ? height : null,
      together(states),
      (values) => html`<div>${this.#drawn(lanes, values)}</div>`,
      () => this.#scalars.retry(),
    );
  }

  #drawn(lanes: readonly ScalarLane[], values: ReadonlyMap<string, ScalarSeries>): unknown {
    const lines = lanes.map((lane) => this.#linesOf(values, lane));
    const all = lines.flat();
    const span = this.#span.of(all, () => all);
    return lanes.map((lane, place) => this.#lane(lane, lines[place] ?? [], span, lanes.length, place));
  }

  #lane(lane: ScalarLane, lines: readonly LineSeries[], span: readonly LineSeries[], count: number, place: number): unknown {
    const { ctx } = this;
    const last = place === count - 1;
    const height = count === 1 ? ONLY_PX : last ? LAST_LANE_PX : LANE_PX;
    return html`${count === 1 ? nothing : html`<div class="key">${scalarKey(lane.tags)}</div>`}
      <div style="height:${height}px">
        <nn-timeline
          style="height:100%"
          empty-text=${ctx.words.t("chart.empty")}
          heading=${`${ctx.words.t("timeline")}: ${lane.tags.join(", ")}`}
          .series=${lines}
          .span=${span}
          .time=${ctx.axis}
          .stepWords=${stepWords(ctx)}
          .smoothing=${ctx.state.smoothing}
          ?no-step-axis=${!last}
        ></nn-timeline>
      </div>`;
  }

  #wantedOf(tag: string): Wanted<ScalarSeries>[] {
    const { ctx } = this;
    return ctx.runs.flatMap((run) => {
      const info = run.info.scalars.find((scalar) => scalar.tag === tag);
      if (info === undefined) return [];
      const version = versionOf(info);
      const query = { run: run.info.name, tag };
      const id = idOf(run.info.name, tag);
      return [
        {
          id,
          key: id,
          version,
          load: async (signal: AbortSignal) => scalarSeries(await ctx.client.arrays("scalars", query, version, signal)),
        },
      ];
    });
  }

  #linesOf(values: ReadonlyMap<string, ScalarSeries>, lane: ScalarLane): readonly LineSeries[] {
    const memo = this.#lines.get(lane.quantity) ?? new Memo<readonly LineSeries[]>();
    this.#lines.set(lane.quantity, memo);
    const entries = lane.tags.flatMap((tag) =>
      this.ctx.runs.flatMap(({ info, style }) => {
        const series = values.get(idOf(info.name, tag));
        return series === undefined ? [] : [{ style, tag, series }];
      }),
    );
    const from = entries.flatMap(({ style, tag, series }) => [style.run, style.color, style.start, tag, series]);
    return memo.of(from, () =>
      entries.map(({ style, tag, series }) => ({
        ...style,
        steps: series.steps,
        wallTimes: series.wallTimes,
        values: series.values,
        label: tag,
      })),
    );
  }
}

/** The tags of one lane, each with the dashes that its lines have. */
export function scalarKey(tags: readonly string[]): unknown {
  return tags.map((tag, place) => {
    const dash = DASHES[place % DASHES.length] ?? [];
    const line = svg`<line x1="0" y1="4" x2="22" y2="4" stroke="currentColor" stroke-width="1.6" stroke-dasharray=${dash.join(" ") || "none"} />`;
    return html`<span data-dash=${dash.join(" ")}>
      ${tags.length === 1 ? nothing : html`<svg width="22" height="8" viewBox="0 0 22 8" aria-hidden="true">${line}</svg>`}${tag}</span
    >`;
  });
}

function idOf(run: string, tag: string): string {
  return JSON.stringify([run, tag]);
}
