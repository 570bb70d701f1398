/** Smoothing of noisy curves, as TensorBoard's Scalars dashboard does it. */

/**
 * Exponential moving average of `values`, divided by the weight it has seen so far, so that the
 * first values are not drawn towards zero.
 *
 * NaN and infinities pass through and leave the average as it was. A constant series is not
 * smoothed: the division would only add noise to it.
 * @param weight share of the past in every value, 0 (none) to below 1
 * @throws RangeError if `weight` is outside
 *
 * Source: Kingma & Ba, "Adam" (ICLR 2015), section 3, bias correction.
 */
export function smoothed(values: Float32Array, weight: number): Float32Array {
  if (!(weight >= 0 && weight < 1)) {
    throw new RangeError(`smoothing must be at least 0 and below 1, got ${weight}`);
  }
  if (weight === 0 || values.every((value) => value === values[0])) return values;
  const result = new Float32Array(values.length);
  let average = 0;
  let seen = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) {
      result[index] = value;
      continue;
    }
    average = average * weight + (1 - weight) * value;
    seen++;
    result[index] = average / (1 - weight ** seen);
  }
  return result;
}
