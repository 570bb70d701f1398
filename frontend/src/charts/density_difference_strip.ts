import { customElement, property } from "lit/decorators.js";
import { colormap } from "../pure/colormap";
import { float32Text, toCsv } from "../pure/csv";
import { differenceStrip, signedColors } from "../pure/density_raster";
import { linearScale, px } from "../pure/scale";
import { columnsOf, indexAtOrBefore } from "../pure/step_axis";
import { formatNumber, formatShare } from "../pure/ticks";
import type { DensityDifference } from "./contract";
import { nanColor } from "./palette";
import type { PlotSpec } from "./plot_spec";
import { StepChart } from "./step_chart";
import { paintPixels, upwards, type Rect, type Surface } from "./surface";
import { valueAxis } from "./value_axis";

/**
 * The difference of two runs' densities over steps: red where the first has more of its inputs, blue
 * where the second has.
 * @fires nn-cursor
 * @fires nn-zoom
 */
@customElement("nn-density-difference-strip")
export class DensityDifferenceStrip extends StepChart {
  @property({ attribute: false }) difference: DensityDifference | null = null;
  /** Bottom and top of the value axis. */
  @property({ attribute: false }) valueDomain: readonly [number, number] = [-1, 1];
  /** What the figures of a tip are. */
  @property({ attribute: "share-label" }) shareLabel = "share";

  protected override sources(): readonly DensityDifference[] {
    return this.difference === null ? [] : [this.difference];
  }

  protected override plot(): PlotSpec {
    const { difference } = this;
    if (difference === null || difference.steps.length === 0) return this.note();
    return {
      margins: this.margins(),
      xScale: this.stepScale(),
      bottom: this.stepAxis(false),
      left: valueAxis(linearScale(this.valueDomain, upwards(this.markRect())), { name: "" }),
      lines: [],
      between: (surface, rect) => this.paintStrip(surface, rect, difference),
    };
  }

  private paintStrip(surface: Surface, plot: Rect, difference: DensityDifference): void {
    const { domain, rect } = this.covered(difference, plot);
    const width = Math.round(rect.width * surface.ratio);
    const height = Math.round(rect.height * surface.ratio);
    const columns = columnsOf(this.positions(difference), domain, width);
    const picture = differenceStrip(difference.shares, difference.edges, columns, this.valueDomain, height);
    const lut = colormap("diverging", surface.theme.dark);
    paintPixels(surface, rect, signedColors(picture, lut, nanColor(surface.theme)), width, height);
  }

  protected override get topMargin(): number {
    return 6;
  }

  override hoverAt(x: number, y: number): void {
    const { difference } = this;
    const step = this.stepAt(x);
    if (difference === null || step === null) return;
    const { edges, shares, steps } = difference;
    const bins = edges.length - 1;
    const value = linearScale(this.valueDomain, upwards(this.markRect())).fromPx(px(y));
    const bin = indexAtOrBefore(edges, value);
    if (bin < 0 || bin >= bins) return this.showTip(null);
    const share = shares[indexAtOrBefore(steps, step) * bins + bin]!;
    this.showTip(
      {
        heading: this.stepText(step),
        rows: [
          [`${formatNumber(edges[bin]!)} … ${formatNumber(edges[bin + 1]!)}`, ""],
          [this.shareLabel, `${share > 0 ? "+" : ""}${formatShare(share)}`],
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
    const { difference } = this;
    const bins = Math.max(0, (difference?.edges.length ?? 0) - 1);
    return toCsv(
      ["run", "minus", "step", "from", "to", "share"],
      Array.from(difference?.steps ?? []).flatMap((step, row) =>
        Array.from({ length: bins }, (_, bin) => [
          ...difference!.runs,
          step,
          float32Text(difference!.edges[bin]!),
          float32Text(difference!.edges[bin + 1]!),
          float32Text(difference!.shares[row * bins + bin]!),
        ]),
      ),
    );
  }
}
