/** Everything that was recorded of a layer, gathered for a file. */

import type { Client, LayerInfo, RunInfo } from "./api";
import { float32Text, toCsv, type Cell } from "./pure/csv";
import { curve, density, fields, neuronSeries, weightSeries } from "./series";
import type { Curve, Density, Fields, NeuronSeries, WeightSeries } from "./series";

/** As many steps as the server gives at once: a file is not thinned for a screen. */
const STEPS = 10_000;
/** Of raw weights at most so many numbers: what is left out is counted in the file. */
const MOST_WEIGHTS = 4_000_000;
/** Series that are not per-neuron statistics, and have answers of their own or none. */
const OTHERS = new Set(["layer", "summary", "curve", "density", "output", "weights", "sketch"]);

export interface LayerData {
  readonly run: string;
  readonly layer: LayerInfo;
  readonly fields: Fields | null;
  readonly statistics: ReadonlyMap<string, NeuronSeries>;
  readonly inputs: Density | null;
  readonly outputs: Density | null;
  readonly curve: Curve | null;
  /** By neuron. */
  readonly weights: ReadonlyMap<number, WeightSeries>;
  /** Neurons whose raw weights the log holds, and this does not: there are too many of them. */
  readonly weightsLeftOut: number;
}

/** @throws ApiError when a series cannot be read */
export async function collectLayer(client: Client, run: RunInfo, layer: LayerInfo, signal: AbortSignal): Promise<LayerData> {
  const read = async <T>(series: string, route: string, query: Record<string, string | number>, parse: (answer: Awaited<ReturnType<Client["arrays"]>>) => T): Promise<T | null> => {
    const info = layer.series[series];
    // Every layer has its own figures; the catalogue lists what only some have.
    if (info === undefined && series !== "layer") return null;
    const steps = route === "curve" ? {} : { steps: STEPS };
    const whole = { run: run.name, layer: layer.name, ...query, ...steps };
    return parse(await client.arrays(route, whole, String(info?.last_step ?? run.last_step), signal));
  };
  const statistics = new Map<string, NeuronSeries>();
  for (const name of Object.keys(layer.series).filter((series) => !OTHERS.has(series))) {
    const series = await read(name, "neurons", { statistic: name }, neuronSeries);
    if (series !== null) statistics.set(name, series);
  }
  const tracked = [...statistics.values()][0]?.neurons ?? new Int32Array(0);
  const weights = new Map<number, WeightSeries>();
  let numbers = 0;
  let weightsLeftOut = 0;
  for (const neuron of tracked) {
    if (numbers > MOST_WEIGHTS) {
      weightsLeftOut += 1;
      continue;
    }
    const series = await read("weights", "weights", { neuron }, weightSeries).catch((error: unknown) => {
      // Fewer neurons keep their raw weights than are tracked.
      if ((error as { status?: number }).status === 404) return null;
      throw error;
    });
    if (series !== null) weights.set(neuron, series);
    numbers += series?.values.length ?? 0;
  }
  return {
    run: run.name,
    layer,
    fields: await read("layer", "layer", {}, fields),
    statistics,
    inputs: await read("density", "density", { of: "input" }, density),
    outputs: await read("output", "density", { of: "output" }, density),
    curve: await read("curve", "curve", {}, curve),
    weights,
    weightsLeftOut,
  };
}

/** A row per figure of the layer and per neuron and statistic, a column per step. */
export function layerCsv(data: LayerData): string {
  const series = [...(data.fields === null ? [] : [data.fields]), ...data.statistics.values()];
  const steps = [...new Set(series.flatMap((one) => [...one.steps]))].sort((a, b) => a - b);
  const rows: Cell[][] = [];
  const add = (name: string, neuron: Cell, own: Float64Array, values: Float32Array): void => {
    const at = new Map(Array.from(own, (step, place) => [step, place]));
    const cells = steps.map((step) => {
      const place = at.get(step);
      // Empty where nothing was logged; NaN where what was logged is none.
      return place === undefined ? "" : float32Text(values[place] as number);
    });
    rows.push([name, neuron, ...cells]);
  };
  if (data.fields !== null) {
    for (const [name, values] of data.fields.values) add(name, "", data.fields.steps, values);
  }
  for (const [name, one] of data.statistics) {
    const width = one.steps.length;
    one.neurons.forEach((neuron, row) => add(name, neuron, one.steps, one.values.subarray(row * width, (row + 1) * width)));
  }
  return toCsv(["figure", "neuron", ...steps.map((step) => `step ${step}`)], rows);
}

/** All of it; numbers that JSON cannot hold as the strings NaN, Infinity and -Infinity. */
export function layerJson(data: LayerData): string {
  const typed = (_: string, value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries(value);
    if (value instanceof Float32Array) return Array.from(value, (item) => plain(item, float32Text(item)));
    if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, (item) => plain(item, String(item)));
    return value;
  };
  return JSON.stringify(data, typed);
}

function plain(value: number, text: string): number | string {
  return Number.isFinite(value) ? Number(text) : text;
}
