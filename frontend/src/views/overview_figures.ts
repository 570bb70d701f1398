/** Figures of one layer in one run, as the overview's cells draw them. */

import type { Overview } from "../series";
import { overviewValue } from "../series";
import { indexAtOrBefore } from "../state";
import type { TimeAxis } from "../charts/contract";

/** Steps, or seconds since the first record, inside the zoom. */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly positions: Float64Array;
  /** Where the cursor stands; null at the end. */
  readonly cursor: number | null;
  /** Index of the step looked at. */
  readonly at: number;
}

/** Of one run: its overview cut to the zoom, each slice made once. */
export class RunFigures {
  readonly window: Window;
  readonly #rows: ReadonlyMap<string, number>;
  readonly #slices = new Map<string, Float32Array>();
  readonly #densities = new Map<number, { readonly density: Float32Array; readonly range: readonly [number, number] }>();

  constructor(
    readonly overview: Overview,
    /** Whose densities are those at the cursor. */
    readonly atStep: Overview,
    time: TimeAxis,
  ) {
    this.window = windowOf(overview, time);
    this.#rows = new Map(overview.layers.map((name, row) => [name, row]));
  }

  has(layer: string): boolean {
    return this.#rows.has(layer);
  }

  /** A figure over the steps shown; empty where the layer is not in the run. */
  over(layer: string, field: string): Float32Array {
    const row = this.#rows.get(layer);
    const place = this.overview.fields.indexOf(field);
    if (row === undefined || place < 0) return new Float32Array(0);
    const key = `${row} ${field}`;
    let slice = this.#slices.get(key);
    if (slice === undefined) {
      const start = (row * this.overview.fields.length + place) * this.overview.steps.length;
      slice = this.overview.values.subarray(start + this.window.from, start + this.window.to);
      this.#slices.set(key, slice);
    }
    return slice;
  }

  /**
   * A figure at the step looked at. Layers need not be logged at every step, so the last value not
   * after it counts; NaN without any.
   */
  at(layer: string, field: string): number {
    const row = this.#rows.get(layer);
    if (row === undefined) return Number.NaN;
    for (let at = this.window.at; at >= 0; at--) {
      const value = overviewValue(this.overview, row, field, at);
      if (!Number.isNaN(value)) return value;
    }
    return Number.NaN;
  }

  /** The shape of the layer's inputs; null where there were none. */
  density(layer: string): { readonly density: Float32Array; readonly range: readonly [number, number] } | null {
    const { density, densityRange, layers } = this.atStep;
    const row = this.atStep === this.overview ? (this.#rows.get(layer) ?? -1) : layers.indexOf(layer);
    if (row < 0) return null;
    let found = this.#densities.get(row);
    if (found === undefined) {
      const bins = density.length / layers.length;
      found = {
        density: density.subarray(row * bins, (row + 1) * bins),
        range: [densityRange[2 * row] as number, densityRange[2 * row + 1] as number],
      };
      this.#densities.set(row, found);
    }
    return Number.isNaN(found.range[0]) ? null : found;
  }

  /** Whether one optimizer step was ever observed, so that there is a true update ratio. */
  hasRatio(layer: string): boolean {
    return this.#known(layer, "update_ratio");
  }

  #ratios = new Map<string, boolean>();
  #known(layer: string, field: string): boolean {
    const key = `${layer} ${field}`;
    let known = this.#ratios.get(key);
    if (known === undefined) {
      known = this.over(layer, field).some((value) => !Number.isNaN(value));
      this.#ratios.set(key, known);
    }
    return known;
  }

  /** Whether a figure has any value in the steps shown. */
  known(layer: string, field: string): boolean {
    return this.#known(layer, field);
  }
}

function windowOf(overview: Overview, { zoom, cursor, unit }: TimeAxis): Window {
  const { steps, wallTimes } = overview;
  let from = 0;
  let to = steps.length;
  if (zoom !== null) {
    from = steps.findIndex((step) => step >= zoom[0]);
    if (from < 0) from = steps.length;
    to = from;
    while (to < steps.length && (steps[to] as number) <= zoom[1]) to++;
  }
  const at = indexAtOrBefore(steps, cursor);
  const axis = unit === "step" ? steps : wallTimes.map((time) => time - (wallTimes[0] as number));
  const here = cursor === null ? null : unit === "step" ? cursor : (axis[at] ?? null);
  return { from, to, positions: axis.subarray(from, to), cursor: here, at };
}
