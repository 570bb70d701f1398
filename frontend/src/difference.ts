/** What one run has more or less than another, neuron by neuron and step by step. Pure. */

import { stepQuantiles } from "./pure/quantiles";
import type { NeuronSeries } from "./series";

/** Probabilities of the quantiles in an answer about neurons. */
const PROBABILITIES = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1] as const;

export interface Difference {
  /** First minus second, where both have the neuron and the step. */
  readonly series: NeuronSeries;
  /** What one run has and the other has not, first run before second. */
  readonly unsharedNeurons: readonly [number, number];
  readonly unsharedSteps: readonly [number, number];
}

/** The first series minus the second; quantiles are over the neurons compared. */
export function difference(first: NeuronSeries, second: NeuronSeries): Difference {
  const rows = sharedPlaces(first.neurons, second.neurons);
  const columns = sharedPlaces(first.steps, second.steps);
  const width = columns.length;
  const values = new Float32Array(rows.length * width);
  rows.forEach(([a, b], row) => {
    columns.forEach(([s, t], column) => {
      const minuend = first.values[a * first.steps.length + s] as number;
      values[row * width + column] = minuend - (second.values[b * second.steps.length + t] as number);
    });
  });
  const steps = Float64Array.from(columns, ([s]) => first.steps[s] as number);
  return {
    series: {
      steps,
      wallTimes: Float64Array.from(columns, ([s]) => first.wallTimes[s] as number),
      neurons: Int32Array.from(rows, ([a]) => first.neurons[a] as number),
      values,
      quantiles: stepQuantiles(values, width, PROBABILITIES),
      extremes: null,
      population: first.population,
      keptSteps: width,
      firstStep: steps[0] ?? null,
      lastStep: steps.at(-1) ?? null,
      skipped: [...first.skipped, ...second.skipped],
    },
    unsharedNeurons: [first.neurons.length - rows.length, second.neurons.length - rows.length],
    unsharedSteps: [first.steps.length - width, second.steps.length - width],
  };
}

/** Places in both lists of what both hold, in the order of the first. */
export function sharedPlaces(first: ArrayLike<number>, second: ArrayLike<number>): (readonly [number, number])[] {
  const places = new Map(Array.from(second, (value, place) => [value, place]));
  return Array.from(first, (value, place) => [place, places.get(value)] as const).filter(
    (pair): pair is readonly [number, number] => pair[1] !== undefined,
  );
}
