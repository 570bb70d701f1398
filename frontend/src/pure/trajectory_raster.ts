/** Many lines as one picture: how many of them cross each pixel. */

import { LUT_SIZE, type Lut } from "./colormap";
import { countGapped } from "./gapped_lines";
import { linesOf } from "./line_places";
import type { Px, Scale } from "./scale";
import { countUnbroken } from "./unbroken_lines";

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
  // A column at a time lies a row of the picture apart; turned over at the end, it stays in cache.
  const columns = new Uint32Array(width * height);
  countUnbroken(whole, x, width, height, columns);
  countGapped(broken, x, width, height, columns);
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
