import type { PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { float32Text, toCsv } from "../pure/csv";
import { stepExtents, stepQuantiles, type StepExtents } from "../pure/quantiles";
import {
  finiteExtent,
  linearScale,
  logScale,
  padded,
  px,
  type Scale,
} from "../pure/scale";
import { lowerBound, nearestIndex, type StepSource } from "../pure/step_axis";
import { formatCount, formatNumber, formatShare, formatShareTick } from "../pure/ticks";
import type { LegendItem } from "./chart_element";
import type { Extremes, Matrix, Pin, PinDetail } from "./contract";
import { StepChart } from "./step_chart";
import type { PlotLine, PlotSpec } from "./plot_spec";
import {
  clipped,
  horizontal,
  strokeLine,
  upwards,
  type Rect,
  type Surface,
} from "./surface";
import { theme, withAlpha } from "./theme";
import { drawExtremes, FAN, fillFan, paintDensity } from "./trajectory_marks";
import { spreadLines, spreadRows, type Spread } from "./trajectory_others";
import { valueAxis } from "./value_axis";

const NOTHING = new Float32Array(0);

/** More lines than this are a raster: single ones could not be followed any more. */
const MAX_LINES = 200;
const CATCH_PX = 8;
const NINE = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1];

/**
 * One statistic of every neuron over steps as lines: few as themselves, many as the density of
 * their crossings, with the percentile fan over all neurons, the extremes as dots and the pinned
 * ones in their colours.
 * @fires nn-pin by a click on a line
 * @fires nn-cursor
 * @fires nn-zoom
 */
@customElement("nn-trajectories")
export class Trajectories extends StepChart {
  @property({ attribute: false }) matrix: Matrix | null = null;
  /** [9 × steps] over all neurons of the layer; worked out from the matrix without it. */
  @property({ attribute: false }) quantiles: Float32Array | null = null;
  @property({ attribute: false }) extremes: Extremes | null = null;
  /** Other runs, laid over by their fans. */
  @property({ attribute: false }) others: readonly Spread[] = [];
  @property({ attribute: false }) pins: readonly Pin[] = [];
  @property({ type: Boolean, attribute: "log-scale" }) logScale = false;
  @property({ type: Boolean }) share = false;
  @property({ attribute: false }) words = {
    neuron: "neuron",
    median: "median",
    fan: "p5 – p95",
    quartiles: "p25 – p75",
    lines: "neurons",
    extremes: "most extreme",
  };

