/** Data that looks like training, from a seed: the gallery draws the same picture every time. */

import type {
  CurveSample,
  DensitySeries,
  Extremes,
  LineSeries,
  Matrix,
  NeuronWeights,
  Paths,
} from "../src/charts/contract";

export type Random = () => number;

/** Uniform numbers in [0, 1). Source: Steele, Lea & Flood (2014), as mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers. Source: Box & Muller (1958). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Logged steps: dense early, thinner later, as the automatic cadence is. */
export function cadence(count: number, last: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) =>
    Math.round(last * (index / (count - 1)) ** 1.6),
  );
}

export function clocks(steps: Float64Array): Float64Array {
  return steps.map((step) => 1_790_000_000 + step * 0.11);
}

export const STEPS = cadence(300, 4200);

export function loss(seed: number, run: string, color: string, rate: number): LineSeries {
  const random = seeded(seed);
  const values = Float32Array.from(
    STEPS,
    (step) => 0.06 + 2.25 * Math.exp(-step / rate) * (1 + 0.06 * normal(random)) + 0.015 * random(),
  );
  return { run, color, start: null, label: "loss", steps: STEPS, wallTimes: clocks(STEPS), values };
}

/** Weight norms: every neuron grows at its own pace, a few run away, one breaks. */
export function norms(seed: number, neurons: number, steps = STEPS, color = "#425066"): Matrix {
  const random = seeded(seed);
  const values = new Float32Array(neurons * steps.length);
  for (let row = 0; row < neurons; row++) {
    const pace = Math.exp(0.7 * normal(random)) * (row % 97 === 5 ? 2.6 : 1);
    let wander = 0;
    for (let column = 0; column < steps.length; column++) {
      wander += 0.004 * normal(random);
      const growth = pace * (1 - Math.exp(-steps[column]! / 1400));
      values[row * steps.length + column] = Math.max(0.02, 0.4 + 0.35 * growth + wander);
    }
    if (row === 11) values.fill(NaN, (row + 0.7) * steps.length, (row + 1) * steps.length);
  }
  const rows = Int32Array.from({ length: neurons }, (_, row) => row);
  return { run: "digits/adam", color, start: null, steps, wallTimes: clocks(steps), values, rows };
}

/** Places of the rows by how far they travelled, farthest first. */
export function byMovement(matrix: Matrix): Int32Array {
  const { values, steps, rows } = matrix;
  const count = steps.length;
  const way = Array.from(rows, (_, row) => {
    const end = values[row * count + count - 1]!;
    return Number.isNaN(end) ? Infinity : Math.abs(end - values[row * count]!);
  });
  return Int32Array.from(rows.keys()).sort((a, b) => way[b]! - way[a]! || a - b);
}

export function extremes(matrix: Matrix): Extremes {
  const count = matrix.steps.length;
  const highest = matrix.steps.map((_, column) => {
    let best = 0;
    for (let row = 0; row < matrix.rows.length; row++) {
      best = Math.max(best, matrix.values[row * count + column]! || 0);
    }
    return best * 1.15;
  });
  return { neurons: new Int32Array(count).fill(4711), values: Float32Array.from(highest) };
}

/** The borders of float-like buckets, as `nnviz_tb/buckets.py` lays them, one merge up. */
export function bucketEdges(): Float32Array {
  const positive: number[] = [];
  for (let index = 0; index < 60; index++) {
    const octave = Math.floor(index / 8);
    const fraction = index % 8;
    positive.push(octave === 0 ? index / 64 : (1 + fraction / 8) * 2 ** (octave - 4));
  }
  return Float32Array.from([
    ...positive
      .slice(1)
      .map((edge) => -edge)
      .reverse(),
    ...positive,
  ]);
}

export function density(
  seed: number,
  run: string,
  color: string,
  at: (share: number) => { mean: number; deviation: number },
  samples = 20_000,
): DensitySeries {
  const random = seeded(seed);
  const edges = bucketEdges();
  const bins = edges.length - 1;
  const counts = new Float32Array(STEPS.length * bins);
  STEPS.forEach((_, row) => {
    const { mean, deviation } = at(row / (STEPS.length - 1));
    let below = normalBelow((edges[0]! - mean) / deviation);
    for (let bin = 0; bin < bins; bin++) {
      const above = normalBelow((edges[bin + 1]! - mean) / deviation);
      const expected = samples * (above - below);
      const noise = Math.sqrt(expected) * normal(random);
      counts[row * bins + bin] = Math.max(0, Math.round(expected + noise));
      below = above;
    }
  });
  return { run, color, start: null, steps: STEPS, wallTimes: clocks(STEPS), edges, counts };
}

