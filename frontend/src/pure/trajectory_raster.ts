/** Many lines as one picture: how many of them cross each pixel. */

import { LUT_SIZE, type Lut } from "./colormap";
import { lowerBound } from "./step_axis";
import type { Px, Scale } from "./scale";

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
  const { tops, allFinite } = transposedPlaces(values, steps, rows, yOf);

  let left: Edge = { places: new Float32Array(rows), pixels: new Int32Array(rows), whole: false };
  let right: Edge = { ...left, places: new Float32Array(rows), pixels: new Int32Array(rows) };
  // Starts of spans count up, the pixel after their ends down; the running sum is the count. What
  // lies above the picture starts and ends in row 0, what lies below in the row after the last.
  const changes = new Int32Array(height + 2);
  edgeAt(tops, x, rows, 0, height, allFinite, left);
  for (let column = 0; column < width; column++) {
    edgeAt(tops, x, rows, column + 1, height, allFinite, right);
    const first = lowerBound(x, column);
    const last = column === width - 1 ? upperBound(x, column + 1) : lowerBound(x, column + 1);
    changes.fill(0);
    if (left.whole && right.whole) countWhole(left, right, tops, first, last, changes, height);
    else countBroken(left, right, tops, first, last, changes, height);
    let crossing = 0;
    for (let y = 0, target = column; y < height; y++, target += width) {
      crossing += changes[y]!;
      counts[target] = crossing;
    }
    [left, right] = [right, left];
  }
  return counts;
}

/** All lines where they enter or leave a column. */
interface Edge {
  readonly places: Float32Array;
  /** Whole pixels, −1 above the picture and its height below. Filled only where `whole`. */
  readonly pixels: Int32Array;
  /** Every line has a place here. */
  whole: boolean;
}

/** Spans of a column in which no line has a gap; without branches that depend on the data. */
function countWhole(
  left: Edge,
  right: Edge,
  tops: Float32Array,
  first: number,
  last: number,
  changes: Int32Array,
  height: number,
): void {
  const from = left.pixels;
  const to = right.pixels;
  const rows = from.length;
  for (let row = 0; row < rows; row++) {
    // The smaller of two numbers is one of them plus their difference where that is negative;
    // comparing them would guess wrong every other time, which costs more than all the rest.
    let difference = from[row]! - to[row]!;
    let negative = difference & (difference >> 31);
    let low = to[row]! + negative;
    let high = from[row]! - negative;
    for (let step = first; step < last; step++) {
      const pixel = pixelOf(tops[step * rows + row]!, height);
      difference = pixel - low;
      negative = difference & (difference >> 31);
      low += negative;
      difference = high - pixel;
      negative = difference & (difference >> 31);
      high -= negative;
    }
    changes[low & ~(low >> 31)]!++;
    changes[high + 1]!--;
  }
}

/** Spans of a column over the edges and samples that are numbers. */
function countBroken(
  left: Edge,
  right: Edge,
  tops: Float32Array,
  first: number,
  last: number,
  changes: Int32Array,
  height: number,
): void {
  const rows = left.places.length;
  for (let row = 0; row < rows; row++) {
    let low = left.places[row]!;
    let high = low;
    const edge = right.places[row]!;
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
      changes[pixelOf(high, height) + 1]!--;
    }
  }
}

function pixelOf(place: number, height: number): number {
  return place < 0 ? -1 : place < height ? place | 0 : height;
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
): { tops: Float32Array; allFinite: boolean } {
  const tops = new Float32Array(values.length);
  // The commonest scale is a multiplication; asking for it per value costs a call each.
  const linear = yOf.kind === "linear";
  const base = yOf.toPx(0);
  const slope = (yOf.range[1] - yOf.range[0]) / (yOf.domain[1] - yOf.domain[0]);
  let odd = 0;
  const BLOCK = 64;
  for (let block = 0; block < rows; block += BLOCK) {
    const blockEnd = Math.min(rows, block + BLOCK);
    for (let step = 0; step < steps; step++) {
      for (let row = block; row < blockEnd; row++) {
        const value = values[row * steps + step]!;
        const place = linear ? base + value * slope : yOf.toPx(value);
        tops[step * rows + row] = place;
        // Zero for every number, NaN for NaN and infinities.
        odd += place - place;
      }
    }
  }
  return { tops, allFinite: odd === 0 };
}

/** Fills `edge` with where each line stands at the horizontal place `at`; NaN beside a gap. */
function edgeAt(
  tops: Float32Array,
  x: Float64Array,
  rows: number,
  at: number,
  height: number,
  allFinite: boolean,
  edge: Edge,
): void {
  const { places, pixels } = edge;
  const after = lowerBound(x, at);
  const onSample = after < x.length && x[after] === at;
  edge.whole = allFinite && (onSample || (after > 0 && after < x.length));
  if (onSample) places.set(tops.subarray(after * rows, (after + 1) * rows));
  else if (after === 0 || after === x.length) places.fill(NaN);
  else {
    const share = (at - x[after - 1]!) / (x[after]! - x[after - 1]!);
    const before = (after - 1) * rows;
    for (let row = 0; row < rows; row++) {
      const from = tops[before + row]!;
      places[row] = from + share * (tops[before + rows + row]! - from);
    }
  }
  if (!edge.whole) return;
  for (let row = 0; row < rows; row++) pixels[row] = pixelOf(places[row]!, height);
}

function upperBound(sorted: Float64Array, value: number): number {
  let index = lowerBound(sorted, value);
  while (index < sorted.length && sorted[index] === value) index++;
  return index;
}
