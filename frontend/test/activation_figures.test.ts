import { describe, expect, it } from "vitest";
import { deadNeurons } from "../src/activation_figures";
import type { Fields, NeuronSeries } from "../src/series";

const kept = { keptSteps: 3, firstStep: 0, lastStep: 20, skipped: [] };
const STEPS = Float64Array.of(0, 10, 20);
const OTHERS = { wallTimes: new Float64Array(3), quantiles: new Float32Array(0), extremes: null, ...kept };

/** Two neurons, 100 samples each at a step: one silent for ever, one only at the last step. */
function activity(steps = STEPS): NeuronSeries {
  const values = Float32Array.of(0, 0, 0, 0.5, 0.5, 0);
  return { ...OTHERS, steps, neurons: Int32Array.of(0, 1), values, population: 2 };
}

function figures(window: readonly number[]): Fields {
  const values = new Map([
    ["sample_count", Float32Array.of(200, 200, 200)],
    ["window_sample_count", Float32Array.from(window)],
  ]);
  return { steps: STEPS, wallTimes: new Float64Array(3), values, ...kept };
}

describe("dead neurons", () => {
  it("are those without activity in the whole window, not at one step", () => {
    expect(deadNeurons(activity(), figures([100, 200, 300]), null)).toEqual(Uint8Array.of(1, 0));
    expect(deadNeurons(activity(), figures([100, 100, 100]), null)).toEqual(Uint8Array.of(1, 1));
    expect(deadNeurons(activity(), figures([100, 200, 300]), 10)).toEqual(Uint8Array.of(1, 0));
  });

  it("are not guessed where steps of the window are missing", () => {
    expect(deadNeurons(activity(Float64Array.of(0, 5, 20)), figures([100, 200, 300]), null)).toBeNull();
    expect(deadNeurons(activity(), figures([100, 200, 900]), null)).toBeNull();
    expect(deadNeurons(activity(), figures([100, 200, 250]), null)).toBeNull();
    expect(deadNeurons(activity(), figures([100, 200, Number.NaN]), null)).toBeNull();
  });
});
