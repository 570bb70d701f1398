/** Small cells in which several runs are drawn on one scale, so that they can be compared. */

import { customElement, property } from "lit/decorators.js";
import { finiteExtent, linearScale, logScale, padded, positiveExtent, px, type Scale } from "../pure/scale";
import { MiniChart } from "./mini_chart";
import { crisp, fillBand, strokeLine, type Surface } from "./surface";
import { withAlpha } from "./theme";

const MARGIN_PX = 3;

/** One run over steps; `low` and `high` span its fan where it has one. */
export interface RunLine {
  readonly color: string;
  readonly steps: Float64Array;
  readonly values: Float32Array;
  readonly low?: Float32Array;
  readonly high?: Float32Array;
}

/** Lines of several runs, or their fans, on shared axes. */
@customElement("nn-run-lines")
export class RunLines extends MiniChart {
  @property({ attribute: false }) lines: readonly RunLine[] = [];
  @property({ attribute: false }) band: readonly [number, number] | null = null;
  @property({ attribute: false }) cursor: number | null = null;
  @property({ type: Boolean, attribute: "log-scale" }) logScale = false;

  private yScale(surface: Surface): Scale {
    const range = [px(surface.height - MARGIN_PX), px(MARGIN_PX)] as const;
    const shown: ArrayLike<number>[] = this.lines.flatMap(({ values, low, high }) => [
      values,
      ...(low === undefined ? [] : [low]),
      ...(high === undefined ? [] : [high]),
    ]);
    if (this.band !== null) shown.push(this.band);
    if (!this.logScale) return linearScale(padded(finiteExtent(shown) ?? [0, 1], 0.05), range);
    const [low, high] = positiveExtent(shown) ?? [1, 10];
    return logScale([low / 1.2, high * 1.2], range);
  }

  protected override draw(surface: Surface): void {
    const { ctx, theme } = surface;
    const extent = finiteExtent(this.lines.map(({ steps }) => steps));
    if (extent === null) return;
    const xOf = linearScale(extent, [px(MARGIN_PX), px(surface.width - MARGIN_PX)]);
    const yOf = this.yScale(surface);
    if (this.band !== null) {
      const top = yOf.toPx(this.band[1]);
      ctx.fillStyle = theme.goodSurface;
      ctx.fillRect(0, top, surface.width, yOf.toPx(this.band[0]) - top);
    }
    for (const { color, steps, low, high } of this.lines) {
      if (low === undefined || high === undefined) continue;
      ctx.fillStyle = withAlpha(color, 0.22);
      fillBand(ctx, steps, low, high, xOf, yOf);
    }
    ctx.lineWidth = 1.4;
    for (const { color, steps, values } of this.lines) {
      ctx.strokeStyle = color;
      strokeLine(ctx, steps, values, xOf, yOf);
    }
    if (this.cursor === null) return;
    const x = crisp(xOf.toPx(this.cursor), surface.ratio);
    ctx.strokeStyle = theme.accentLine;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(x, 0);
    ctx.lineTo(x, surface.height);
    ctx.stroke();
  }
}

/** One run's histogram on even cells. */
export interface RunOutline {
  readonly color: string;
  /** Heights from 0 to 1. */
  readonly density: Float32Array;
  /** Values at the first and the last border. */
  readonly range: readonly [number, number];
}

/** Outlines of several runs' densities over one axis of values, with a mark at zero. */
@customElement("nn-run-outlines")
export class RunOutlines extends MiniChart {
  @property({ attribute: false }) outlines: readonly RunOutline[] = [];

  protected override draw(surface: Surface): void {
    const { ctx, theme } = surface;
    const extent = finiteExtent(this.outlines.map(({ range }) => range));
    if (extent === null) return;
    const bottom = surface.height - 2;
    const xOf = linearScale(extent, [px(MARGIN_PX), px(surface.width - MARGIN_PX)]);
    for (const { color, density, range } of this.outlines) {
      const width = (range[1] - range[0]) / density.length;
      ctx.beginPath();
      ctx.moveTo(xOf.toPx(range[0]), bottom);
      density.forEach((share, cell) => {
        const top = bottom - share * (bottom - MARGIN_PX);
        ctx.lineTo(xOf.toPx(range[0] + cell * width), top);
        ctx.lineTo(xOf.toPx(range[0] + (cell + 1) * width), top);
      });
      ctx.lineTo(xOf.toPx(range[1]), bottom);
      ctx.fillStyle = withAlpha(color, 0.22);
      ctx.fill();
      ctx.strokeStyle = color;
      ctx.lineWidth = 1.2;
      ctx.stroke();
    }
    ctx.strokeStyle = theme.axis;
    ctx.lineWidth = 1;
    if (extent[0] >= 0 || extent[1] <= 0) return;
    const zero = crisp(xOf.toPx(0), surface.ratio);
    ctx.beginPath();
    ctx.moveTo(zero, bottom - 4);
    ctx.lineTo(zero, surface.height);
    ctx.stroke();
  }
}
