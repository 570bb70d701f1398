import type { PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { float32Text, toCsv } from "../pure/csv";
import { frequencyPolygon, shareBetween, type Polygon } from "../pure/density_raster";
import { finiteExtent, linearScale, padded, px, type Scale } from "../pure/scale";
import { indexAtOrBefore, nearestIndex } from "../pure/step_axis";
import { formatNumber, formatShare } from "../pure/ticks";
import { ChartElement, type LegendItem, type SliderState, type Tip } from "./chart_element";
import type { CurveSample, DensitySeries, Zones } from "./contract";
import { densityDomain } from "./density_strip";
import type { PlotAxis, PlotLine, PlotSpec } from "./plot_spec";
import {
  clipped,
  crisp,
  fillBand,
  horizontal,
  setFont,
  upwards,
  type Rect,
  type Surface,
} from "./surface";
import { theme, withAlpha } from "./theme";
import { valueAxis } from "./value_axis";

export interface CurveWords {
  readonly input: string;
  readonly output: string;
  readonly curve: string;
  readonly slope: string;
  readonly inputs: string;
  readonly outputs: string;
  readonly dead: string;
  readonly saturated: string;
  readonly channels: string;
  readonly share: string;
}

const WORDS: CurveWords = {
  input: "input x",
  output: "output",
  curve: "f(x)",
  slope: "f′(x)",
  inputs: "inputs",
  outputs: "outputs",
  dead: "dead zone",
  saturated: "saturated",
  channels: "f of the lowest to the highest channel",
  share: "share of inputs within ±",
};

/** Density is drawn in buckets this wide: narrower ones show the noise of a probe batch. */
const BUCKET_PX = 5;
/** The density rises to this share of the plot, so that it stays under the curve. */
const DENSITY_HEIGHT = 0.5;
const KEY_MOVE = 0.01;

interface Bell {
  readonly color: string;
  readonly polygon: Polygon;
  /** Outputs are an outline, so that they are told from the inputs under them. */
  readonly outline: boolean;
}

/**
 * An activation function with the density of the inputs that really came, at one step: f solid, f′
 * dashed on its own axis, zones of saturation and death shaded. Without a curve (softmax, GLU) the
 * densities of inputs and outputs stand alone.
 */
@customElement("nn-curve-chart")
export class CurveChart extends ChartElement {
  /** One per run. */
  @property({ attribute: false }) curves: readonly CurveSample[] = [];
  @property({ attribute: false }) inputs: readonly DensitySeries[] = [];
  /** Drawn as an outline, on the same axis; only where there is no curve. */
  @property({ attribute: false }) outputs: readonly DensitySeries[] = [];
  @property({ attribute: false }) zones: Zones | null = null;
  /** Ends of the x axis; from curve and densities without it. */
  @property({ attribute: false }) xDomain: readonly [number, number] | null = null;
  @property({ attribute: false }) words: CurveWords = WORDS;

  private keyboardX: number | null = null;

  protected override get cursorMovesData(): boolean {
    return true;
  }

  protected override margins(): PlotSpec["margins"] {
    return [22, this.curves.length > 0 ? 42 : 14, 22, 52];
  }

  /** Kept while the data stay: it looks at every count of every step. */
  private shownDomain: readonly [number, number] = [-5, 5];

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    if (["xDomain", "curves", "inputs", "outputs"].some((name) => changed.has(name as "curves"))) {
      this.shownDomain = this.xDomain ?? this.domainOfData();
    }
  }

  private domain(): readonly [number, number] {
    return this.shownDomain;
  }

  private domainOfData(): readonly [number, number] {
    const counted = densityDomain([
      ...this.inputs,
      ...(this.curves.length === 0 ? this.outputs : []),
    ]);
    const grid = finiteExtent(this.curves.map((curve) => curve.x));
    if (grid === null) return counted ?? [-5, 5];
    if (counted === null) return grid;
    // The curve is worth seeing where inputs came, and around the origin, where it bends.
    return [
      Math.max(grid[0], Math.min(counted[0], -2.5)),
      Math.min(grid[1], Math.max(counted[1], 2.5)),
    ];
  }

  /** Range of curves inside the x axis, over all their bands. */
  private extent(of: "f" | "slope"): [number, number] | null {
    const [from, to] = this.domain();
    return finiteExtent(
      this.curves.map((curve) => {
        const grid = curve.x.length;
        return curve[of].filter((_, index) => {
          const x = curve.x[index % grid]!;
          return x >= from && x <= to;
        });
      }),
    );
  }

  private scales(rect: Rect): { x: Scale; f: Scale; slope: Scale } {
    const slopes = this.extent("slope") ?? [0, 1];
    return {
      x: horizontal(this.domain(), rect),
      f: linearScale(padded(this.extent("f") ?? [0, 1], 0.08), upwards(rect)),
      // Zero slope belongs to the picture: it is where nothing is learned.
      slope: linearScale(
        padded([Math.min(0, slopes[0]), Math.max(0, slopes[1])], 0.08),
        upwards(rect),
      ),
    };
  }

  private bells(series: readonly DensitySeries[], x: Scale, outline: boolean): Bell[] {
    const minWidth = x.fromPx(px(BUCKET_PX)) - x.fromPx(px(0));
    return series.flatMap((entry) => {
      const counts = countsAt(entry, this.time.cursor);
      if (counts === null) return [];
      return [
        {
          color: entry.color,
          polygon: frequencyPolygon(counts, entry.edges, minWidth),
          outline,
        },
      ];
    });
  }

  protected override plot(): PlotSpec {
    const marks = this.markRect();
    const { x, f, slope } = this.scales(marks);
    const bare = this.curves.length === 0;
    const bells = [
      ...this.bells(this.inputs, x, false),
      ...(bare ? this.bells(this.outputs, x, true) : []),
    ];
    if (bare && bells.length === 0) return this.note();
    return {
      margins: this.margins(),
      xScale: x,
      bottom: this.inputAxis(x, marks, bare ? "" : this.words.input),
      ...(bare ? {} : this.curveAxes(f, slope)),
      lines: this.curves.flatMap((curve) => curveLines(curve)),
      hoverLine: !bare,
      ...(bare ? {} : { below: (surface, rect) => this.drawZones(surface, rect, x) }),
      between: (surface, rect) => {
        this.drawOrigin(surface, rect, x, f);
        clipped(surface, rect, () => {
          this.drawBells(surface, rect, bells, x, bare ? 0.94 : DENSITY_HEIGHT);
          for (const curve of this.curves) drawChannels(surface, curve, x, f);
        });
      },
    };
  }

  private inputAxis(x: Scale, marks: Rect, name: string): PlotAxis {
    return valueAxis(x, { count: Math.max(2, marks.width / 80), name });
  }

  private curveAxes(f: Scale, slope: Scale): { left: PlotAxis; right: PlotAxis } {
    return {
      left: valueAxis(f, { name: this.words.curve, color: theme().text, grid: true }),
      right: valueAxis(slope, { name: `${this.words.slope} ┄` }),
    };
  }

  private drawZones(surface: Surface, rect: Rect, x: Scale): void {
    if (this.zones === null) return;
    const { ctx, theme } = surface;
    const { deadBelow, deadAbove, saturatedBelow, saturatedAbove } = this.zones;
    const [low, high] = x.domain;
    const shade = (from: number, to: number, fill: string, ink: string, label: string) => {
      const left = Math.max(rect.left, x.toPx(from));
      const width = Math.min(rect.left + rect.width, x.toPx(to)) - left;
      if (!(width > 0)) return;
      ctx.fillStyle = fill;
      ctx.fillRect(left, rect.top, width, rect.height);
      setFont(surface, 10);
      ctx.fillStyle = ink;
      ctx.textAlign = "center";
      ctx.textBaseline = "alphabetic";
      // Above the plot: inside, curves would run through the words.
      if (ctx.measureText(label).width < width + 8) {
        ctx.fillText(label, left + width / 2, rect.top - 6);
      }
    };
    const { dead, saturated } = this.words;
    const amber = theme.dark ? theme.warn : "#7a4b00";
    shade(low, saturatedBelow, theme.saturatedZone, amber, saturated);
    shade(saturatedAbove, high, theme.saturatedZone, amber, saturated);
    shade(low, deadBelow, theme.deadZone, theme.bad, dead);
    shade(deadAbove, high, theme.deadZone, theme.bad, dead);
  }

  private drawOrigin(surface: Surface, rect: Rect, x: Scale, f: Scale): void {
    const { ctx, theme } = surface;
    ctx.strokeStyle = theme.border;
    ctx.lineWidth = 1;
    ctx.beginPath();
    const vertical = crisp(x.toPx(0), surface.ratio);
    if (vertical > rect.left && vertical < rect.left + rect.width) {
      ctx.moveTo(vertical, rect.top);
      ctx.lineTo(vertical, rect.top + rect.height);
    }
    const level = crisp(f.toPx(0), surface.ratio);
    if (this.curves.length > 0 && level > rect.top && level < rect.top + rect.height) {
      ctx.moveTo(rect.left, level);
      ctx.lineTo(rect.left + rect.width, level);
    }
    ctx.stroke();
  }

  /** Every bell holds the same area, so that runs with other batch sizes compare. */
  private drawBells(
    surface: Surface,
    rect: Rect,
    bells: readonly Bell[],
    x: Scale,
    share: number,
  ): void {
    const { ctx } = surface;
    const highest = Math.max(0, ...bells.flatMap(({ polygon }) => [...polygon.y]));
    if (highest === 0) return;
    const bottom = rect.top + rect.height;
    const height = linearScale([0, highest], [px(bottom), px(bottom - rect.height * share)]);
    for (const { polygon, color, outline } of bells) {
      ctx.beginPath();
      polygon.x.forEach((at, index) => ctx.lineTo(x.toPx(at), height.toPx(polygon.y[index]!)));
      ctx.fillStyle = withAlpha(color, outline ? 0.06 : 0.22);
      ctx.fill();
      ctx.strokeStyle = withAlpha(color, outline ? 0.9 : 0.5);
      ctx.lineWidth = outline ? 1.5 : 1;
      ctx.setLineDash(outline ? [4, 3] : []);
      ctx.stroke();
      ctx.setLineDash([]);
    }
  }

  private tipAt(x: number): Tip {
    const [from, to] = this.domain();
    const reach = (to - from) / 40;
    const rows: [string, string, string?][] = [];
    for (const curve of this.curves) {
      const value = valuesAt(curve, x);
      const whose = this.curves.length > 1 ? ` ${curve.run}` : "";
      rows.push([`${this.words.curve}${whose}`, formatNumber(value.f, 4), curve.color]);
      rows.push([`${this.words.slope}${whose}`, formatNumber(value.slope, 4), curve.color]);
    }
    for (const series of this.inputs) {
      const counts = countsAt(series, this.time.cursor);
      if (counts === null) continue;
      const share = shareBetween(counts, series.edges, x - reach, x + reach);
      rows.push([`${this.words.share}${formatNumber(reach, 2)}`, formatShare(share), series.color]);
    }
    return { heading: `x = ${formatNumber(x, 4)}`, rows };
  }

  override hoverAt(x: number, y: number): void {
    this.keyboardX = null;
    this.showTip(this.tipAt(this.scales(this.markRect()).x.fromPx(px(x))), x, y);
  }

  override hoverEnd(): void {
    this.keyboardX = null;
    this.showTip(null);
  }

  override keyPressed(event: KeyboardEvent): boolean {
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (direction === undefined || event.ctrlKey || event.metaKey || event.altKey) return false;
    const [from, to] = this.domain();
    const move = direction * (to - from) * KEY_MOVE * (event.shiftKey ? 10 : 1);
    this.keyboardX = Math.max(from, Math.min(to, (this.keyboardX ?? 0) + move));
    const rect = this.markRect();
    const place = this.scales(rect).x.toPx(this.keyboardX);
    this.showTip(this.tipAt(this.keyboardX), place, rect.top);
    this.frame.pointAt(place);
    this.requestUpdate();
    return true;
  }

  protected override slider(): SliderState | null {
    const [min, max] = this.domain();
    const now = this.keyboardX ?? 0;
    if (this.curves.length === 0 && this.inputs.length === 0) return null;
    const tip = this.tipAt(now);
    const text = [tip.heading, ...tip.rows.map(([name, value]) => `${name} ${value}`)].join(", ");
    return { min, max, now, text };
  }

  protected override legendItems(): readonly LegendItem[] {
    const series = [...this.curves, ...this.inputs, ...this.outputs];
    const colors = new Map(series.map(({ run, color }) => [run, color]));
    const several = colors.size > 1;
    // With several runs the marks are named once, in grey, and the runs by their colours.
    const mark = several ? theme().muted : (series[0]?.color ?? theme().mark);
    const curve = this.curves.length > 0;
    const items: LegendItem[] = [];
    if (several) {
      for (const [run, color] of colors) items.push({ label: run, color, kind: "dot" });
    }
    if (curve) {
      items.push({ label: this.words.curve, color: mark, kind: "line" });
      items.push({ label: this.words.slope, color: mark, kind: "dashed" });
    }
    if (this.curves.some(({ bands }) => bands === 3)) {
      items.push({ label: this.words.channels, color: withAlpha(mark, 0.25), kind: "area" });
    }
    if (this.inputs.length > 0) {
      items.push({ label: this.words.inputs, color: withAlpha(mark, 0.4), kind: "area" });
    }
    if (!curve && this.outputs.length > 0) {
      items.push({ label: this.words.outputs, color: mark, kind: "dashed" });
    }
    return items;
  }

  override toCsv(): string {
    const rows: string[][] = [];
    for (const curve of this.curves) {
      for (let band = 0; band < curve.bands; band++) {
        curve.x.forEach((x, index) => {
          const place = band * curve.x.length + index;
          const name = curve.bands === 1 ? "" : ["lowest", "median", "highest"][band]!;
          rows.push([
            curve.run,
            "curve",
            name,
            float32Text(x),
            "",
            float32Text(curve.f[place]!),
            float32Text(curve.slope[place]!),
            "",
          ]);
        });
      }
    }
    for (const [kind, list] of [
      ["input", this.inputs],
      ["output", this.outputs],
    ] as const) {
      for (const series of list) {
        countsAt(series, this.time.cursor)?.forEach((count, bin) =>
          rows.push([
            series.run,
            kind,
            "",
            float32Text(series.edges[bin]!),
            float32Text(series.edges[bin + 1]!),
            "",
            "",
            float32Text(count),
          ]),
        );
      }
    }
    return toCsv(["run", "kind", "channel", "x", "x_to", "f", "slope", "count"], rows);
  }
}

