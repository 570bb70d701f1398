/** What share of an activation's inputs one run has more or less of than another, bucket by bucket. Pure. */

import type { DensityDifference, DensitySeries } from "./charts/contract";
import { sharedPlaces } from "./difference";

/** Shares of the first run minus those of the second, at the steps and in the buckets that both have. */
export function densityDifference(first: DensitySeries, second: DensitySeries): DensityDifference {
  const edges = commonEdges(first.edges, second.edges);
  const bins = Math.max(0, edges.length - 1);
  const columns = sharedPlaces(first.steps, second.steps);
  const shares = new Float32Array(columns.length * bins);
  columns.forEach(([s, t], row) => {
    const [minuend, subtrahend] = [sharesAt(first, s, edges), sharesAt(second, t, edges)];
    for (let bin = 0; bin < bins; bin++) shares[row * bins + bin] = minuend[bin]! - subtrahend[bin]!;
  });
  return {
    runs: [first.run, second.run],
    steps: Float64Array.from(columns, ([s]) => first.steps[s]!),
    wallTimes: Float64Array.from(columns, ([s]) => first.wallTimes[s]!),
    start: first.start,
    edges,
    shares,
    unsharedSteps: [first.steps.length - columns.length, second.steps.length - columns.length],
  };
}

/**
 * Borders between which no bucket of either is divided. The server's borders are of one grid, in
 * which a coarser run has merged neighbours; so where both counted, these are the coarser ones.
 */
function commonEdges(a: Float32Array, b: Float32Array): Float32Array {
  const kept = (edges: Float32Array, others: Float32Array): Float32Array => {
    const known = new Set(others);
    return edges.filter((edge) => known.has(edge) || !(edge >= others[0]! && edge <= others.at(-1)!));
  };
  return Float32Array.from(new Set([...kept(a, b), ...kept(b, a)])).sort();
}

/** Shares of a step's counts between the borders; NaN where nothing was counted. */
function sharesAt({ edges: own, counts }: DensitySeries, row: number, edges: Float32Array): Float64Array {
  const shares = new Float64Array(Math.max(0, edges.length - 1));
  const bins = Math.max(0, own.length - 1);
  let total = 0;
  let place = 0;
  for (let bin = 0; bin < bins; bin++) {
    while (edges[place + 1]! <= own[bin]!) place++;
    const count = counts[row * bins + bin]!;
    shares[place]! += count;
    total += count;
  }
  return shares.map((count) => (total > 0 ? count / total : NaN));
}
