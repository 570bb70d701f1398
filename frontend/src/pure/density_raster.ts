/** Histograms whose buckets grow with the value, redrawn on a straight axis. */

import { LUT_SIZE, lutIndex, type Lut } from "./colormap";
import type { Columns } from "./step_axis";

/**
 * Counts per cell of a straight axis: each bucket is spread evenly over the cells it overlaps, so
 * no count is lost or made, except what lies outside the domain.
 * @param counts [bins]
 * @param edges [bins + 1], ascending
 * @param domain first and last border of the cells
 * @returns float64[cells]
 */
export function resampledCounts(
  counts: ArrayLike<number>,
  edges: ArrayLike<number>,
  domain: readonly [number, number],
  cells: number,
): Float64Array {
  const result = new Float64Array(cells);
  const perCell = (domain[1] - domain[0]) / cells;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin]!;
    if (count === 0) continue;
    const from = (edges[bin]! - domain[0]) / perCell;
    const to = (edges[bin + 1]! - domain[0]) / perCell;
    const first = Math.max(0, Math.floor(from));
    const last = Math.min(cells - 1, Math.ceil(to) - 1);
    for (let cell = first; cell <= last; cell++) {
      const overlap = Math.min(to, cell + 1) - Math.max(from, cell);
      if (overlap > 0) result[cell]! += (count * overlap) / (to - from);
    }
  }
  return result;
}

export interface Polygon {
  readonly x: Float64Array;
  /** Share of the counts per unit of x; the area under the whole polygon is about 1. */
  readonly y: Float64Array;
}

/**
 * The histogram as a frequency polygon: straight lines between the middles of its buckets.
 * Neighbours are joined until they are `minWidth` wide, because narrow ones show nothing but the
 * noise of small samples. Empty where nothing was counted.
 *
 * Source: Scott, "Frequency Polygons: Theory and Application" (JASA 1985).
 */
export function frequencyPolygon(
  counts: ArrayLike<number>,
  edges: ArrayLike<number>,
  minWidth: number,
): Polygon {
  let first = 0;
  let last = counts.length - 1;
  while (first <= last && counts[first] === 0) first++;
  while (last >= first && counts[last] === 0) last--;
  let total = 0;
  for (let bin = first; bin <= last; bin++) total += counts[bin]!;
  if (!(total > 0)) return { x: new Float64Array(0), y: new Float64Array(0) };
  // It comes down to zero half a bucket outside, as a histogram's outline does.
  const x = [edges[first]! - (edges[first + 1]! - edges[first]!) / 2];
  const y = [0];
  let from = edges[first]!;
  let sum = 0;
  for (let bin = first; bin <= last; bin++) {
    sum += counts[bin]!;
    const to = edges[bin + 1]!;
    if (to - from < minWidth && bin < last) continue;
    x.push((from + to) / 2);
    y.push(sum / total / (to - from));
    from = to;
    sum = 0;
  }
  x.push(edges[last + 1]! + (edges[last + 1]! - edges[last]!) / 2);
  y.push(0);
  return { x: Float64Array.from(x), y: Float64Array.from(y) };
}

/**
 * Share of the counts below which a value lies, turned round: the values at `shares`, found by
 * straight lines inside the buckets. NaN where nothing was counted.
 */
export function densityQuantiles(
  counts: ArrayLike<number>,
  edges: ArrayLike<number>,
  shares: readonly number[],
): number[] {
  let total = 0;
  for (let bin = 0; bin < counts.length; bin++) total += counts[bin]!;
  return shares.map((share) => {
    if (!(total > 0)) return NaN;
    const wanted = share * total;
    let below = 0;
    for (let bin = 0; bin < counts.length; bin++) {
      const count = counts[bin]!;
      if (count > 0 && below + count >= wanted) {
        const inside = (wanted - below) / count;
        return edges[bin]! + inside * (edges[bin + 1]! - edges[bin]!);
      }
      below += count;
    }
    return edges[edges.length - 1]!;
  });
}

/** Share of the counts between `low` and `high`; NaN where nothing was counted. */
export function shareBetween(
  counts: ArrayLike<number>,
  edges: ArrayLike<number>,
  low: number,
  high: number,
): number {
  let total = 0;
  let inside = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin]!;
    total += count;
    const overlap = Math.min(high, edges[bin + 1]!) - Math.max(low, edges[bin]!);
    if (overlap > 0) inside += (count * overlap) / (edges[bin + 1]! - edges[bin]!);
  }
  return total > 0 ? inside / total : NaN;
}