/** Counts of the step that holds at the cursor; null where nothing was counted. */
function countsAt(series: DensitySeries, cursor: number | null): Float32Array | null {
  if (series.steps.length === 0) return null;
  const row =
    cursor === null ? series.steps.length - 1 : Math.max(0, indexAtOrBefore(series.steps, cursor));
  const bins = series.edges.length - 1;
  return series.counts.subarray(row * bins, (row + 1) * bins);
}

/** The function between its samples, by straight line; of several bands the median. */
function valuesAt(curve: CurveSample, x: number): { f: number; slope: number } {
  const grid = curve.x;
  const offset = curve.bands === 3 ? grid.length : 0;
  const nearest = nearestIndex(grid, x);
  const from = Math.max(0, Math.min(grid.length - 2, x < grid[nearest]! ? nearest - 1 : nearest));
  const share = Math.max(0, Math.min(1, (x - grid[from]!) / (grid[from + 1]! - grid[from]!)));
  const between = (values: Float32Array) =>
    values[offset + from]! * (1 - share) + values[offset + from + 1]! * share;
  return { f: between(curve.f), slope: between(curve.slope) };
}

/** The slope dashed, the function over it; of several channels the median, and the ends of slopes. */
function curveLines({ x: xs, f, slope, bands, color }: CurveSample): PlotLine[] {
  const grid = xs.length;
  const band = (values: Float32Array, index: number) =>
    values.subarray(index * grid, (index + 1) * grid);
  const middle = bands === 3 ? 1 : 0;
  // A second filled band would be taken for one of f.
  const ends = bands === 3 ? [0, 2] : [];
  return [
    {
      xs,
      values: band(slope, middle),
      color,
      width: 1.25,
      dash: [4, 3],
      right: true,
      hover: "ring",
    },
    ...ends.map((end) => ({
      xs,
      values: band(slope, end),
      color: withAlpha(color, 0.5),
      width: 1,
      dash: [2, 3],
      right: true,
    })),
    { xs, values: band(f, middle), color, width: 2.25, hover: "dot" },
  ];
}

/** From the lowest to the highest channel. */
function drawChannels({ ctx }: Surface, curve: CurveSample, x: Scale, f: Scale): void {
  if (curve.bands !== 3) return;
  ctx.fillStyle = withAlpha(curve.color, 0.2);
  fillBand(ctx, curve.x, curve.f, curve.f, x, f, 0, 2 * curve.x.length);
}
