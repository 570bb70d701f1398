/** Figures of an activation at one step. Pure. */

import type { CurveSample, RunStyle, Zones } from "./charts/contract";
import type { Curve, Density, Fields } from "./series";
import { indexAtOrBefore } from "./state";

/** The zones of death and saturation that hold at a step; NaN where there is none. */
export function zoneBorders(figures: Fields, cursor: number | null): Zones {
  const at = indexAtOrBefore(figures.steps, cursor);
  const figure = (name: string): number => figures.values.get(name)?.[at] ?? Number.NaN;
  return {
    deadBelow: figure("dead_below"),
    deadAbove: figure("dead_above"),
    saturatedBelow: figure("saturated_below"),
    saturatedAbove: figure("saturated_above"),
  };
}

/** How many inputs were seen at a step, those that are not finite among them. */
export function samplesAt(density: Density, cursor: number | null): number {
  const at = indexAtOrBefore(density.steps, cursor);
  const bins = density.edges.length - 1;
  let total = 0;
  for (let bin = 0; bin < bins; bin++) total += density.counts[at * bins + bin] ?? 0;
  for (let kind = 0; kind < 3; kind++) total += density.nonfinite[at * 3 + kind] ?? 0;
  return total;
}

/** The function as it was logged in a row of the curve. */
export function curveAt(curve: Curve, row: number): Omit<CurveSample, keyof RunStyle> {
  const { grid, bands } = curve;
  const width = grid * bands;
  return {
    x: curve.x.subarray(row * grid, (row + 1) * grid),
    f: curve.f.subarray(row * width, (row + 1) * width),
    slope: curve.slope.subarray(row * width, (row + 1) * width),
    bands,
  };
}