/** Source: Abramowitz & Stegun (1964), 26.2.17. */
function normalBelow(value: number): number {
  const part = 1 / (1 + 0.2316419 * Math.abs(value));
  const tail =
    ((Math.exp((-value * value) / 2) / Math.sqrt(2 * Math.PI)) * part *
      (0.31938153 +
        part * (-0.356563782 + part * (1.781477937 + part * (-1.821255978 + part * 1.330274429)))));
  return value > 0 ? 1 - tail : tail;
}

export function curve(
  run: string,
  color: string,
  functions: readonly ((x: number) => number)[],
): CurveSample {
  const x = Float32Array.from({ length: 401 }, (_, index) => -10 + index / 20);
  const f = Float32Array.from(functions.flatMap((apply) => Array.from(x, apply)));
  const slope = Float32Array.from(
    functions.flatMap((apply) =>
      Array.from(x, (at) => (apply(at + 1e-4) - apply(at - 1e-4)) / 2e-4),
    ),
  );
  return { run, color, start: null, x, f, slope, bands: functions.length === 3 ? 3 : 1 };
}

export function activity(seed: number, neurons: number, deadShare: number): Matrix {
  const random = seeded(seed);
  const values = new Float32Array(neurons * STEPS.length);
  for (let row = 0; row < neurons; row++) {
    const rest = 0.15 + 0.6 * random();
    const dies = random() < deadShare ? 0.1 + 0.5 * random() : 2;
    for (let column = 0; column < STEPS.length; column++) {
      const alive = Math.max(0, Math.min(1, (dies - column / STEPS.length) * 8));
      const value = alive * rest * (1 + 0.1 * normal(random));
      values[row * STEPS.length + column] = Math.min(1, Math.max(0, value));
    }
  }
  const rows = Int32Array.from({ length: neurons }, (_, row) => row);
  const wallTimes = clocks(STEPS);
  return { run: "digits/adam", color: "#425066", start: null, steps: STEPS, wallTimes, values, rows };
}

export function paths(seed: number, neurons: number): Paths {
  const random = seeded(seed);
  const points = new Float32Array(neurons * STEPS.length * 2);
  for (let row = 0; row < neurons; row++) {
    const angle = 2 * Math.PI * random();
    const reach = Math.exp(0.5 * normal(random));
    const bend = 0.8 * normal(random);
    let [x, y] = [0.3 * normal(random), 0.3 * normal(random)];
    for (let column = 0; column < STEPS.length; column++) {
      const place = 2 * (row * STEPS.length + column);
      const heading = angle + (bend * column) / STEPS.length;
      const pace = (0.02 * reach) / (1 + column / 60);
      x += pace * Math.cos(heading) * 1.8 + 0.006 * normal(random);
      y += pace * Math.sin(heading) + 0.006 * normal(random);
      points[place] = x;
      points[place + 1] = y;
    }
  }
  return {
    run: "digits/adam",
    color: "#425066",
    start: null,
    steps: STEPS,
    wallTimes: clocks(STEPS),
    neurons: Int32Array.from({ length: neurons }, (_, row) => row),
    points,
    explained: [0.61, 0.14],
  };
}

export function weights(seed: number, neuron: number, color: string): NeuronWeights {
  const random = seeded(seed);
  const columns = 64;
  const wallTimes = clocks(STEPS);
  const line = (from: number, to: number) => {
    let wander = 0;
    return Float32Array.from(STEPS, (step) => {
      wander += 0.002 * normal(random);
      return from + (to - from) * (1 - Math.exp(-step / 1200)) + wander;
    });
  };
  const values = new Float32Array(columns * STEPS.length);
  for (let row = 0; row < columns; row++) {
    const start = 0.15 * normal(random);
    values.set(line(start, start + 0.3 * normal(random)), row * STEPS.length);
  }
  const rows = Int32Array.from({ length: columns }, (_, row) => row * 16);
  const shared = { run: "digits/adam", color, start: null, steps: STEPS, wallTimes };
  return {
    neuron,
    color,
    weights: { ...shared, values, rows },
    bias: { ...shared, values: line(0, -0.35), label: "bias" },
  };
}
