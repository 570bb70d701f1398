/** What a path chart draws: strokes in the colours of their steps, and the scale that tells them. */

import { colormap, cssColor, LUT_SIZE } from "../pure/colormap";
import type { Scale } from "../pure/scale";
import { formatCount } from "../pure/ticks";
import type { Paths } from "./contract";
import { setFont, type Rect, type Surface } from "./surface";

/** Strokes of one colour are drawn in one go; more colours than this are not told apart. */
const COLOR_COUNT = 24;
const BAR_WIDTH_PX = 96;

/** Places of the first and the last step shown. */
export type StepWindow = readonly [from: number, to: number];

/** Colour of a place between the first and the last step; the end that melts into the page is cut. */
export function stepColor(share: number, dark: boolean): string {
  const place = dark ? 0.22 + 0.78 * share : 0.92 * share;
  return cssColor(colormap("viridis")[Math.round(place * (LUT_SIZE - 1))]!);
}

/** Some paths in pieces, each in the colour of its steps; strokes of one colour go in one. */
export function strokePieces(
  ctx: CanvasRenderingContext2D,
  paths: Paths,
  rows: readonly number[],
  [from, to]: StepWindow,
  x: Scale,
  y: Scale,
  colorOf: (share: number) => string,
): void {
  const { points, steps } = paths;
  const colors = Math.max(1, Math.min(COLOR_COUNT, to - from));
  for (let color = 0; color < colors; color++) {
    const first = from + Math.floor((color * (to - from)) / colors);
    const last = from + Math.floor(((color + 1) * (to - from)) / colors);
    ctx.strokeStyle = colorOf(colors === 1 ? 1 : color / (colors - 1));
    ctx.beginPath();
    for (const row of rows) {
      for (let step = first; step <= last; step++) {
        const place = 2 * (row * steps.length + step);
        const left = x.toPx(points[place]!);
        const top = y.toPx(points[place + 1]!);
        // NaN is a point the canvas leaves out; the next one must begin anew.
        if (step === first || Number.isNaN(points[place - 2]!)) ctx.moveTo(left, top);
        else ctx.lineTo(left, top);
      }
    }
    ctx.stroke();
  }
}

/** One path in the stroke that is set. */
export function strokeWhole(
  ctx: CanvasRenderingContext2D,
  paths: Paths,
  row: number,
  [from, to]: StepWindow,
  x: Scale,
  y: Scale,
): void {
  ctx.lineCap = "round";
  ctx.beginPath();
  for (let step = from; step <= to; step++) {
    const place = 2 * (row * paths.steps.length + step);
    ctx.lineTo(x.toPx(paths.points[place]!), y.toPx(paths.points[place + 1]!));
  }
  ctx.stroke();
  ctx.lineCap = "butt";
}

/** The colours of the steps, above the plot. */
export function drawStepScale(
  surface: Surface,
  rect: Rect,
  steps: Float64Array,
  [from, to]: StepWindow,
  name: string,
): void {
  const { ctx, theme } = surface;
  const right = rect.left + rect.width;
  setFont(surface, 10);
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  ctx.fillStyle = theme.muted;
  const y = rect.top - 13;
  const last = formatCount(steps[to]!);
  ctx.fillText(last, right, y);
  const barRight = right - ctx.measureText(last).width - 5;
  const barLeft = barRight - BAR_WIDTH_PX;
  for (let place = 0; place < BAR_WIDTH_PX; place++) {
    ctx.fillStyle = stepColor(place / (BAR_WIDTH_PX - 1), theme.dark);
    ctx.fillRect(barLeft + place, y - 4, 1.5, 8);
  }
  ctx.fillStyle = theme.muted;
  ctx.fillText(`${name} ${formatCount(steps[from]!)}`, barLeft - 5, y);
}
