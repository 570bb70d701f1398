/** In which order neurons stand as rows: pure functions from values to places. */

import { indexAtOrBefore, type Sort } from "./state";
import type { NeuronSeries, Path } from "./series";

/**
 * Rows of the series in the order asked for.
 * @param path needed for similarity; without it that order is the index's
 * @returns int32[neurons], the row at each place
 */
export function rowOrder(series: NeuronSeries, sort: Sort, cursor: number | null, path: Path | null): Int32Array {
  switch (sort) {
    case "index":
      return byKey(series.neurons.length, (row) => -(series.neurons[row] as number));
    case "value":
      return byKey(series.neurons.length, valueAt(series, indexAtOrBefore(series.steps, cursor)));
    case "movement":
      return byKey(series.neurons.length, (row) => movement(series, row));
    case "similarity":
      return path === null ? rowOrder(series, "index", cursor, null) : bySimilarity(series, path);
  }
}

/** Highest key first; rows without one (NaN) last; equal ones as they were. */
function byKey(count: number, keyOf: (row: number) => number): Int32Array {
  const keys = Float64Array.from({ length: count }, (_, row) => {
    const key = keyOf(row);
    return Number.isNaN(key) ? -Infinity : key;
  });
  return Int32Array.from({ length: count }, (_, row) => row).sort((a, b) => {
    const ka = keys[a] as number;
    const kb = keys[b] as number;
    return ka === kb ? a - b : kb - ka;
  });
}

function valueAt(series: NeuronSeries, at: number): (row: number) => number {
  const width = series.steps.length;
  return (row) => series.values[row * width + at] ?? Number.NaN;
}

/** Distance between the lowest and the highest value over all steps; NaN without any. */
function movement(series: NeuronSeries, row: number): number {
  const width = series.steps.length;
  let low = Infinity;
  let high = -Infinity;
  for (let at = row * width; at < (row + 1) * width; at++) {
    const value = series.values[at] as number;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high >= low ? high - low : Number.NaN;
}

/**
 * A walk from neuron to nearest neuron, by how far each has come in the plane of the principal
 * components, from the one farthest out.
 */
function bySimilarity(series: NeuronSeries, path: Path): Int32Array {
  const count = series.neurons.length;
  const placeOf = new Map(Array.from(path.neurons, (neuron, row) => [neuron, row]));
  const width = path.steps.length;
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const found = placeOf.get(series.neurons[row] as number);
    const end = found === undefined ? -1 : (found * width + width - 1) * 2;
    x[row] = path.points[end] ?? Number.NaN;
    y[row] = path.points[end + 1] ?? Number.NaN;
  }
  const order = new Int32Array(count);
  const taken = new Uint8Array(count);
  let here = -1;
  for (let place = 0; place < count; place++) {
    here = place === 0 ? farthest(x, y) : nearest(x, y, taken, here);
    order[place] = here;
    taken[here] = 1;
  }
  return order;
}

function farthest(x: Float64Array, y: Float64Array): number {
  let best = 0;
  let most = -1;
  for (let row = 0; row < x.length; row++) {
    const distance = Math.hypot(x[row] as number, y[row] as number);
    if (distance > most) [best, most] = [row, distance];
  }
  return best;
}

/** The free row nearest to `from`; where nothing is known, the first free one. */
function nearest(x: Float64Array, y: Float64Array, taken: Uint8Array, from: number): number {
  let best = -1;
  let least = Infinity;
  let first = -1;
  for (let row = 0; row < x.length; row++) {
    if (taken[row] === 1) continue;
    if (first < 0) first = row;
    const dx = (x[row] as number) - (x[from] as number);
    const dy = (y[row] as number) - (y[from] as number);
    const distance = dx * dx + dy * dy;
    if (distance < least) [best, least] = [row, distance];
  }
  return best >= 0 ? best : first;
}
