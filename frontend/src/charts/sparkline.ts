import { customElement, property } from "lit/decorators.js";
import {
  finiteExtent,
  linearScale,
  logScale,
  padded,
  positiveExtent,
  px,
  type Scale,
} from "../pure/scale";
import { MiniChart } from "./mini_chart";
import { crisp, fillBand, strokeLine, type Surface } from "./surface";
import { withAlpha } from "./theme";

const MARGIN_PX = 3;

function across(surface: Surface, steps: Float64Array): Scale {
  return linearScale(
    [steps[0] ?? 0, steps.at(-1) ?? 1],
    [px(MARGIN_PX), px(surface.width - MARGIN_PX)],
  );
}

function drawMiniCursor(surface: Surface, xOf: Scale, cursor: number | null): void {
  if (cursor === null) return;
  const x = crisp(xOf.toPx(cursor), surface.ratio);
  surface.ctx.strokeStyle = surface.theme.accentLine;
  surface.ctx.lineWidth = 1;
  surface.ctx.beginPath();
  surface.ctx.moveTo(x, 0);
  surface.ctx.lineTo(x, surface.height);
  surface.ctx.stroke();
}

/** One line over steps, with the band in which it is healthy. */
@customElement("nn-sparkline")
export class Sparkline extends MiniChart {
  @property({ attribute: false }) steps: Float64Array = new Float64Array(0);
  @property({ attribute: false }) values: Float32Array = new Float32Array(0);
  @property({ attribute: false }) band: readonly [number, number] | null = null;
  @property({ attribute: false }) cursor: number | null = null;
  @property({ type: Boolean, attribute: "log-scale" }) logScale = false;

  private scale(surface: Surface): Scale {
    const range = [px(surface.height - MARGIN_PX), px(MARGIN_PX)] as const;
    const shown = this.band === null ? [this.values] : [this.values, this.band];
    if (this.logScale) {
      const [low, high] = positiveExtent(shown) ?? [1, 10];
      return logScale([low / 1.2, high * 1.2], range);
    }
    return linearScale(padded(finiteExtent(shown) ?? [0, 1], 0.05), range);
  }

  protected override draw(surface: Surface): void {
    const { ctx, theme } = surface;
    if (this.values.length === 0) return;
    const xOf = across(surface, this.steps);
    const yOf = this.scale(surface);
    if (this.band !== null) {
      const top = yOf.toPx(this.band[1]);
      ctx.fillStyle = theme.goodSurface;
      ctx.fillRect(0, top, surface.width, yOf.toPx(this.band[0]) - top);
    }
    ctx.strokeStyle = this.color || theme.text;
    ctx.lineWidth = 1.25;
    strokeLine(ctx, this.steps, this.values, xOf, yOf);
    drawMiniCursor(surface, xOf, this.cursor);
  }
}

/** p5 to p95 over steps, with the median. */
@customElement("nn-fan")
export class Fan extends MiniChart {
  @property({ attribute: false }) steps: Float64Array = new Float64Array(0);
  @property({ attribute: false }) low: Float32Array = new Float32Array(0);
  @property({ attribute: false }) middle: Float32Array = new Float32Array(0);
  @property({ attribute: false }) high: Float32Array = new Float32Array(0);
  @property({ attribute: false }) cursor: number | null = null;

  protected override draw(surface: Surface): void {
    const { ctx, theme } = surface;
    const extent = finiteExtent([this.low, this.high, this.middle]);
    if (extent === null) return;
    const xOf = across(surface, this.steps);
    const yOf = linearScale(extent, [px(surface.height - MARGIN_PX), px(MARGIN_PX)]);
    ctx.fillStyle = withAlpha(this.color || theme.mark, 0.32);
    fillBand(ctx, this.steps, this.low, this.high, xOf, yOf);
    ctx.strokeStyle = this.color || theme.text;
    ctx.lineWidth = 1.25;
    strokeLine(ctx, this.steps, this.middle, xOf, yOf);
    drawMiniCursor(surface, xOf, this.cursor);
  }
}

/** A histogram on even cells, scaled to its own peak, with a mark at zero. */
@customElement("nn-mini-density")
export class MiniDensity extends MiniChart {
  /** Heights from 0 to 1. */
  @property({ attribute: false }) density: Float32Array = new Float32Array(0);
  /** Values at the first and the last border. */
  @property({ attribute: false }) range: readonly [number, number] = [0, 1];

  protected override draw(surface: Surface): void {
    const { ctx, theme } = surface;
    const count = this.density.length;
    if (count === 0 || !this.density.some((value) => value > 0)) return;
    const width = (surface.width - 2 * MARGIN_PX) / count;
    const bottom = surface.height - 2;
    ctx.beginPath();
    ctx.moveTo(MARGIN_PX, bottom);
    this.density.forEach((share, cell) => {
      const top = bottom - share * (bottom - MARGIN_PX);
      ctx.lineTo(MARGIN_PX + cell * width, top);
      ctx.lineTo(MARGIN_PX + (cell + 1) * width, top);
    });
    ctx.lineTo(surface.width - MARGIN_PX, bottom);
    ctx.fillStyle = this.color || theme.mark;
    ctx.fill();
    ctx.strokeStyle = theme.border;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(0, crisp(bottom, surface.ratio));
    ctx.lineTo(surface.width, crisp(bottom, surface.ratio));
    ctx.stroke();
    const [low, high] = this.range;
    if (!(low < 0 && high > 0)) return;
    const zero = crisp(
      MARGIN_PX + ((0 - low) / (high - low)) * (surface.width - 2 * MARGIN_PX),
      surface.ratio,
    );
    ctx.strokeStyle = theme.axis;
    ctx.beginPath();
    ctx.moveTo(zero, bottom - 4);
    ctx.lineTo(zero, surface.height);
    ctx.stroke();
  }
}
