import { describe, expect, it } from "vitest";
import { difference } from "../src/difference";
import type { NeuronSeries } from "../src/series";

/** A series whose values are `scale` · (100 · neuron + step). */
function made(neurons: readonly number[], steps: readonly number[], scale: number): NeuronSeries {
  return {
    steps: Float64Array.from(steps),
    wallTimes: Float64Array.from(steps, (step) => 1e9 + step),
    neurons: Int32Array.from(neurons),
    values: Float32Array.from(neurons.flatMap((neuron) => steps.map((step) => scale * (100 * neuron + step)))),
    quantiles: new Float32Array(9 * steps.length),
    extremes: null,
    population: 10,
    keptSteps: steps.length,
    firstStep: steps[0] ?? null,
    lastStep: steps.at(-1) ?? null,
    skipped: [],
  };
}

describe("the difference of two runs", () => {
  it("is taken where both have the neuron and the step, and says what is left out", () => {
    const { series, unsharedNeurons, unsharedSteps } = difference(
      made([0, 2, 5], [0, 10, 20, 30], 3),
      made([5, 2, 7, 8], [10, 30, 40], 1),
    );
    expect([...series.neurons]).toEqual([2, 5]);
    expect([...series.steps]).toEqual([10, 30]);
    expect([...series.values]).toEqual([420, 460, 1020, 1060]);
    expect(unsharedNeurons).toEqual([1, 2]);
    expect(unsharedSteps).toEqual([2, 1]);
  });

  it("of a run with itself is nothing", () => {
    const one = made([0, 1], [0, 1, 2], 2);
    expect([...difference(one, one).series.values]).toEqual(Array(6).fill(0));
  });

  it("the other way round has the other sign", () => {
    const [a, b] = [made([0, 1], [0, 1], 2), made([0, 1], [0, 1], 5)];
    const back = [...difference(b, a).series.values].map((value) => 0 - value);
    expect([...difference(a, b).series.values]).toEqual(back);
  });

  it("has quantiles over the neurons compared, and knows no number where one is missing", () => {
    const first = made([0, 1, 2], [0], 1);
    first.values[1] = Number.NaN;
    const { series } = difference(first, made([0, 1, 2], [0], 0));
    expect(series.values[1]).toBeNaN();
    // 0 % and 100 %, and the median between the two that are left.
    expect([series.quantiles[0], series.quantiles[4], series.quantiles[8]]).toEqual([0, 100, 200]);
  });

  it("of runs that share no step is empty, and not an error", () => {
    const { series, unsharedSteps } = difference(made([0], [0, 2], 1), made([0], [1, 3], 1));
    expect(series.steps).toHaveLength(0);
    expect(unsharedSteps).toEqual([2, 2]);
  });
});
