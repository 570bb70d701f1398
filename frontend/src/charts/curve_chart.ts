import type { PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { float32Text, toCsv } from "../pure/csv";
import { frequencyPolygon, shareBetween } from "../pure/density_raster";
import { finiteExtent, linearScale, padded, px, type Scale } from "../pure/scale";
import { formatNumber, formatShare } from "../pure/ticks";
import { ChartElement, type LegendItem, type SliderState, type Tip } from "./chart_element";
import type { CurveSample, DensitySeries, Zones } from "./contract";
import { densityDomain } from "./density_strip";
import type { PlotAxis, PlotSpec } from "./plot_spec";
import {
  countsAt,
  curveLines,
  drawBells,
  drawChannels,
  drawOrigin,
  drawZones,
  valuesAt,
  type Bell,
} from "./curve_marks";
import { clipped, horizontal, upwards, type Rect } from "./surface";
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
    const { zones } = this;
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
      ...(bare || zones === null ? {} : { below: (surface, rect) => drawZones(surface, rect, x, zones, this.words) }),
      between: (surface, rect) => {
        drawOrigin(surface, rect, x, bare ? null : f);
        clipped(surface, rect, () => {
          drawBells(surface, rect, bells, x, bare ? 0.94 : DENSITY_HEIGHT);
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
