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

/**
 * One value per pixel, float32[height × columns]. NaN wins over every number it shares a pixel
 * with: one broken neuron among hundreds must stay visible.
 * @throws RangeError if `values` is not a whole number of rows, or `order` names one it lacks
 */
export function pooledValues(
  source: HeatSource,
  window: HeatWindow,
  pooling: Pooling,
  centre = 0,
): Float32Array {
  const { values, stepCount, order } = source;
  checkRows(values, stepCount, order);
  const { start, end } = window.columns;
  const width = start.length;
  const pixels = new Float32Array(window.height * width);
  if (width === 0 || order.length === 0 || stepCount === 0) return pixels.fill(NaN);
  const firstStep = Math.min(start[0]!, start[width - 1]!);
  const lastStep = Math.max(end[0]!, end[width - 1]!);
  const pooled = new Float32Array(stepCount);
  const [rowFrom, rowTo] = window.rows;
  const rowsPerPixel = (rowTo - rowFrom) / window.height;
  let drawn = -1;
  let drawnCount = 0;
  for (let y = 0; y < window.height; y++) {
    const from = Math.max(0, Math.min(order.length - 1, Math.floor(rowFrom + y * rowsPerPixel)));
    const to = Math.min(order.length, Math.max(from + 1, Math.floor(rowFrom + (y + 1) * rowsPerPixel)));
    const target = y * width;
    // A row taller than a pixel is computed once.
    if (from === drawn && to - from === drawnCount) {
      pixels.copyWithin(target, target - width, target);
      continue;
    }
    drawn = from;
    drawnCount = to - from;
    poolRows(values, stepCount, order, from, to, firstStep, lastStep, pooling, centre, pooled);
    poolColumns(pooled, start, end, pooling, centre, pixels, target);
  }
  return pixels;
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
  order: Int32Array,
  from: number,
  to: number,
  firstStep: number,
  lastStep: number,
  pooling: Pooling,
  centre: number,
  pooled: Float32Array,
): void {
  const first = order[from]! * stepCount;
  for (let step = firstStep; step < lastStep; step++) pooled[step] = values[first + step]!;
  for (let place = from + 1; place < to; place++) {
    const row = order[place]! * stepCount;
    // One loop per kind of pooling: a branch inside costs twice the time.
    if (pooling === "mean") {
      for (let step = firstStep; step < lastStep; step++) pooled[step]! += values[row + step]!;
    } else if (pooling === "max") {
      for (let step = firstStep; step < lastStep; step++) {
        const value = values[row + step]!;
        if (value > pooled[step]! || value !== value) pooled[step] = value;
      }
    } else {
      for (let step = firstStep; step < lastStep; step++) {
        const value = values[row + step]!;
        if (Math.abs(value - centre) > Math.abs(pooled[step]! - centre) || value !== value) {
          pooled[step] = value;
        }
      }
    }
  }
  if (pooling === "mean" && to - from > 1) {
    for (let step = firstStep; step < lastStep; step++) pooled[step]! /= to - from;
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
