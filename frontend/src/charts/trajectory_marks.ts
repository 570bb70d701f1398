/** What is drawn around single trajectories: their density, the percentile fan, the extremes. */

import { alphaRamp } from "../pure/colormap";
import { linearScale, logScale, px, type Scale } from "../pure/scale";
import { densityColors, densityCounts } from "../pure/trajectory_raster";
import type { Matrix } from "./contract";
import { fillBand, paintPixels, type Rect, type Surface } from "./surface";
import { rgbOf, withAlpha } from "./theme";

/** Places of p5, p25, p50, p75, p95 among the nine quantiles of the interface. */
export const FAN = [2, 3, 4, 5, 6] as const;

/**
 * How many lines cross each pixel, in the run's colour. On the page's own thread: it happens when
 * data, zoom or size change, never while the cursor moves, and takes about a tenth of a second
 * for 10,000 lines; a worker would first have to be given the matrix.
 */
export function paintDensity(
  surface: Surface,
  rect: Rect,
  matrix: Matrix,
  positions: Float64Array,
  [from, to]: readonly [number, number],
  yOf: Scale,
): void {
  const width = px(Math.round(rect.width * surface.ratio));
  const height = px(Math.round(rect.height * surface.ratio));
  const inPixels = (yOf.kind === "log" ? logScale : linearScale)(yOf.domain, [height, px(0)]);
  const places = positions.map((position) =>
    to > from ? ((position - from) / (to - from)) * width : width / 2,
  );
  const count = matrix.steps.length;
  const counts = densityCounts(matrix.values, count, inPixels, width, height, places);
  const [red, green, blue] = rgbOf(matrix.color);
  const rgba = densityColors(counts, alphaRamp(red, green, blue, 0.85));
  paintPixels(surface, rect, rgba, width, height);
}

/** Areas between p5 and p95 and between the quartiles; fainter behind single lines. */
export function fillFan(
  { ctx, theme: colors }: Surface,
  positions: Float64Array,
  nine: Float32Array,
  xOf: Scale,
  yOf: Scale,
  single: boolean,
): void {
  const count = positions.length;
  ctx.fillStyle = withAlpha(colors.mark, single ? 0.1 : 0.12);
  fillBand(ctx, positions, nine, nine, xOf, yOf, FAN[0] * count, FAN[4] * count);
  ctx.fillStyle = withAlpha(colors.mark, single ? 0.14 : 0.18);
  fillBand(ctx, positions, nine, nine, xOf, yOf, FAN[1] * count, FAN[3] * count);
}

/** A dot for each of the most extreme neurons of every step, [count × steps]. */
export function drawExtremes(
  { ctx, theme: colors }: Surface,
  positions: Float64Array,
  values: Float32Array,
  xOf: Scale,
  yOf: Scale,
): void {
  const count = positions.length;
  ctx.fillStyle = withAlpha(colors.text, 0.55);
  for (let index = 0; index < values.length; index++) {
    const y = yOf.toPx(values[index]!);
    if (Number.isFinite(y)) ctx.fillRect(xOf.toPx(positions[index % count]!) - 1, y - 1, 2, 2);
  }
}
