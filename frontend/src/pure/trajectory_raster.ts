/** Many lines as one picture: how many of them cross each pixel. */

import { LUT_SIZE, type Lut } from "./colormap";
import { lowerBound } from "./step_axis";
import type { Px, Scale } from "./scale";

/**
 * Counts the trajectories that cross each pixel. A line counts once in a pixel, however steep or
 * dense it is; columns are walked outermost, so that the counts being written stay in cache. What
 * does not depend on the scale is kept per array, which must not be written to afterwards.
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
  const { whole, broken } = linesOf(values, steps, rows, yOf);
  const unbroken = new UnbrokenLines(whole, x, height);
  const gapped = new GappedLines(broken, x, height);
  // Starts of spans count up, the pixel after their ends down; the running sum is the count. What
  // lies above the picture starts and ends in row 0, what lies below in the row after the last.
  const changes = new Int32Array(height + 2);
  // A column at a time lies a row of the picture apart; turned over at the end, it stays in cache.
  const columns = new Uint32Array(width * height);
  for (let column = 0; column < width; column++) {
    const first = lowerBound(x, column);
    const last = column === width - 1 ? upperBound(x, column + 1) : lowerBound(x, column + 1);
    changes.fill(0);
    unbroken.count(column, first, last, changes);
    gapped.count(column, first, last, changes);
    let crossing = 0;
    for (let y = 0, target = column * height; y < height; y++, target++) {
      crossing += changes[y]!;
      columns[target] = crossing;
    }
  }
  turnOver(columns, counts, width, height);
  return counts;
}

function turnOver(columns: Uint32Array, rows: Uint32Array, width: number, height: number): void {
  const BLOCK = 32;
  for (let left = 0; left < width; left += BLOCK) {
    const right = Math.min(width, left + BLOCK);
    for (let y = 0; y < height; y++) {
      for (let x = left; x < right; x++) rows[y * width + x] = columns[x * height + y]!;
    }
  }
}

/** Vertical places of lines, float32[steps × rows]: the samples of one step lie side by side. */
interface Lines {
  readonly tops: Float32Array;
  readonly rows: number;
}

/** Lines of which every sample is a number: no branch depends on the data. */
class UnbrokenLines {
  /** Where each line enters the next column, in whole pixels: −1 above the picture, height below. */
  private readonly pixels: Int32Array;
  private readonly gapped: GappedLines;
  /** The column whose left edge `pixels` holds. */
  private edge = -1;

  constructor(
    private readonly lines: Lines,
    private readonly x: Float64Array,
    private readonly height: number,
  ) {
    this.pixels = new Int32Array(lines.rows);
    this.gapped = new GappedLines(lines, x, height);
  }

  count(column: number, first: number, last: number, changes: Int32Array): void {
    const { x, lines } = this;
    if (lines.rows === 0) return;
    const ends = x.length - 1;
    // Before the first sample and after the last there is no line: a gap like any other.
    if (!(x[0]! <= column && column + 1 <= x[ends]!)) {
      this.gapped.count(column, first, last, changes);
      return;
    }
    if (this.edge !== column) this.enter(column);
    this.edge = column + 1;
    const { before, after, share } = this.between(column + 1);
    if (first === last) this.crossSegment(before, after, share, changes);
    else this.crossSamples(before, after, share, first, last, changes);
  }

  private enter(column: number): void {
    const { pixels, height } = this;
    const { tops, rows } = this.lines;
    const { before, after, share } = this.between(column);
    for (let row = 0; row < rows; row++) {
      const from = tops[before * rows + row]!;
      const place = Math.fround(from + share * (tops[after * rows + row]! - from));
      pixels[row] = wholePixel(place, height);
    }
  }

  /** The samples around a place, and how far it is from one to the other. */
  private between(at: number): { before: number; after: number; share: number } {
    const { x } = this;
    const after = lowerBound(x, at);
    // On a sample, no rounding may come between.
    if (x[after] === at) return { before: after, after, share: 0 };
    const before = after - 1;
    return { before, after, share: (at - x[before]!) / (x[after]! - x[before]!) };
  }

