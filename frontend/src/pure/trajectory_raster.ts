/** Many lines as one picture: how many of them cross each pixel. */

import { LUT_SIZE, type Lut } from "./colormap";
import { lowerBound } from "./step_axis";
import { px, type Px, type Scale } from "./scale";

/**
 * Counts the trajectories that cross each pixel. A line counts once in a pixel, however steep or
 * dense it is; columns are walked outermost, so that the counts being written stay in cache.
 * @param values row-major [neurons × steps]
 * @param steps how many steps each row has
 * @param yOf vertical scale, to pixels from the top
 * @param places horizontal place of each step in pixels, ascending; spread evenly without it
 * @returns [height × width]; NaN and off-screen samples are skipped
 * @throws RangeError if `values` is not a whole number of rows, or `places` is not one per step
 */
export function densityCounts(
  values: Float32Array,
  steps: number,
  yOf: Scale,
  width: Px,
  height: Px,
  places?: Float64Array,
): Uint32Array {
  const rows = steps === 0 ? 0 : values.length / steps;
  if (!Number.isInteger(rows)) {
    throw new RangeError(`${values.length} values are not whole rows of ${steps} steps`);
  }
  if (places !== undefined && places.length !== steps) {
    throw new RangeError(`${places.length} places for ${steps} steps`);
  }
  const counts = new Uint32Array(width * height);
  if (rows === 0 || width <= 0 || height <= 0) return counts;
  const x = places ?? evenPlaces(steps, width);
  const tops = transposedPlaces(values, steps, rows, yOf);

  const left = new Float32Array(rows);
  const right = new Float32Array(rows);
  // Starts of spans count up, the pixel after their ends down; the running sum is the count.
  const changes = new Int32Array(height + 1);
  edgePlaces(tops, x, rows, 0, left);
  for (let column = 0; column < width; column++) {
    edgePlaces(tops, x, rows, column + 1, right);
    const first = lowerBound(x, column);
    const last = column === width - 1 ? upperBound(x, column + 1) : lowerBound(x, column + 1);
    changes.fill(0);
    if (last === first) countSpans(left, right, changes, height);
    else countPooled(left, right, tops, first, last, changes, height);
    let crossing = 0;
    for (let y = 0, target = column; y < height; y++, target += width) {
      crossing += changes[y]!;
      counts[target] = crossing;
    }
    left.set(right);
  }
  return counts;
}

/** Spans between both edges of a column that no sample falls into. */
function countSpans(
  left: Float32Array,
  right: Float32Array,
  changes: Int32Array,
  height: number,
): void {
  for (let row = 0; row < left.length; row++) {
    const from = left[row]!;
    const to = right[row]!;
    // A NaN on either side makes both comparisons false: the sample beside a gap falls into
    // another column, and what is left here is at most the very edge.
    if (from <= to) {
      if (from < height && to >= 0) {
        changes[from > 0 ? from | 0 : 0]!++;
        changes[to < height ? (to | 0) + 1 : height]!--;
      }
    } else if (to < from) {
      if (to < height && from >= 0) {
        changes[to > 0 ? to | 0 : 0]!++;
        changes[from < height ? (from | 0) + 1 : height]!--;
      }
    } else countEdge(from === from ? from : to, changes, height);
  }
}

function countEdge(place: number, changes: Int32Array, height: number): void {
  if (place >= 0 && place < height) {
    changes[place | 0]!++;
    changes[(place | 0) + 1]!--;
  }
}

/** Spans over both edges of a column and the samples inside it. */
function countPooled(
  left: Float32Array,
  right: Float32Array,
  tops: Float32Array,
  first: number,
  last: number,
  changes: Int32Array,
  height: number,
): void {
  const rows = left.length;
  for (let row = 0; row < rows; row++) {
    let low = left[row]!;
    let high = low;
    const edge = right[row]!;
    // Written so that NaN never wins, on either side.
    if (!(low <= edge)) low = edge === edge ? edge : low;
    if (!(high >= edge)) high = edge === edge ? edge : high;
    for (let step = first; step < last; step++) {
      const place = tops[step * rows + row]!;
      if (!(low <= place) && place === place) low = place;
      if (!(high >= place) && place === place) high = place;
    }
    if (low < height && high >= 0) {
      changes[low > 0 ? low | 0 : 0]!++;
      changes[high < height ? (high | 0) + 1 : height]!--;
    }
  }
}

/**
 * Colours of counts on a logarithmic scale; no line at all is clear, and a single line keeps at
 * least `floor` of the scale, so that outliers do not fade beside a crowd.
 */
export function densityColors(counts: Uint32Array, lut: Lut, floor = 0.2): Uint8ClampedArray<ArrayBuffer> {
  let highest = 0;
  for (const count of counts) if (count > highest) highest = count;
  const colors = new Uint32Array(highest + 1);
  const logHighest = Math.log(Math.max(2, highest));
  for (let count = 1; count <= highest; count++) {
    const share = floor + (1 - floor) * (Math.log(count) / logHighest);
    colors[count] = lut[Math.round(share * (LUT_SIZE - 1))]!;
  }
  const rgba = new Uint32Array(counts.length);
  for (let index = 0; index < counts.length; index++) rgba[index] = colors[counts[index]!]!;
  return new Uint8ClampedArray(rgba.buffer);
}

function evenPlaces(steps: number, width: number): Float64Array {
  return Float64Array.from({ length: steps }, (_, step) =>
    steps === 1 ? width / 2 : (step / (steps - 1)) * width,
  );
}

/** Vertical places, float32[steps × rows]: the samples of one step lie side by side. */
function transposedPlaces(
  values: Float32Array,
  steps: number,
  rows: number,
  yOf: Scale,
): Float32Array {
  const tops = new Float32Array(values.length);
  // The commonest scale is a multiplication; asking for it per value costs a call each.
  const linear = yOf.kind === "linear";
  const base = yOf.toPx(0);
  const slope = (yOf.range[1] - yOf.range[0]) / (yOf.domain[1] - yOf.domain[0]);
  const BLOCK = 64;
  for (let block = 0; block < rows; block += BLOCK) {
    const blockEnd = Math.min(rows, block + BLOCK);
    for (let step = 0; step < steps; step++) {
      for (let row = block; row < blockEnd; row++) {
        const value = values[row * steps + step]!;
        tops[step * rows + row] = linear ? base + value * slope : yOf.toPx(value);
      }
    }
  }
  return tops;
}

/** Where each line stands at the horizontal place `at`; NaN outside it and beside a gap. */
function edgePlaces(
  tops: Float32Array,
  x: Float64Array,
  rows: number,
  at: number,
  edge: Float32Array,
): void {
  const after = lowerBound(x, px(at));
  if (after < x.length && x[after] === at) {
    edge.set(tops.subarray(after * rows, (after + 1) * rows));
    return;
  }
  if (after === 0 || after === x.length) {
    edge.fill(NaN);
    return;
  }
  const share = (at - x[after - 1]!) / (x[after]! - x[after - 1]!);
  const before = (after - 1) * rows;
  for (let row = 0; row < rows; row++) {
    const from = tops[before + row]!;
    edge[row] = from + share * (tops[before + rows + row]! - from);
  }
}

function upperBound(sorted: Float64Array, value: number): number {
  let index = lowerBound(sorted, value);
  while (index < sorted.length && sorted[index] === value) index++;
  return index;
}
