/**
 * Everything the reader can choose, in one immutable value. Reducers are pure; the store only holds
 * the current state and tells its listeners. What came from the server is not here.
 */

export const VIEWS = ["overview", "activations", "neurons", "findings"] as const;
export type View = (typeof VIEWS)[number];

export const SORTS = ["index", "value", "movement", "similarity"] as const;
export type Sort = (typeof SORTS)[number];

/** Columns of the overview that its rows can be sorted by; `order` is the model's own. */
export const COLUMNS = [
  "order", "size", "weights", "update", "gradient", "inputs", "dead", "saturated", "health",
] as const;
export type Column = (typeof COLUMNS)[number];

export interface RowSort {
  readonly column: Column;
  readonly descending: boolean;
}

export const LANGUAGES = ["en", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

export const PIN_COLOR_COUNT = 8;
export const MAX_PINS = PIN_COLOR_COUNT;
export const MAX_SMOOTHING = 0.99;

/** A neuron of a layer; `slot` chooses its colour and stays while others come and go. */
export interface PinnedNeuron {
  readonly layer: string;
  readonly neuron: number;
  readonly slot: number;
}

export interface State {
  readonly view: View;
  /** Names of the runs shown; null while the reader has not chosen: the panel picks. */
  readonly runs: readonly string[] | null;
  /** Regular expression over run names. */
  readonly runFilter: string;
  readonly layerFilter: string;
  /** Layer of the Neurons view, and the one brought into view elsewhere; null: the first. */
  readonly layer: string | null;
  /** The run whose neurons are shown when several are selected; null: the first. */
  readonly focus: string | null;
  /** Step the reader looks at; null follows the last one. */
  readonly cursor: number | null;
  /** Closed range of steps; null shows all. */
  readonly zoom: readonly [number, number] | null;
  readonly pins: readonly PinnedNeuron[];
  readonly statistic: string;
  readonly sort: Sort;
  /** The run that is taken from the focused one where differences are shown; null: none. */
  readonly against: string | null;
  /** In which order the overview lists layers. */
  readonly rows: RowSort;
  /** Groups of the overview that are not as they open: modules folded, weightless layers shown. */
  readonly folds: readonly string[];
  /** Thresholds of findings that differ from their defaults. */
  readonly limits: Readonly<Record<string, number>>;
  /** Tags on the timeline; null: the panel picks the loss. */
  readonly scalars: readonly string[] | null;
  /** Weight of the past in the timeline's moving average, 0 to 0.99. */
  readonly smoothing: number;
  readonly unit: "step" | "time";
  /** null follows the browser. */
  readonly language: Language | null;
}

export const INITIAL: State = {
  view: "overview",
  runs: null,
  runFilter: "",
  layerFilter: "",
  layer: null,
  focus: null,
  cursor: null,
  zoom: null,
  pins: [],
  statistic: "weight_norm",
  sort: "index",
  against: null,
  rows: { column: "health", descending: true },
  folds: [],
  limits: {},
  scalars: null,
  smoothing: 0,
  unit: "step",
  language: null,
};

/** The state with the run added or taken away; `shown` is what is on screen now. */
export function toggleRun(state: State, run: string, shown: readonly string[]): State {
  const runs = shown.includes(run) ? shown.filter((name) => name !== run) : [...shown, run];
  return { ...state, runs, focus: state.focus === run && !runs.includes(run) ? null : state.focus };
}

/** The state with the neuron pinned under the lowest free colour, or released. */
export function togglePin(state: State, layer: string, neuron: number): State {
  const isIt = (pin: PinnedNeuron): boolean => pin.layer === layer && pin.neuron === neuron;
  if (state.pins.some(isIt)) return { ...state, pins: state.pins.filter((pin) => !isIt(pin)) };
  const used = new Set(state.pins.filter((pin) => pin.layer === layer).map((pin) => pin.slot));
  let slot = 0;
  while (used.has(slot)) slot++;
  if (slot >= MAX_PINS) {
    // All colours are taken: the neuron pinned longest ago gives its own to the new one.
    const oldest = state.pins.find((pin) => pin.layer === layer);
    if (oldest === undefined) return state;
    slot = oldest.slot;
    return { ...state, pins: [...state.pins.filter((pin) => pin !== oldest), { layer, neuron, slot }] };
  }
  return { ...state, pins: [...state.pins, { layer, neuron, slot }] };
}

export function clearPins(state: State, layer: string): State {
  return { ...state, pins: state.pins.filter((pin) => pin.layer !== layer) };
}

/** The state with its rows sorted by another column, or by the same the other way round. */
export function sortRows(state: State, column: Column): State {
  const same = state.rows.column === column;
  // What stands first is what is worst: the most, but the first in the model's own order.
  const descending = same ? !state.rows.descending : column !== "order";
  return { ...state, rows: { column, descending } };
}

export function toggleFold(state: State, group: string): State {
  const folds = state.folds.includes(group)
    ? state.folds.filter((other) => other !== group)
    : [...state.folds, group];
  return { ...state, folds };
}

/** The state with a threshold changed; null puts its default back. */
export function setLimit(state: State, name: string, value: number | null): State {
  const { [name]: _, ...others } = state.limits;
  return { ...state, limits: value === null ? others : { ...others, [name]: value } };
}

/** The state looking at `step`, or following the last one again when that is it. */
export function moveCursor(state: State, step: number | null, last: number | null): State {
  const cursor = step !== null && last !== null && step >= last ? null : step;
  return cursor === state.cursor ? state : { ...state, cursor };
}

/**
 * The recorded step `by` places away from the cursor, held at both ends.
 * @param steps ascending
 */
export function neighbourStep(steps: ArrayLike<number>, cursor: number | null, by: number): number | null {
  if (steps.length === 0) return null;
  const here = cursor === null ? steps.length - 1 : indexAtOrBefore(steps, cursor);
  const index = Math.min(steps.length - 1, Math.max(0, here + by));
  return steps[index] ?? null;
}

/** Index of the last step that is not after `step`; 0 when all are, −1 when there are none. */
export function indexAtOrBefore(steps: ArrayLike<number>, step: number | null): number {
  if (steps.length === 0) return -1;
  if (step === null) return steps.length - 1;
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((steps[middle] as number) <= step) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function setZoom(state: State, range: readonly [number, number] | null): State {
  if (range === null) return state.zoom === null ? state : { ...state, zoom: null };
  const [a, b] = range;
  if (!Number.isFinite(a) || !Number.isFinite(b) || a === b) return state;
  return { ...state, zoom: a < b ? [a, b] : [b, a] };
}

export type Listener = (state: State, before: State) => void;

/** Holds the state. Listeners hear of every change once, after it is in place. */
export class Store {
  #state: State;
  readonly #listeners = new Set<Listener>();

  constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  update(reduce: (state: State) => State): void {
    const before = this.#state;
    const after = reduce(before);
    if (after === before) return;
    this.#state = after;
    for (const listener of [...this.#listeners]) listener(after, before);
  }

  set(change: Partial<State>): void {
    this.update((state) => ({ ...state, ...change }));
  }

  listen(listener: Listener, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }
}
