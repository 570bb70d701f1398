/** Heat maps: a matrix of rows × steps becomes pixels, pooled where it holds more than they do. */

import { LUT_SIZE, type Lut } from "./colormap";
import type { Columns } from "./step_axis";

/**
 * How the values that share a pixel become one: the largest, the mean, or the one farthest from
 * `centre`, so that a lone outlier is not averaged away.
 */
export type Pooling = "max" | "mean" | "farthest";

export interface HeatSource {
  /** Row-major [rows × steps]. */
  readonly values: Float32Array;
  readonly stepCount: number;
  /** The row drawn at each place, top first. */
  readonly order: Int32Array;
}

export interface HeatWindow {
  /** Places of `order` shown, first and one past the last; may be fractions while zooming. */
  readonly rows: readonly [number, number];
  readonly columns: Columns;
  /** Pixels. */
  readonly height: number;
}

/** Rows of a matrix that share a row of pixels made one, so that a zoom over steps reads no more. */
export interface PooledRows {
  /** Row-major [distinct rows × steps]. */
  readonly values: Float32Array;
  readonly stepCount: number;
  /** Which of the rows each row of pixels shows, top first. */
  readonly shown: Int32Array;
}

/**
 * The first half of the reduction, which is most of it, and stays as long as the rows do.
 * @param rows places of `order` shown, first and one past the last
 * @param height pixels
 * @throws RangeError if `values` is not a whole number of rows, or `order` names one it lacks
 */
export function pooledRows(
  { values, stepCount, order }: HeatSource,
  [rowFrom, rowTo]: readonly [number, number],
  height: number,
  pooling: Pooling,
  centre = 0,
): PooledRows {
  checkRows(values, stepCount, order);
  const shown = new Int32Array(height);
  if (order.length === 0 || stepCount === 0) return { values: new Float32Array(0), stepCount: 0, shown };
  const rowsPerPixel = (rowTo - rowFrom) / height;
  const spans: (readonly [number, number])[] = [];
  for (let y = 0; y < height; y++) {
    const from = Math.max(0, Math.min(order.length - 1, Math.floor(rowFrom + y * rowsPerPixel)));
    const to = Math.min(order.length, Math.max(from + 1, Math.floor(rowFrom + (y + 1) * rowsPerPixel)));
    const last = spans.at(-1);
    // A row taller than a pixel is computed once.
    if (last === undefined || last[0] !== from || last[1] !== to) spans.push([from, to]);
    shown[y] = spans.length - 1;
  }
  const pooled = new Float32Array(spans.length * stepCount);
  spans.forEach(([from, to], place) => {
    const target = pooled.subarray(place * stepCount, (place + 1) * stepCount);
    poolRows(values, stepCount, order.subarray(from, to), pooling, centre, target);
  });
  return { values: pooled, stepCount, shown };
}

/** The other half: one value per pixel, float32[height × columns]; NaN where there is no row. */
export function pooledPixels(
  { values, stepCount, shown }: PooledRows,
  { start, end }: Columns,
  pooling: Pooling,
  centre = 0,
): Float32Array {
  const width = start.length;
  const pixels = new Float32Array(shown.length * width);
  if (stepCount === 0) return pixels.fill(NaN);
  for (let y = 0; y < shown.length; y++) {
    const target = y * width;
    if (y > 0 && shown[y] === shown[y - 1]) {
      pixels.copyWithin(target, target - width, target);
      continue;
    }
    const row = values.subarray(shown[y]! * stepCount, (shown[y]! + 1) * stepCount);
    poolColumns(row, start, end, pooling, centre, pixels, target);
  }
  return pixels;
}

/**
 * One value per pixel, float32[height × columns]. NaN wins over every number it shares a pixel
 * with: one broken neuron among hundreds must stay visible.
 * @throws RangeError as `pooledRows`
 */
export function pooledValues(
  source: HeatSource,
  window: HeatWindow,
  pooling: Pooling,
  centre = 0,
): Float32Array {
  const rows = pooledRows(source, window.rows, window.height, pooling, centre);
  return pooledPixels(rows, window.columns, pooling, centre);
}

/** Whether a pixel shows something that is no number. */
export function anyNaN(pixels: Float32Array): boolean {
  for (let index = 0; index < pixels.length; index++) {
    if (pixels[index] !== pixels[index]) return true;
  }
  return false;
}

/** Straight map of values to colours between `low` and `high`; NaN has a colour of its own. */
export function colored(
  pixels: Float32Array,
  low: number,
  high: number,
  lut: Lut,
  nanColor: number,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint32Array(pixels.length);
  const scale = high > low ? (LUT_SIZE - 1) / (high - low) : 0;
  const offset = high > low ? 0.5 : LUT_SIZE / 2;
  for (let index = 0; index < pixels.length; index++) {
    const value = pixels[index]!;
    if (value !== value) {
      rgba[index] = nanColor;
      continue;
    }
    const place = (value - low) * scale + offset;
    // An infinity times a scale of zero would be NaN, and index nothing.
    rgba[index] = lut[place >= LUT_SIZE ? LUT_SIZE - 1 : place > 0 ? place | 0 : 0]!;
  }
  return new Uint8ClampedArray(rgba.buffer);
}

function checkRows(values: Float32Array, stepCount: number, order: Int32Array): void {
  const rowCount = stepCount === 0 ? 0 : values.length / stepCount;
  if (!Number.isInteger(rowCount)) {
    throw new RangeError(`${values.length} values are not whole rows of ${stepCount} steps`);
  }
  for (const row of order) {
    if (row < 0 || row >= rowCount) throw new RangeError(`row ${row} of ${rowCount}`);
  }
}

function poolRows(
  values: Float32Array,
  stepCount: number,
  rows: Int32Array,
  pooling: Pooling,
  centre: number,
  pooled: Float32Array,
): void {
  const first = rows[0]! * stepCount;
  pooled.set(values.subarray(first, first + stepCount));
  for (let place = 1; place < rows.length; place++) {
    const row = values.subarray(rows[place]! * stepCount, (rows[place]! + 1) * stepCount);
    // One loop per kind of pooling: a branch inside costs twice the time. NaN wins in all of them.
    if (pooling === "mean") {
      for (let step = 0; step < stepCount; step++) pooled[step]! += row[step]!;
    } else if (pooling === "max") {
      for (let step = 0; step < stepCount; step++) pooled[step] = Math.max(pooled[step]!, row[step]!);
    } else {
      for (let step = 0; step < stepCount; step++) {
        const value = row[step]!;
        if (Math.abs(value - centre) > Math.abs(pooled[step]! - centre) || value !== value) {
          pooled[step] = value;
        }
      }
    }
  }
  if (pooling === "mean" && rows.length > 1) {
    for (let step = 0; step < stepCount; step++) pooled[step]! /= rows.length;
  }
}

function poolColumns(
  pooled: Float32Array,
  start: Int32Array,
  end: Int32Array,
  pooling: Pooling,
  centre: number,
  pixels: Float32Array,
  target: number,
): void {
  for (let column = 0; column < start.length; column++) {
    let result = pooled[start[column]!]!;
    const last = end[column]!;
    for (let step = start[column]! + 1; step < last; step++) {
      const value = pooled[step]!;
      if (pooling === "mean") result += value;
      else if (value !== value) result = value;
      else if (pooling === "max") {
        if (value > result) result = value;
      } else if (Math.abs(value - centre) > Math.abs(result - centre)) result = value;
    }
    pixels[target + column] =
      pooling === "mean" ? result / (last - start[column]!) : result;
  }
}