  /** The column lies within one segment of every line: its two edges are all there is. */
  private crossSegment(before: number, after: number, share: number, changes: Int32Array): void {
    const { pixels, height } = this;
    const { tops, rows } = this.lines;
    const start = before * rows;
    const end = after * rows;
    const below = height + 1;
    for (let row = 0; row < rows; row++) {
      const from = tops[start + row]!;
      // As in wholePixel, which is not always inlined: this runs for every line in every column.
      const shifted = (Math.fround(from + share * (tops[end + row]! - from)) + 1) | 0;
      const beyond = (shifted & ~(shifted >> 31)) - below;
      const pixel = height + (beyond & (beyond >> 31));
      const entered = pixels[row]!;
      pixels[row] = pixel;
      // The smaller of two numbers is one of them plus their difference where that is negative;
      // comparing them would guess wrong every other time, which costs more than all the rest.
      const difference = entered - pixel;
      const negative = difference & (difference >> 31);
      const low = pixel + negative;
      changes[low & ~(low >> 31)]!++;
      changes[entered - negative + 1]!--;
    }
  }

  private crossSamples(
    before: number,
    after: number,
    share: number,
    first: number,
    last: number,
    changes: Int32Array,
  ): void {
    const { pixels, height } = this;
    const { tops, rows } = this.lines;
    for (let row = 0; row < rows; row++) {
      const from = tops[before * rows + row]!;
      const to = tops[after * rows + row]!;
      const pixel = wholePixel(Math.fround(from + share * (to - from)), height);
      let difference = pixels[row]! - pixel;
      let negative = difference & (difference >> 31);
      let low = pixel + negative;
      let high = pixels[row]! - negative;
      pixels[row] = pixel;
      for (let step = first; step < last; step++) {
        const sample = wholePixel(tops[step * rows + row]!, height);
        difference = sample - low;
        negative = difference & (difference >> 31);
        low += negative;
        difference = high - sample;
        negative = difference & (difference >> 31);
        high -= negative;
      }
      changes[low & ~(low >> 31)]!++;
      changes[high + 1]!--;
    }
  }
}

/** Lines with samples that are no numbers: spans over those edges and samples that are. */
class GappedLines {
  private left: Float32Array;
  private right: Float32Array;
  /** The column whose left edge `left` holds. */
  private edge = -1;

  constructor(
    private readonly lines: Lines,
    private readonly x: Float64Array,
    private readonly height: number,
  ) {
    this.left = new Float32Array(lines.rows);
    this.right = new Float32Array(lines.rows);
  }

  count(column: number, first: number, last: number, changes: Int32Array): void {
    const { height } = this;
    const { tops, rows } = this.lines;
    if (rows === 0) return;
    if (this.edge !== column) this.edgeAt(column, this.left);
    this.edgeAt(column + 1, this.right);
    for (let row = 0; row < rows; row++) {
      let low = this.left[row]!;
      let high = low;
      const edge = this.right[row]!;
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
        changes[(high < height ? high | 0 : height) + 1]!--;
      }
    }
    [this.left, this.right] = [this.right, this.left];
    this.edge = column + 1;
  }

  /** Where each line stands at the horizontal place `at`; NaN beside a gap. */
  private edgeAt(at: number, places: Float32Array): void {
    const { x } = this;
    const { tops, rows } = this.lines;
    const after = lowerBound(x, at);
    if (after < x.length && x[after] === at) {
      places.set(tops.subarray(after * rows, (after + 1) * rows));
      return;
    }
    if (after === 0 || after === x.length) {
      places.fill(NaN);
      return;
    }
    const share = (at - x[after - 1]!) / (x[after]! - x[after - 1]!);
    const before = (after - 1) * rows;
    for (let row = 0; row < rows; row++) {
      const from = tops[before + row]!;
      places[row] = from + share * (tops[before + rows + row]! - from);
    }
  }
}

