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
