/** Figures of one layer in one run, as the overview's cells draw them. */

import type { Overview } from "../series";
import { overviewValue } from "../series";
import { axisPositions, positionOfStep, type StepSource } from "../pure/step_axis";
import { indexAtOrBefore } from "../state";
import type { TimeAxis } from "../charts/contract";

/** Steps, or seconds since the run began, inside the zoom. */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly positions: Float64Array;
  /** Where the cursor stands; null at the end. */
  readonly cursor: number | null;
  /** Index of the step looked at. */
  readonly at: number;
}

interface Slice {
  readonly steps: Float64Array;
  readonly values: readonly Float32Array[];
}

/** Of one run: its overview cut to the zoom, each slice made once. */
export class RunFigures {
  readonly window: Window;
  readonly #exact: Overview | null;
  readonly #rows: ReadonlyMap<string, number>;
  readonly #slices = new Map<string, Slice>();
  readonly #densities = new Map<number, { readonly density: Float32Array; readonly range: readonly [number, number] }>();

  constructor(
    readonly overview: Overview,
    /** What holds at the cursor; null until it has come, and where the cursor is at the end. */
    readonly atCursor: Overview | null,
    time: TimeAxis,
    start: number | null,
  ) {
    this.#exact = atCursor ?? (time.cursor === null ? overview : null);
    this.window = windowOf({ ...overview, start }, time);
    this.#rows = new Map(overview.layers.map((name, row) => [name, row]));
  }

  has(layer: string): boolean {
    return this.#rows.has(layer);
  }

  /**
   * Figures over the steps shown, without the steps at which the first of them was not measured:
   * of a model beyond its byte budget each layer is recorded at its own steps. Empty without any.
   */
  over(layer: string, ...fields: readonly string[]): { readonly steps: Float64Array; readonly values: readonly Float32Array[] } {
    const key = `${layer}\n${fields.join()}`;
    let found = this.#slices.get(key);
    if (found === undefined) {
      found = this.#measured(fields.map((field) => this.#row(layer, field)));
      this.#slices.set(key, found);
    }
    return found;
  }

  #row(layer: string, field: string): Float32Array {
    const row = this.#rows.get(layer);
    const place = this.overview.fields.indexOf(field);
    if (row === undefined || place < 0) return new Float32Array(0);
    const start = (row * this.overview.fields.length + place) * this.overview.steps.length;
    return this.overview.values.subarray(start + this.window.from, start + this.window.to);
  }

  #measured(rows: readonly Float32Array[]): Slice {
    const first = rows[0] ?? new Float32Array(0);
    const { positions } = this.window;
    const kept = Int32Array.from(first.keys()).filter((at) => !Number.isNaN(first[at] as number));
    if (kept.length === first.length) return { steps: positions.subarray(0, first.length), values: rows };
    return {
      steps: Float64Array.from(kept, (at) => positions[at] as number),
      values: rows.map((row) => Float32Array.from(kept, (at) => row[at] as number)),
    };
  }

  /**
   * A figure at the step looked at: the last that was measured until then, NaN without any. Until
   * the answer about that step has come, the last of the steps that are drawn.
   */
  at(layer: string, field: string): number {
    const exact = this.#exact;
    if (exact !== null) {
      const place = exact.fields.indexOf(field);
      const row = exact === this.overview ? this.#rows.get(layer) : exact.layers.indexOf(layer);
      if (row === undefined || row < 0 || place < 0) return Number.NaN;
      return exact.at[row * exact.fields.length + place] as number;
    }
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
    const { density, densityRange, layers } = this.atCursor ?? this.overview;
    const row = this.atCursor === null ? (this.#rows.get(layer) ?? -1) : layers.indexOf(layer);
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

  /** Whether a figure has any value in the steps shown. */
  known(layer: string, field: string): boolean {
    return this.over(layer, field).steps.length > 0;
  }
}

function windowOf(source: StepSource, { zoom, cursor, unit }: TimeAxis): Window {
  const { steps } = source;
  let from = 0;
  let to = steps.length;
  if (zoom !== null) {
    from = steps.findIndex((step) => step >= zoom[0]);
    if (from < 0) from = steps.length;
    to = from;
    while (to < steps.length && (steps[to] as number) <= zoom[1]) to++;
  }
  const at = indexAtOrBefore(steps, cursor);
  const axis = axisPositions(source, unit);
  const here = cursor === null ? null : positionOfStep(cursor, steps, axis);
  return { from, to, positions: axis.subarray(from, to), cursor: here, at };
}
