import type { PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { float32Text, toCsv } from "../pure/csv";
import {
  finiteExtent,
  linearScale,
  logScale,
  padded,
  positiveExtent,
  px,
  type Scale,
} from "../pure/scale";
import { smoothed } from "../pure/smoothing";
import { lowerBound, nearestIndex } from "../pure/step_axis";
import { formatNumber } from "../pure/ticks";
import type { LegendItem } from "./chart_element";
import type { CursorDetail, LineSeries } from "./contract";
import { StepChart } from "./step_chart";
import type { PlotLine, PlotSpec } from "./plot_spec";
import { upwards, type Surface } from "./surface";
import { valueAxis } from "./value_axis";
import { withAlpha } from "./theme";

/** Width of the strip around the cursor that takes hold of it. */
const CURSOR_GRIP_PX = 6;
/** Dashes tell the scalars of one run apart, which share its colour. */
export const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

/**
 * Scalars of several runs over steps: the time axis of every view. Draggable cursor, brush to zoom.
 * @fires nn-cursor
 * @fires nn-zoom
 */
@customElement("nn-timeline")
export class Timeline extends StepChart {
  @property({ attribute: false }) series: readonly LineSeries[] = [];
  /** Weight of the past, 0 to below 1, as in TensorBoard; the raw line stays faintly behind. */
  @property({ type: Number }) smoothing = 0;
  @property({ type: Boolean, attribute: "log-scale" }) logScale = false;

  private lines: readonly Float32Array[] = [];

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    if (changed.has("series") || changed.has("smoothing")) {
      const weight = Math.max(0, Math.min(0.999, this.smoothing));
      this.lines = this.series.map((series) => smoothed(series.values, weight));
    }
  }

  protected override sources(): readonly LineSeries[] {
    return this.series;
  }

  private valueScale(): Scale {
    const [from, to] = this.stepDomain();
    // Zooming in on steps zooms in on their values too. The smoothed line sets the range, so that
    // a single spike of the raw one does not flatten it.
    const shown = this.series.map((series, index) => {
      const positions = this.positions(series);
      const first = Math.max(0, lowerBound(positions, from) - 1);
      const last = lowerBound(positions, to) + 1;
      return this.lines[index]!.subarray(first, last);
    });
    const range = upwards(this.markRect());
    if (this.logScale) {
      const extent = positiveExtent(shown);
      if (extent !== null) return logScale([extent[0] / 1.1, extent[1] * 1.1], range);
    }
    return linearScale(padded(finiteExtent(shown) ?? [0, 1], 0.06), range);
  }

  protected override plot(): PlotSpec {
    if (this.series.every((series) => series.steps.length === 0)) return this.note();
    const scale = this.valueScale();
    return {
      margins: this.margins(),
      xScale: this.stepScale(),
      bottom: this.stepAxis(false),
      left: valueAxis(scale, { count: Math.max(2, this.markRect().height / 30), grid: true }),
      lines: this.series.flatMap((series, index) => this.linesOf(series, this.lines[index]!)),
      hoverLine: true,
    };
  }

  private linesOf(series: LineSeries, values: Float32Array): PlotLine[] {
    const { color } = series;
    const xs = this.positions(series);
    const dash = this.dashOf(series);
    const line: PlotLine = { xs, values, color, width: 1.5, dash, hover: "dot" };
    if (values === series.values) return [line];
    return [{ xs, values: series.values, color: withAlpha(color, 0.25), width: 1 }, line];
  }

  private dashOf(series: LineSeries): readonly number[] {
    const labels = [...new Set(this.series.map((entry) => entry.label))];
    return DASHES[labels.indexOf(series.label) % DASHES.length]!;
  }

  protected override drawOverlay(surface: Surface): void {
    const rect = this.markRect();
    this.drawStepCursor(surface, !this.noStepAxis);
    const { ctx, theme } = surface;
    const step = this.cursorStep();
    if (step !== null && !this.noStepAxis) {
      // A grip, so that the line is seen to be movable.
      const x = this.xOfStep(step);
      if (x >= rect.left - 1 && x <= rect.left + rect.width + 1) {
        ctx.fillStyle = theme.accentLine;
        ctx.beginPath();
        ctx.moveTo(x - 5, rect.top + rect.height + 5);
        ctx.lineTo(x + 5, rect.top + rect.height + 5);
        ctx.lineTo(x, rect.top + rect.height - 2);
        ctx.fill();
      }
    }
  }

  override hoverAt(x: number, y: number): void {
    const position = this.stepScale().fromPx(px(x));
    const rows = this.series.flatMap((series, index) => {
      const nearest = nearestIndex(this.positions(series), position);
      if (nearest < 0) return [];
      const raw = series.values[nearest]!;
      const line = this.lines[index]![nearest]!;
      const value =
        line === raw ? formatNumber(raw, 4) : `${formatNumber(line, 4)} (${formatNumber(raw, 4)})`;
      const name = this.series.length > 1 ? `${series.run} · ${series.label}` : series.label;
      return [[name, value, series.color] as const];
    });
    const step = this.stepAt(x);
    this.showTip(step === null ? null : { heading: this.stepText(step), rows }, x, y);
  }

  override hoverEnd(): void {
    this.showTip(null);
  }

  override dragAt(x: number, _y: number, phase: "start" | "move" | "end"): boolean {
    const step = this.cursorStep();
    if (phase === "start") {
      return step !== null && Math.abs(x - this.xOfStep(step)) <= CURSOR_GRIP_PX;
    }
    // Where the pointer is let go, the last move has already been told.
    const next = phase === "move" ? this.stepAt(x) : null;
    if (next !== null && next !== step) this.tell<CursorDetail>("nn-cursor", { step: next });
    return true;
  }

  protected override legendItems(): readonly LegendItem[] {
    return this.series.map((series) => ({
      label: `${series.run} · ${series.label}`,
      color: series.color,
      kind: this.dashOf(series).length > 0 ? "dashed" : "line",
    }));
  }

  override toCsv(): string {
    return toCsv(
      ["run", "tag", "step", "wall_time", "value", "smoothed"],
      this.series.flatMap((series, index) =>
        Array.from(series.steps, (step, row) => [
          series.run,
          series.label,
          step,
          series.wallTimes[row]!,
          float32Text(series.values[row]!),
          float32Text(this.lines[index]![row]!),
        ]),
      ),
    );
  }
}
