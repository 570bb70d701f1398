/** Numbers that a test draws, the same whenever it runs. */

/** Seeded, so that a failure repeats. Source: Steele, Lea & Flood (2014), mixing of mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomMatrix(seed: number, size: number, nanShare = 0): Float32Array {
  const random = uniform(seed);
  return Float32Array.from({ length: size }, () =>
    random() < nanShare ? NaN : random() * 4 - 2,
  );
}