/** The pixel of a place: −1 above the picture and its height below, without a branch. */
function wholePixel(place: number, height: number): number {
  // Rounding towards zero would take what lies just above the picture into it.
  const shifted = (place + 1) | 0;
  const positive = shifted & ~(shifted >> 31);
  const beyond = positive - (height + 1);
  return height + (beyond & (beyond >> 31));
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

/** Farther than this from the picture, where exactly no longer shows. */
const FAR_PX = 1e6;

/** Numbers that a scale turns into places by one multiplication, [steps × rows]. */
interface Samples {
  readonly values: Float32Array | Float64Array;
  /** Room for their places: asking for new memory at every drawing costs more than filling it. */
  readonly places: Float32Array;
  readonly rows: number;
}

interface Sorted {
  /** Lines without a gap, and the others. */
  readonly whole: Samples;
  readonly broken: Samples;
}

/** Turned on its side once per matrix: zooming and scaling need no more than the multiplication. */
const straight = new WeakMap<Float32Array, Sorted>();
const logarithms = new WeakMap<Float32Array, Sorted>();

/** All lines with their samples side by side: those without a gap, and the others. */
function linesOf(
  values: Float32Array,
  steps: number,
  rows: number,
  yOf: Scale,
): { whole: Lines; broken: Lines } {
  if (yOf.kind === "symlog") {
    const places = Float64Array.from(values, (value) => yOf.toPx(value));
    return placed(sortedSamples(places, steps, rows), 0, 1);
  }
  const log = yOf.kind === "log";
  const through = log ? Math.log : (value: number) => value;
  const kept = log ? logarithms : straight;
  let sorted = kept.get(values);
  if (sorted === undefined) {
    // Rounded logarithms would move lines by parts of a pixel.
    sorted = sortedSamples(log ? Float64Array.from(values, Math.log) : values, steps, rows);
    kept.set(values, sorted);
  }
  const [from, to] = yOf.domain;
  const slope = (yOf.range[1] - yOf.range[0]) / (through(to) - through(from));
  return placed(sorted, yOf.range[0] - through(from) * slope, slope);
}

function sortedSamples(values: Samples["values"], steps: number, rows: number): Sorted {
  const whole: number[] = [];
  const broken: number[] = [];
  for (let row = 0; row < rows; row++) {
    // Zero for every number, NaN for NaN and infinities.
    let odd = 0;
    for (let index = row * steps; index < (row + 1) * steps; index++) {
      odd += values[index]! - values[index]!;
    }
    (odd === 0 ? whole : broken).push(row);
  }
  return { whole: transposed(values, steps, whole), broken: transposed(values, steps, broken) };
}

/** In blocks of rows, so that what is read and what is written both stay in cache. */
function transposed(values: Samples["values"], steps: number, rows: readonly number[]): Samples {
  const count = rows.length;
  const turned =
    values instanceof Float32Array
      ? new Float32Array(count * steps)
      : new Float64Array(count * steps);
  const BLOCK = 64;
  for (let block = 0; block < count; block += BLOCK) {
    const end = Math.min(count, block + BLOCK);
    for (let step = 0; step < steps; step++) {
      for (let line = block; line < end; line++) {
        turned[step * count + line] = values[rows[line]! * steps + step]!;
      }
    }
  }
  return { values: turned, places: new Float32Array(turned.length), rows: count };
}

function placed(sorted: Sorted, base: number, slope: number): { whole: Lines; broken: Lines } {
  return { whole: clamped(sorted.whole, base, slope), broken: scaled(sorted.broken, base, slope) };
}

function scaled({ values, places, rows }: Samples, base: number, slope: number): Lines {
  for (let index = 0; index < values.length; index++) places[index] = base + values[index]! * slope;
  return { tops: places, rows };
}

/** What is turned into whole numbers must not run out of them. */
function clamped(samples: Samples, base: number, slope: number): Lines {
  const lines = scaled(samples, base, slope);
  const { tops } = lines;
  for (let index = 0; index < tops.length; index++) {
    const place = tops[index]!;
    if (place > FAR_PX) tops[index] = FAR_PX;
    else if (place < -FAR_PX) tops[index] = -FAR_PX;
  }
  return lines;
}

function upperBound(sorted: Float64Array, value: number): number {
  let index = lowerBound(sorted, value);
  while (index < sorted.length && sorted[index] === value) index++;
  return index;
}
