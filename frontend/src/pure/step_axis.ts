/**
 * The horizontal axis that all charts share. Steps are what the reader zooms and points at; where
 * they stand on the axis is either the step itself or the seconds since the run began.
 */

export interface StepSource {
  /** Ascending and unique. */
  readonly steps: Float64Array;
  /** Seconds since 1970, as long as `steps`. */
  readonly wallTimes: Float64Array;
  /** When the run began, in seconds since 1970; null where that is not known. */
  readonly start: number | null;
}

export type StepUnit = "step" | "time";

/** Place of every step on the axis, float64[steps]. Clocks that went back are held still. */
export function axisPositions(source: StepSource, unit: StepUnit): Float64Array {
  if (unit === "step") return source.steps;
  const positions = new Float64Array(source.steps.length);
  const first = source.wallTimes[0] ?? 0;
  // Of an old log written anew the file is younger than all that it tells of.
  const start = source.start !== null && source.start <= first ? source.start : first;
  let last = 0;
  for (let index = 0; index < positions.length; index++) {
    last = Math.max(last, source.wallTimes[index]! - start);
    positions[index] = last;
  }
  return positions;
}

/** Place of any step, between logged ones by straight line, beyond them at the nearest end. */
export function positionOfStep(step: number, steps: Float64Array, positions: Float64Array): number {
  if (steps === positions) return step;
  if (steps.length === 0) return step;
  const after = lowerBound(steps, step);
  if (after === 0) return positions[0]!;
  if (after === steps.length) return positions[after - 1]!;
  const share = (step - steps[after - 1]!) / (steps[after]! - steps[after - 1]!);
  return positions[after - 1]! + share * (positions[after]! - positions[after - 1]!);
}

/** Range of the axis to draw: the zoom, or everything; null when there is nothing. */
export function axisDomain(
  sources: readonly StepSource[],
  zoom: readonly [number, number] | null,
  unit: StepUnit,
): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const source of sources) {
    const positions = axisPositions(source, unit);
    if (positions.length === 0) continue;
    const from = zoom ? positionOfStep(zoom[0], source.steps, positions) : positions[0]!;
    const to = zoom ? positionOfStep(zoom[1], source.steps, positions) : positions.at(-1)!;
    low = Math.min(low, from);
    high = Math.max(high, to);
  }
  return low <= high ? [low, high] : null;
}

/** First index whose value is not below `value`; the length when all are. `sorted` ascends. */
export function lowerBound(sorted: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the value nearest to `value`, the earlier of two equally near; −1 when empty. */
export function nearestIndex(sorted: ArrayLike<number>, value: number): number {
  const after = lowerBound(sorted, value);
  if (after === 0) return sorted.length === 0 ? -1 : 0;
  if (after === sorted.length) return after - 1;
  return value - sorted[after - 1]! <= sorted[after]! - value ? after - 1 : after;
}

/** Index of the last value not above `value`: the row that holds then. −1 when all are above. */
export function indexAtOrBefore(sorted: ArrayLike<number>, value: number): number {
  const after = lowerBound(sorted, value);
  return after < sorted.length && sorted[after] === value ? after : after - 1;
}

/**
 * The stretch of a domain that samples stand for: to the gap between the outer two beyond them. A
 * lone sample stands for all of it, and so does one that only the zoom has parted from the others.
 */
export function coveredStretch(
  positions: ArrayLike<number>,
  domain: readonly [number, number],
): readonly [number, number] {
  const count = positions.length;
  if (count < 2) return domain;
  const from = Math.max(domain[0], 2 * positions[0]! - positions[1]!);
  const to = Math.min(domain[1], 2 * positions[count - 1]! - positions[count - 2]!);
  return from < to ? [from, to] : [domain[0], domain[0]];
}

/** Which samples fall into each pixel column: `start[c] .. end[c] - 1`, at least one each. */
export interface Columns {
  readonly start: Int32Array;
  readonly end: Int32Array;
}

/**
 * Columns of a raster over a stretch of the axis. Columns wider than the gaps between samples pool
 * them; columns that no sample falls into show the nearest one, so that a step reaches half way to
 * its neighbours.
 * @param positions ascending places of the samples
 * @param domain stretch of the axis that the raster covers
 * @param count columns of the raster
 */
export function columnsOf(
  positions: ArrayLike<number>,
  domain: readonly [number, number],
  count: number,
): Columns {
  const start = new Int32Array(count);
  const end = new Int32Array(count);
  const gap = (domain[1] - domain[0]) / count;
  for (let column = 0; column < count; column++) {
    const from = domain[0] + column * gap;
    // The last column keeps what stands exactly on the end of the domain.
    const first = lowerBound(positions, from);
    const last =
      column === count - 1
        ? indexAtOrBefore(positions, domain[1]) + 1
        : lowerBound(positions, from + gap);
    if (last > first) {
      start[column] = first;
      end[column] = last;
    } else {
      const nearest = Math.max(0, nearestIndex(positions, from + gap / 2));
      start[column] = nearest;
      end[column] = nearest + 1;
    }
  }
  return { start, end };
}
