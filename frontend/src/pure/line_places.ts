/** Vertical places of lines in a picture; what does not depend on the scale is kept per array. */

import { finiteExtent, type Scale } from "./scale";

/** Vertical places of lines, float32[steps × rows]: the samples of one step lie side by side. */
export interface Lines {
  readonly tops: Float32Array;
  readonly rows: number;
}

/** Farther than this from the picture, where exactly no longer shows. */
const FAR_PX = 1e6;

/** Numbers that a scale turns into places by one multiplication, [steps × rows]. */
interface Samples {
  readonly values: Float32Array | Float64Array;
  /** Room for their places: asking for new memory at every drawing costs more than filling it. */
  readonly places: Float32Array;
  readonly rows: number;
  /** Lowest and highest of the values that are numbers. */
  readonly extent: readonly [number, number];
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
export function linesOf(
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
  const extent = finiteExtent([turned]) ?? [0, 0];
  return { values: turned, places: new Float32Array(turned.length), rows: count, extent };
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
  // Only a deep zoom takes lines that far away.
  if (samples.extent.every((value) => Math.abs(base + value * slope) <= FAR_PX)) return lines;
  const { tops } = lines;
  for (let index = 0; index < tops.length; index++) {
    const place = tops[index]!;
    if (place > FAR_PX) tops[index] = FAR_PX;
    else if (place < -FAR_PX) tops[index] = -FAR_PX;
  }
  return lines;
}
