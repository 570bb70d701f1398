/** What a curve chart draws into its plot: lines for uPlot, and what is ours around them. */

import type { Polygon } from "../pure/density_raster";
import { linearScale, px, type Scale } from "../pure/scale";
import { indexAtOrBefore, nearestIndex } from "../pure/step_axis";
import type { CurveSample, DensitySeries, Zones } from "./contract";
import type { PlotLine } from "./plot_spec";
import { crisp, fillBand, setFont, type Rect, type Surface } from "./surface";
import { withAlpha } from "./theme";

/** A density at the step, as the area that is filled. */
export interface Bell {
  readonly color: string;
  readonly polygon: Polygon;
  /** Outputs are an outline, so that they are told from the inputs under them. */
  readonly outline: boolean;
}

/** Where the function is dead or saturated, named above the plot. */
export function drawZones(
  surface: Surface,
  rect: Rect,
  x: Scale,
  { deadBelow, deadAbove, saturatedBelow, saturatedAbove }: Zones,
  words: { readonly dead: string; readonly saturated: string },
): void {
  const { ctx, theme } = surface;
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
  const { dead, saturated } = words;
  const amber = theme.dark ? theme.warn : "#7a4b00";
  shade(low, saturatedBelow, theme.saturatedZone, amber, saturated);
  shade(saturatedAbove, high, theme.saturatedZone, amber, saturated);
  shade(low, deadBelow, theme.deadZone, theme.bad, dead);
  shade(deadAbove, high, theme.deadZone, theme.bad, dead);
}

/** Where the input is zero, and where the function is, if there is one. */
export function drawOrigin(surface: Surface, rect: Rect, x: Scale, f: Scale | null): void {
  const { ctx, theme } = surface;
  ctx.strokeStyle = theme.border;
  ctx.lineWidth = 1;
  ctx.beginPath();
  const vertical = crisp(x.toPx(0), surface.ratio);
  if (vertical > rect.left && vertical < rect.left + rect.width) {
    ctx.moveTo(vertical, rect.top);
    ctx.lineTo(vertical, rect.top + rect.height);
  }
  const level = f === null ? NaN : crisp(f.toPx(0), surface.ratio);
  if (level > rect.top && level < rect.top + rect.height) {
    ctx.moveTo(rect.left, level);
    ctx.lineTo(rect.left + rect.width, level);
  }
  ctx.stroke();
}

/** Every bell holds the same area, so that runs with other batch sizes compare. */
export function drawBells(
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

/** Counts of the step that holds at the cursor; null where nothing was counted. */
export function countsAt(series: DensitySeries, cursor: number | null): Float32Array | null {
  if (series.steps.length === 0) return null;
  const row =
    cursor === null ? series.steps.length - 1 : Math.max(0, indexAtOrBefore(series.steps, cursor));
  const bins = series.edges.length - 1;
  return series.counts.subarray(row * bins, (row + 1) * bins);
}

/** The function between its samples, by straight line; of several bands the median. */
export function valuesAt(curve: CurveSample, x: number): { f: number; slope: number } {
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
export function curveLines({ x: xs, f, slope, bands, color }: CurveSample): PlotLine[] {
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
export function drawChannels({ ctx }: Surface, curve: CurveSample, x: Scale, f: Scale): void {
  if (curve.bands !== 3) return;
  ctx.fillStyle = withAlpha(curve.color, 0.2);
  fillBand(ctx, curve.x, curve.f, curve.f, x, f, 0, 2 * curve.x.length);
}
