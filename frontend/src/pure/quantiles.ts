/** Order statistics over neurons. */

/**
 * Quantiles over the rows at every step, float32[shares × steps], straight between neighbours.
 * NaN is left out; a step with nothing else gives NaN.
 * @param values row-major [rows × steps]
 *
 * Source: Hyndman & Fan (1996), definition 7.
 */
export function stepQuantiles(
  values: Float32Array,
  steps: number,
  shares: readonly number[],
): Float32Array {
  const rows = steps === 0 ? 0 : Math.floor(values.length / steps);
  const result = new Float32Array(shares.length * steps).fill(NaN);
  const column = new Float32Array(rows);
  for (let step = 0; step < steps; step++) {
    let count = 0;
    for (let row = 0; row < rows; row++) {
      const value = values[row * steps + step]!;
      if (value === value) column[count++] = value;
    }
    if (count === 0) continue;
    const sorted = column.subarray(0, count).sort();
    shares.forEach((share, index) => {
      const place = share * (count - 1);
      const below = Math.floor(place);
      const low = sorted[below]!;
      const high = sorted[Math.min(count - 1, below + 1)]!;
      // Equal infinities would give NaN.
      result[index * steps + step] = low === high ? low : low + (place - below) * (high - low);
    });
  }
  return result;
}

/** Lowest and highest finite value of every step, NaN where there is none. */
export interface StepExtents {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/**
 * Extents over the rows at every step, for axes that follow a zoom without reading all values.
 * @param arrays row-major [rows × steps] each
 * @param positive leaves out what a logarithmic axis cannot show
 */
export function stepExtents(
  arrays: Iterable<Float32Array>,
  steps: number,
  positive: boolean,
): StepExtents {
  const low = new Float32Array(steps).fill(Infinity);
  const high = new Float32Array(steps).fill(-Infinity);
  const floor = positive ? 0 : -Infinity;
  for (const values of arrays) {
    for (let start = 0; steps > 0 && start < values.length; start += steps) {
      for (let step = 0; step < steps; step++) {
        const value = values[start + step]!;
        // Every comparison is false for NaN.
        if (value > floor && value < Infinity) {
          if (value < low[step]!) low[step] = value;
          if (value > high[step]!) high[step] = value;
        }
      }
    }
  }
  for (let step = 0; step < steps; step++) {
    if (low[step]! > high[step]!) low[step] = high[step] = NaN;
  }
  return { low, high };
}