/**
 * Density over steps, float32[height × columns], the highest values on top. Every column is scaled
 * to its own peak: the picture compares shapes, and a step at which all inputs crowd into one
 * bucket does not darken the others. NaN where a step counted nothing.
 * @param counts [steps × bins]
 * @param edges [bins + 1], ascending
 * @param domain bottom and top of the picture
 */
export function densityStrip(
  counts: Float32Array,
  edges: Float32Array,
  columns: Columns,
  domain: readonly [number, number],
  height: number,
): Float32Array {
  const bins = edges.length - 1;
  const width = columns.start.length;
  const picture = new Float32Array(width * height);
  const sums = new Float64Array(Math.max(0, bins));
  let drawn = -1;
  for (let column = 0; column < width; column++) {
    const start = columns.start[column]!;
    const end = columns.end[column]!;
    if (start === drawn && end - start === 1) {
      for (let y = 0; y < height; y++) picture[y * width + column] = picture[y * width + column - 1]!;
      continue;
    }
    drawn = end - start === 1 ? start : -1;
    sums.fill(0);
    for (let step = start; step < end; step++) {
      const row = step * bins;
      for (let bin = 0; bin < bins; bin++) sums[bin]! += counts[row + bin]!;
    }
    const cells = resampledCounts(sums, edges, domain, height);
    let peak = 0;
    for (const cell of cells) if (cell > peak) peak = cell;
    for (let y = 0; y < height; y++) {
      picture[y * width + column] = peak > 0 ? cells[height - 1 - y]! / peak : NaN;
    }
  }
  return picture;
}

/**
 * The difference of two densities over steps, float32[height × columns], the highest values on top.
 * One scale holds for all steps: the largest difference anywhere becomes 1 or −1, so that steps at
 * which the runs agree look as if nothing was there. NaN where a step could not be compared.
 * @param shares [steps × bins]
 * @param edges [bins + 1], ascending
 * @param domain bottom and top of the picture
 */
export function differenceStrip(
  shares: Float32Array,
  edges: Float32Array,
  columns: Columns,
  domain: readonly [number, number],
  height: number,
): Float32Array {
  const bins = Math.max(0, edges.length - 1);
  const width = columns.start.length;
  const picture = new Float32Array(width * height).fill(NaN);
  const sums = new Float64Array(bins);
  let farthest = 0;
  for (let column = 0; column < width; column++) {
    sums.fill(0);
    let compared = 0;
    for (let step = columns.start[column]!; step < columns.end[column]!; step++) {
      const row = step * bins;
      if (Number.isNaN(shares[row])) continue;
      compared++;
      for (let bin = 0; bin < bins; bin++) sums[bin]! += shares[row + bin]!;
    }
    if (compared === 0) continue;
    const cells = resampledCounts(sums, edges, domain, height);
    for (let y = 0; y < height; y++) {
      const share = cells[height - 1 - y]! / compared;
      if (Math.abs(share) > farthest) farthest = Math.abs(share);
      picture[y * width + column] = share;
    }
  }
  return farthest > 0 ? picture.map((share) => share / farthest) : picture;
}

/** Colours of −1 to 1, zero in the middle of the map. NaN has a colour of its own. */
export function signedColors(
  picture: Float32Array,
  lut: Lut,
  nanColor: number,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint32Array(picture.length);
  for (let index = 0; index < picture.length; index++) {
    const value = picture[index]!;
    rgba[index] = value !== value ? nanColor : lut[lutIndex(value, -1, 1)]!;
  }
  return new Uint8ClampedArray(rgba.buffer);
}

/** Colours of shares 0 to 1; the square root opens up the tails. NaN has a colour of its own. */
export function stripColors(
  picture: Float32Array,
  lut: Lut,
  nanColor: number,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint32Array(picture.length);
  for (let index = 0; index < picture.length; index++) {
    const share = picture[index]!;
    rgba[index] = share !== share ? nanColor : lut[(Math.sqrt(share) * (LUT_SIZE - 1) + 0.5) | 0]!;
  }
  return new Uint8ClampedArray(rgba.buffer);
}
