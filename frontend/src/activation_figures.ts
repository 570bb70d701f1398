/** Figures of an activation at one step. Pure. */

import type { CurveSample, RunStyle, Zones } from "./charts/contract";
import type { Curve, Density, Fields, NeuronSeries } from "./series";
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

/** Below this share of the samples in the window a neuron is dead, as nnviz_tb/definitions.py has it. */
const DEAD_ACTIVITY = 0.01;

/**
 * Which neurons are dead at a step, by the definition of the layer's dead share: over all samples
 * of the window of recent steps, not of that step alone.
 * @param activity not thinned, every logged step
 * @param figures of the layer, which tell how many samples the window holds
 * @returns per row of `activity`, 1 for dead; null where steps of the window are missing here
 */
export function deadNeurons(activity: NeuronSeries, figures: Fields, cursor: number | null): Uint8Array | null {
  const width = activity.steps.length;
  const at = indexAtOrBefore(activity.steps, cursor);
  const samples = figures.values.get("sample_count");
  const windows = figures.values.get("window_sample_count");
  const last = indexAtOrBefore(figures.steps, cursor);
  const needed = windows?.[last] ?? Number.NaN;
  if (at < 0 || samples === undefined || windows === undefined || !(needed > 0)) return null;
  const active = new Float64Array(activity.neurons.length);
  let seen = 0;
  for (let back = 0; seen < needed; back++) {
    const [row, figure] = [at - back, last - back];
    // The window is whole only if what was logged is here, step by step.
    if (row < 0 || figure < 0 || activity.steps[row] !== figures.steps[figure]) return null;
    const count = Math.round((samples[figure] ?? Number.NaN) / activity.population);
    if (!(count > 0)) return null;
    seen += count;
    for (let neuron = 0; neuron < active.length; neuron++) {
      active[neuron]! += Math.round((activity.values[neuron * width + row] ?? Number.NaN) * count);
    }
  }
  if (seen !== needed) return null;
  return Uint8Array.from(active, (count) => (count / seen < DEAD_ACTIVITY ? 1 : 0));
}
