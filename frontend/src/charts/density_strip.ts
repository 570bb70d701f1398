import type { PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { colormap } from "../pure/colormap";
import { float32Text, toCsv } from "../pure/csv";
import { densityQuantiles, densityStrip, stripColors } from "../pure/density_raster";
import { linearScale, px } from "../pure/scale";
import { columnsOf, indexAtOrBefore } from "../pure/step_axis";
import { formatCount, formatNumber } from "../pure/ticks";
import type { DensitySeries } from "./contract";
import { nanColor } from "./palette";
import { StepChart } from "./step_chart";
import type { PlotSpec } from "./plot_spec";
import { paintPixels, upwards, type Rect, type Surface } from "./surface";
import { valueAxis } from "./value_axis";

/** Values rarer than this at both ends do not set the axis. */
const TAIL_SHARE = 0.002;

/**
 * The density of an activation's inputs over steps, each step scaled to its own peak.
 * @fires nn-cursor
 * @fires nn-zoom
 */
@customElement("nn-density-strip")
export class DensityStrip extends StepChart {
  @property({ attribute: false }) series: DensitySeries | null = null;
  /** Bottom and top of the value axis; from the data without it. */
  @property({ attribute: false }) valueDomain: readonly [number, number] | null = null;
  @property({ attribute: "count-label" }) countLabel = "inputs";

  protected override sources(): readonly DensitySeries[] {
    return this.series === null ? [] : [this.series];
  }

  /** Kept while the data stay: it looks at every count of every step. */
  private shownDomain: readonly [number, number] = [-1, 1];

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    if (changed.has("series") || changed.has("valueDomain")) {
      this.shownDomain = this.valueDomain ?? densityDomain(this.sources()) ?? [-1, 1];
    }
  }

  private values(): readonly [number, number] {
    return this.shownDomain;
  }

  protected override plot(): PlotSpec {
    const series = this.series;
    if (series === null || series.steps.length === 0) return this.note();
    return {
      margins: this.margins(),
      xScale: this.stepScale(),
      bottom: this.stepAxis(false),
      left: valueAxis(linearScale(this.values(), upwards(this.markRect())), {
        name: this.quantity,
      }),
      lines: [],
      between: (surface, rect) => this.paintStrip(surface, rect, series),
    };
  }

  private paintStrip(surface: Surface, plot: Rect, series: DensitySeries): void {
    const { domain, rect } = this.covered(series, plot);
    const width = Math.round(rect.width * surface.ratio);
    const height = Math.round(rect.height * surface.ratio);
    const columns = columnsOf(this.positions(series), domain, width);
    const picture = densityStrip(series.counts, series.edges, columns, this.values(), height);
    const lut = colormap("viridis");
    paintPixels(surface, rect, stripColors(picture, lut, nanColor(surface.theme)), width, height);
  }

  protected override get topMargin(): number {
    return this.quantity ? 18 : 6;
  }

  override hoverAt(x: number, y: number): void {
    const series = this.series;
    const step = this.stepAt(x);
    if (series === null || step === null) return;
    const row = indexAtOrBefore(series.steps, step);
    const bins = series.edges.length - 1;
    const counts = series.counts.subarray(row * bins, (row + 1) * bins);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const value = linearScale(this.values(), upwards(this.markRect())).fromPx(px(y));
    const bin = indexAtOrBefore(series.edges, value);
    const count = counts[bin] ?? 0;
    const [low, middle, high] = densityQuantiles(counts, series.edges, [0.05, 0.5, 0.95]);
    const range = (from: number, to: number) => `${formatNumber(from)} … ${formatNumber(to)}`;
    this.showTip(
      {
        heading: this.stepText(step),
        rows: [
          ...(bin >= 0 && bin < bins
            ? [
                [
                  range(series.edges[bin]!, series.edges[bin + 1]!),
                  `${formatCount(count)} / ${formatCount(total)}`,
                ] as const,
              ]
            : []),
          ["p5 · p50 · p95", [low!, middle!, high!].map((entry) => formatNumber(entry)).join(" · ")],
          [this.countLabel, formatCount(total)],
        ],
      },
      x,
      y,
    );
  }

  override hoverEnd(): void {
    this.showTip(null);
  }

  override toCsv(): string {
    return densityCsv(this.sources());
  }
}

/** Every bucket of every step with a count: run, step, wall time, borders, count. */
export function densityCsv(sources: readonly DensitySeries[]): string {
  return toCsv(
    ["run", "step", "wall_time", "from", "to", "count"],
    sources.flatMap((series) => {
      const bins = series.edges.length - 1;
      return Array.from(series.steps).flatMap((step, row) =>
        Array.from({ length: bins }, (_, bin) => [
          series.run,
          step,
          series.wallTimes[row]!,
          float32Text(series.edges[bin]!),
          float32Text(series.edges[bin + 1]!),
          float32Text(series.counts[row * bins + bin]!),
        ]),
      );
    }),
  );
}

/** A value axis that holds nearly all of what was counted, over all steps; null when nothing was. */
export function densityDomain(
  sources: readonly DensitySeries[],
): readonly [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const { edges, counts } of sources) {
    const bins = edges.length - 1;
    if (bins <= 0) continue;
    const sums = new Float64Array(bins);
    for (let index = 0; index < counts.length; index++) sums[index % bins]! += counts[index]!;
    const [from, to] = densityQuantiles(sums, edges, [TAIL_SHARE, 1 - TAIL_SHARE]);
    if (from! < low) low = from!;
    if (to! > high) high = to!;
  }
  if (!(low <= high)) return null;
  const margin = (high - low) * 0.05 || 0.5;
  return [low - margin, high + margin];
}
