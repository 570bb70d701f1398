/** Answers of the server as the things they mean, with their shapes checked once. */

import { float32, float64, int32, WireError, type Container } from "./pure/decode";

interface OverSteps {
  /** Ascending. */
  readonly steps: Float64Array;
  /** Seconds since 1970. */
  readonly wallTimes: Float64Array;
}

/** How much of a series there is, to be said beside its chart. */
export interface Kept {
  readonly keptSteps: number;
  readonly firstStep: number | null;
  readonly lastStep: number | null;
  /** Sentences on rows that could not be read. */
  readonly skipped: readonly string[];
}

export interface ScalarSeries extends OverSteps, Kept {
  readonly values: Float32Array;
}

export interface NeuronSeries extends OverSteps, Kept {
  /** Which neurons; one row of `values` each. */
  readonly neurons: Int32Array;
  /** Row-major [neurons × steps]. */
  readonly values: Float32Array;
  /** Row-major [9 × steps], over all neurons of the layer. */
  readonly quantiles: Float32Array;
  /** Row-major [extremes × steps]; null when every neuron is tracked. */
  readonly extremes: { readonly neurons: Int32Array; readonly values: Float32Array } | null;
  /** Neurons of the layer, tracked or not. */
  readonly population: number;
}

export interface WeightSeries extends OverSteps, Kept {
  /** Which incoming weights were kept. */
  readonly columns: Int32Array;
  /** Row-major [columns × steps]. */
  readonly values: Float32Array;
}

/** Raw weights of all kept neurons at one step. */
export interface KernelSeries extends OverSteps, Kept {
  readonly columns: Int32Array;
  /** Which neurons; one row of `values` each. */
  readonly neurons: Int32Array;
  /** Row-major [neurons × columns]. */
  readonly values: Float32Array;
}

export interface Density extends OverSteps, Kept {
  /** Ascending, [bins + 1]. */
  readonly edges: Float32Array;
  /** Row-major [steps × bins]. */
  readonly counts: Float32Array;
  /** Row-major [steps × 3]: NaN, +Inf, −Inf. */
  readonly nonfinite: Float32Array;
}

export interface Curve extends OverSteps {
  readonly grid: number;
  readonly bands: 1 | 3;
  /** Row-major [steps × grid]. */
  readonly x: Float32Array;
  /** Row-major [steps × bands × grid]. */
  readonly f: Float32Array;
  readonly slope: Float32Array;
}

/** Named figures over steps. */
export interface Fields extends OverSteps, Kept {
  readonly values: ReadonlyMap<string, Float32Array>;
}

export interface Path extends OverSteps {
  readonly neurons: Int32Array;
  /** Row-major [neurons × steps × 2]. */
  readonly points: Float32Array;
  /** Share of variance of both axes. */
  readonly explained: readonly [number, number];
}

export interface Overview extends OverSteps {
  readonly layers: readonly string[];
  readonly fields: readonly string[];
  /** Row-major [layers × fields × steps]. */
  readonly values: Float32Array;
  /** What holds at the step asked for, row-major [layers × fields]. */
  readonly at: Float32Array;
  /** Row-major [layers × 64], each scaled to a maximum of 1. */
  readonly density: Float32Array;
  /** Row-major [layers × 2]. */
  readonly densityRange: Float32Array;
}

export function scalarSeries(container: Container): ScalarSeries {
  return { ...overSteps(container), ...kept(container), values: float32(container, "values", 1) };
}

export function neuronSeries(container: Container): NeuronSeries {
  const neurons = int32(container, "neurons", 1);
  const population = container.meta["neurons"];
  return {
    ...overSteps(container),
    ...kept(container),
    neurons,
    values: float32(container, "values", 2),
    quantiles: float32(container, "quantiles", 2),
    extremes: container.arrays.has("extreme_values")
      ? {
          neurons: int32(container, "extreme_neurons", 2),
          values: float32(container, "extreme_values", 2),
        }
      : null,
    population: typeof population === "number" ? population : neurons.length,
  };
}

/** @throws WireError when no neuron was asked for, so that there are no values */
export function weightSeries(container: Container): WeightSeries {
  return {
    ...overSteps(container),
    ...kept(container),
    columns: int32(container, "columns", 1),
    values: float32(container, "values", 2),
  };
}

export function kernelSeries(container: Container): KernelSeries {
  return {
    ...overSteps(container),
    ...kept(container),
    columns: int32(container, "columns", 1),
    neurons: int32(container, "neurons", 1),
    values: float32(container, "values", 2),
  };
}

export function density(container: Container): Density {
  return {
    ...overSteps(container),
    ...kept(container),
    edges: float32(container, "edges", 1),
    counts: float32(container, "counts", 2),
    nonfinite: float32(container, "nonfinite", 2),
  };
}

export function curve(container: Container): Curve {
  const shape = container.arrays.get("f")?.shape ?? [];
  const bands = shape[1];
  if (bands !== 1 && bands !== 3) {
    throw new WireError(`a curve has 1 or 3 bands, this one has ${String(bands)}`);
  }
  return {
    ...overSteps(container),
    grid: shape[2] ?? 0,
    bands,
    x: float32(container, "x", 2),
    f: float32(container, "f", 3),
    slope: float32(container, "slope", 3),
  };
}

export function fields(container: Container): Fields {
  const time = overSteps(container);
  const names = texts(container, "fields");
  const values = float32(container, "values", 2);
  const width = time.steps.length;
  return {
    ...time,
    ...kept(container),
    values: new Map(
      names.map((name, row) => [name, values.subarray(row * width, (row + 1) * width)]),
    ),
  };
}

export function path(container: Container): Path {
  const explained = container.meta["explained"];
  const [first, second] = Array.isArray(explained) ? (explained as unknown[]) : [];
  return {
    ...overSteps(container),
    neurons: int32(container, "neurons", 1),
    points: float32(container, "points", 3),
    explained: [Number(first ?? Number.NaN), Number(second ?? Number.NaN)],
  };
}

export function overview(container: Container): Overview {
  return {
    ...overSteps(container),
    layers: texts(container, "layers"),
    fields: texts(container, "fields"),
    values: float32(container, "values", 3),
    at: float32(container, "at", 2),
    density: float32(container, "density", 2),
    densityRange: float32(container, "density_range", 2),
  };
}

/** The value of a field of a layer at a place of `steps`; NaN when it was not measured. */
export function overviewValue(view: Overview, layer: number, field: string, at: number): number {
  const row = view.fields.indexOf(field);
  const width = view.steps.length;
  if (row < 0) return Number.NaN;
  return view.values[(layer * view.fields.length + row) * width + at] ?? Number.NaN;
}

function overSteps(container: Container): OverSteps {
  return {
    steps: float64(container, "steps", 1),
    wallTimes: float64(container, "wall_times", 1),
  };
}

function kept(container: Container): Kept {
  const { meta } = container;
  return {
    keptSteps: typeof meta["kept_steps"] === "number" ? meta["kept_steps"] : 0,
    firstStep: typeof meta["first_step"] === "number" ? meta["first_step"] : null,
    lastStep: typeof meta["last_step"] === "number" ? meta["last_step"] : null,
    skipped: texts(container, "skipped"),
  };
}

function texts(container: Container, name: string): readonly string[] {
  const value = container.meta[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