  private nine: Float32Array = new Float32Array(0);
  private extents: StepExtents = { low: NOTHING, high: NOTHING };
  private hoveredRow = -1;

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    if (changed.has("matrix") || changed.has("quantiles")) {
      const matrix = this.matrix;
      this.nine =
        this.quantiles ??
        (matrix === null
          ? new Float32Array(0)
          : stepQuantiles(matrix.values, matrix.steps.length, NINE));
      this.hoveredRow = -1;
    }
    const ranged = ["matrix", "quantiles", "extremes", "logScale"];
    // Looking for a range reads every value: once per data, not once per move or zoom.
    if (ranged.some((name) => changed.has(name as keyof Trajectories))) {
      this.extents = stepExtents(
        [this.matrix?.values ?? NOTHING, this.nine, this.extremes?.values ?? NOTHING],
        this.matrix?.steps.length ?? 0,
        this.logScale,
      );
    }
  }

  protected override sources(): readonly StepSource[] {
    return this.matrix === null ? [] : [this.matrix, ...this.others];
  }

  protected override get topMargin(): number {
    return this.quantity ? 20 : 8;
  }

  /** Over the steps shown and one beyond at either end, from where lines enter the plot. */
  private valueExtent(): readonly [number, number] | null {
    if (this.matrix === null) return null;
    const [from, to] = this.stepDomain();
    const inside = (source: StepSource, rows: readonly Float32Array[]): readonly Float32Array[] => {
      const positions = this.positions(source);
      const first = Math.max(0, lowerBound(positions, from) - 1);
      const last = lowerBound(positions, to) + 1;
      return rows.map((row) => row.subarray(first, last));
    };
    const { low, high } = this.extents;
    const others = this.others.flatMap((other) => inside(other, spreadRows(other)));
    return finiteExtent([...inside(this.matrix, [low, high]), ...others]);
  }

  private valueScale(rect: Rect): Scale {
    const range = upwards(rect);
    const extent = this.valueExtent();
    if (this.logScale && extent !== null) return logScale([extent[0] / 1.1, extent[1] * 1.1], range);
    return linearScale(padded(extent ?? [0, 1], 0.05), range);
  }

  private get single(): boolean {
    return (this.matrix?.rows.length ?? 0) <= MAX_LINES;
  }

  protected override plot(): PlotSpec {
    const matrix = this.matrix;
    if (matrix === null || matrix.steps.length === 0 || matrix.rows.length === 0) {
      return this.note();
    }
    const scale = this.valueScale(this.markRect());
    const xs = this.positions(matrix);
    return {
      margins: this.margins(),
      xScale: this.stepScale(),
      bottom: this.stepAxis(),
      left: valueAxis(scale, {
        grid: true,
        name: this.logScale ? `${this.quantity} (log)` : this.quantity,
        ...(this.share ? { format: formatShareTick } : {}),
      }),
      lines: this.plotLines(matrix, xs),
      between: (surface, rect) =>
        clipped(surface, rect, () => {
          const yOf = this.valueScale(rect);
          if (!this.single) paintDensity(surface, rect, matrix, xs, this.stepDomain(), yOf);
          fillFan(surface, xs, this.nine, horizontal(this.stepDomain(), rect), yOf, this.single);
        }),
      above: (surface, rect) =>
        clipped(surface, rect, () => {
          const values = this.extremes?.values ?? NOTHING;
          const xOf = horizontal(this.stepDomain(), rect);
          drawExtremes(surface, xs, values, xOf, this.valueScale(rect));
        }),
    };
  }

  /** From back to front: ends of the fan, single neurons, median, pinned ones in their casing. */
  private plotLines(matrix: Matrix, xs: Float64Array): PlotLine[] {
    const colors = theme();
    const count = xs.length;
    const rowOf = (values: Float32Array, row: number) =>
      values.subarray(row * count, (row + 1) * count);
    const edge = withAlpha(colors.mark, 0.9);
    const faint = withAlpha(matrix.color, matrix.rows.length > 40 ? 0.35 : 0.6);
    const pinned = this.pins.flatMap(({ neuron, color }) => {
      const row = matrix.rows.indexOf(neuron);
      return row < 0 ? [] : [{ values: rowOf(matrix.values, row), color }];
    });
    return [
      ...[FAN[0], FAN[4]].map((place) => ({
        xs,
        values: rowOf(this.nine, place),
        color: edge,
        width: 1,
      })),
      ...(this.single
        ? Array.from(matrix.rows, (_, row) => ({
            xs,
            values: rowOf(matrix.values, row),
            color: faint,
            width: 1,
          }))
        : []),
      ...this.others.flatMap((other) => spreadLines(other, this.positions(other))),
      { xs, values: rowOf(this.nine, FAN[2]), color: colors.text, width: 1.5, dash: [5, 3] },
      // The casing keeps a pinned line apart from the crowd it runs through.
      ...pinned.flatMap(({ values, color }) => [
        { xs, values, color: colors.surface, width: 5 },
        { xs, values, color, width: 2.25 },
      ]),
    ];
  }

  protected override drawOverlay(surface: Surface): void {
    this.drawStepCursor(surface);
    const matrix = this.matrix;
    if (matrix === null || this.hoveredRow < 0 || this.gestures.hover === null) return;
    const rect = this.markRect();
    clipped(surface, rect, () => {
      surface.ctx.strokeStyle = surface.theme.text;
      surface.ctx.lineWidth = 1.75;
      strokeLine(
        surface.ctx,
        this.positions(matrix),
        matrix.values,
        horizontal(this.stepDomain(), rect),
        this.valueScale(rect),
        this.hoveredRow * matrix.steps.length,
      );
    });
  }

  /** Row of the line nearest to a place, −1 when none is near. */
  private rowAt(x: number, y: number, column: number): number {
    const matrix = this.matrix!;
    const rect = this.markRect();
    const yOf = this.valueScale(rect);
    const position = horizontal(this.stepDomain(), rect).fromPx(px(x));
    const positions = this.positions(matrix);
    const count = matrix.steps.length;
    // Between two steps the line is where it is drawn, not where the nearer step is.
    const after = Math.max(1, Math.min(count - 1, lowerBound(positions, position)));
    const before = count === 1 ? column : after - 1;
    const gap = (positions[after] ?? 0) - (positions[before] ?? 0);
    const part = gap > 0 ? Math.max(0, Math.min(1, (position - positions[before]!) / gap)) : 0;
    let best = -1;
    let distance = CATCH_PX;
    for (let row = 0; row < matrix.rows.length; row++) {
      const from = yOf.toPx(matrix.values[row * count + before]!);
      const to = count === 1 ? from : yOf.toPx(matrix.values[row * count + after]!);
      const away = Math.abs(from + part * (to - from) - y);
      if (away < distance) {
        distance = away;
        best = row;
      }
    }
    return best;
  }

  override hoverAt(x: number, y: number): void {
    const matrix = this.matrix;
    const step = this.stepAt(x);
    if (matrix === null || step === null) return;
    const column = nearestIndex(matrix.steps, step);
    const count = matrix.steps.length;
    this.hoveredRow = this.rowAt(x, y, column);
    const text = (value: number) => (this.share ? formatShare(value) : formatNumber(value, 4));
    const quantile = (place: number) => text(this.nine[place * count + column]!);
    const rows: [string, string, string?][] = [];
    if (this.hoveredRow >= 0) {
      const neuron = matrix.rows[this.hoveredRow]!;
      const color = this.pins.find((pin) => pin.neuron === neuron)?.color ?? matrix.color;
      const name = `${this.words.neuron} ${formatCount(neuron)}`;
      rows.push([name, text(matrix.values[this.hoveredRow * count + column]!), color]);
    }
    for (const pin of this.pins) {
      const row = matrix.rows.indexOf(pin.neuron);
      if (row < 0 || row === this.hoveredRow) continue;
      const name = `${this.words.neuron} ${formatCount(pin.neuron)}`;
      rows.push([name, text(matrix.values[row * count + column]!), pin.color]);
    }
    rows.push(
      ["p95", quantile(FAN[4])],
      [this.words.median, quantile(FAN[2])],
      ["p5", quantile(FAN[0])],
    );
    for (const other of this.others) {
      const at = nearestIndex(other.steps, step);
      const [low, middle, high] = spreadRows(other).map((row) => text(row[at] ?? NaN));
      rows.push([other.run, `${low} · ${middle} · ${high}`, other.color]);
    }
    this.showTip({ heading: this.stepText(step), rows }, x, y);
  }

  override hoverEnd(): void {
    this.hoveredRow = -1;
    this.showTip(null);
  }

  override clickAt(x: number, y: number): void {
    const step = this.stepAt(x);
    if (this.matrix === null || step === null) return;
    const row = this.rowAt(x, y, nearestIndex(this.matrix.steps, step));
    if (row >= 0) this.tell<PinDetail>("nn-pin", { neuron: this.matrix.rows[row]! });
    else super.clickAt(x, y);
  }

  protected override legendItems(): readonly LegendItem[] {
    const colors = theme();
    const kind = this.single ? ("line" as const) : ("area" as const);
    return [
      { label: this.words.lines, color: this.matrix?.color ?? colors.mark, kind },
      { label: this.words.median, color: colors.text, kind: "dashed" },
      { label: this.words.quartiles, color: withAlpha(colors.mark, 0.4), kind: "area" },
      { label: this.words.fan, color: withAlpha(colors.mark, 0.22), kind: "area" },
      ...(this.extremes === null
        ? []
        : [{ label: this.words.extremes, color: withAlpha(colors.text, 0.55), kind: "dot" as const }]),
      ...this.others.map(({ run, color }) => ({ label: run, color, kind: "dashed" as const })),
      ...this.pins.map((pin) => ({
        label: `${this.words.neuron} ${formatCount(pin.neuron)}`,
        color: pin.color,
        kind: "line" as const,
      })),
    ];
  }

  override toCsv(): string {
    const matrix = this.matrix;
    if (matrix === null) return toCsv(["step"], []);
    const count = matrix.steps.length;
    return toCsv(
      [
        "step",
        "wall_time",
        ...NINE.map((share) => `p${share * 100}`),
        ...Array.from(matrix.rows, (neuron) => `neuron ${neuron}`),
      ],
      Array.from(matrix.steps, (step, column) => [
        step,
        matrix.wallTimes[column]!,
        ...NINE.map((_, place) => float32Text(this.nine[place * count + column]!)),
        ...Array.from(matrix.rows, (_, row) => float32Text(matrix.values[row * count + column]!)),
      ]),
    );
  }
}
