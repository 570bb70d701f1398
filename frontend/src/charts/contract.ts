/**
 * What views hand to charts and what charts tell back. Charts never fetch and never keep data: they
 * draw the typed arrays they are given, and say what the reader did by the events named here.
 */

/** Steps that all charts share; `zoom` null shows everything, `cursor` null the last step. */
export interface TimeAxis {
  /** Closed range of steps shown. */
  readonly zoom: readonly [number, number] | null;
  /** The step the reader looks at. */
  readonly cursor: number | null;
  /** Horizontal axis: optimizer steps, or seconds since the run began. */
  readonly unit: "step" | "time";
}

/** One run's share of a chart. */
export interface RunStyle {
  readonly run: string;
  /** CSS colour, the one TensorBoard gives the run. */
  readonly color: string;
  /** When the run began, in seconds since 1970; null where that is not known. */
  readonly start: number | null;
}

export interface LineSeries extends RunStyle {
  /** Ascending. */
  readonly steps: Float64Array;
  /** Seconds since 1970, as long as `steps`. */
  readonly wallTimes: Float64Array;
  /** As long as `steps`; NaN is a gap. */
  readonly values: Float32Array;
  readonly label: string;
}

/** Row-major [rows × steps]. */
export interface Matrix extends RunStyle {
  readonly steps: Float64Array;
  readonly wallTimes: Float64Array;
  readonly values: Float32Array;
  /** What each row is: neuron index, incoming weight index. */
  readonly rows: Int32Array;
}

/** Counts [steps × bins] between ascending borders [bins + 1]. */
export interface DensitySeries extends RunStyle {
  readonly steps: Float64Array;
  readonly wallTimes: Float64Array;
  readonly edges: Float32Array;
  readonly counts: Float32Array;
}

/** By how much the densities of two runs differ, [steps × bins] between ascending borders [bins + 1]. */
export interface DensityDifference {
  /** Names of the two, the second of which was taken from the first. */
  readonly runs: readonly [string, string];
  /** Those that both have. */
  readonly steps: Float64Array;
  readonly wallTimes: Float64Array;
  readonly start: number | null;
  readonly edges: Float32Array;
  /** Shares of all that a run counted at a step, −1 … 1; NaN where one counted nothing. */
  readonly shares: Float32Array;
  /** How many steps each has that the other has not. */
  readonly unsharedSteps: readonly [number, number];
}

/** An activation function at one step; `bands` is 1, or 3 (lowest, median, highest channel). */
export interface CurveSample extends RunStyle {
  readonly x: Float32Array;
  /** [bands × x.length] */
  readonly f: Float32Array;
  /** [bands × x.length] */
  readonly slope: Float32Array;
  readonly bands: 1 | 3;
}

/** Borders of the zones of an activation; NaN where there is none. */
export interface Zones {
  readonly deadBelow: number;
  readonly deadAbove: number;
  readonly saturatedBelow: number;
  readonly saturatedAbove: number;
}

/** A pinned neuron keeps its colour in every chart. */
export interface Pin {
  readonly neuron: number;
  readonly color: string;
}

/** The raw incoming weights of one pinned neuron. */
export interface NeuronWeights {
  readonly neuron: number;
  /** The pin's colour. */
  readonly color: string;
  /** Rows are incoming weights; their run is the neuron's. */
  readonly weights: Matrix;
  readonly bias: LineSeries | null;
}

/** The most extreme neurons of every step, [count × steps] each. */
export interface Extremes {
  readonly neurons: Int32Array;
  readonly values: Float32Array;
}

/** Paths of neurons through the plane of two principal components. */
export interface Paths extends RunStyle {
  readonly steps: Float64Array;
  readonly wallTimes: Float64Array;
  readonly neurons: Int32Array;
  /** [neurons × steps × 2] */
  readonly points: Float32Array;
  /** Share of the variance that each axis explains. */
  readonly explained: readonly [number, number];
}

/** `nn-cursor`: the reader moved the step cursor. */
export interface CursorDetail {
  readonly step: number;
}
/** `nn-zoom`: the reader chose a range of steps, or all. */
export interface ZoomDetail {
  readonly range: readonly [number, number] | null;
}
/** `nn-pin`: the reader pinned or released a neuron. */
export interface PinDetail {
  readonly neuron: number;
}

/** Every chart can be kept: as a picture and as numbers. */
export interface Exportable {
  /** PNG at twice the size on screen, with title and axes. */
  toPng(): Promise<Blob>;
  /** RFC 4180, with a header line. */
  toCsv(): string;
}
