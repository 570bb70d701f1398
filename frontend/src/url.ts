/** The state as readable parameters of an address, and back. Defaults are left out. */

import { limitsText } from "./findings";
import {
  COLUMNS,
  INITIAL,
  LANGUAGES,
  MAX_PINS,
  MAX_SMOOTHING,
  SORTS,
  VIEWS,
  type PinnedNeuron,
  type RowSort,
  type State,
} from "./state";

/** Parameters of the address, as TensorBoard keeps them for a plugin. */
export type Parameters = Readonly<Record<string, string>>;

const LONGEST_TEXT = 1000;

/** What of the state differs from a fresh panel. */
export function toParameters(state: State): Parameters {
  const all: Record<string, string | null> = {
    view: state.view === INITIAL.view ? null : state.view,
    runs: state.runs === null ? null : joined(state.runs),
    run_filter: state.runFilter || null,
    layer_filter: state.layerFilter || null,
    layer: state.layer,
    focus: state.focus,
    step: state.cursor === null ? null : String(state.cursor),
    zoom: state.zoom === null ? null : `${state.zoom[0]}..${state.zoom[1]}`,
    pins: state.pins.length === 0 ? null : joined(state.pins.map(pinText)),
    statistic: state.statistic === INITIAL.statistic ? null : state.statistic,
    sort: state.sort === INITIAL.sort ? null : state.sort,
    against: state.against,
    rows: rowsText(state.rows) === rowsText(INITIAL.rows) ? null : rowsText(state.rows),
    folds: state.folds.length === 0 ? null : joined(state.folds),
    limits: limitsText(state.limits),
    scalars: state.scalars === null ? null : joined(state.scalars),
    smoothing: state.smoothing === INITIAL.smoothing ? null : String(state.smoothing),
    axis: state.unit === INITIAL.unit ? null : state.unit,
    lang: state.language,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

/** The state that the parameters describe; what is malformed counts as absent. */
export function fromParameters(parameters: Parameters): State {
  const text = (name: string): string | null => {
    const value = parameters[name];
    return value === undefined || value.length > LONGEST_TEXT ? null : value;
  };
  const list = (name: string): readonly string[] | null => {
    const value = parameters[name];
    return value === undefined ? null : separated(value);
  };
  return {
    view: oneOf(VIEWS, parameters["view"]) ?? INITIAL.view,
    runs: list("runs"),
    runFilter: text("run_filter") ?? "",
    layerFilter: text("layer_filter") ?? "",
    layer: text("layer"),
    focus: text("focus"),
    cursor: number(parameters["step"]),
    zoom: range(parameters["zoom"]),
    pins: pins(list("pins") ?? []),
    statistic: text("statistic") ?? INITIAL.statistic,
    sort: oneOf(SORTS, parameters["sort"]) ?? INITIAL.sort,
    against: text("against"),
    rows: rows(parameters["rows"]) ?? INITIAL.rows,
    folds: list("folds") ?? [],
    limits: limits(text("limits") ?? ""),
    scalars: list("scalars"),
    smoothing: Math.min(MAX_SMOOTHING, Math.max(0, number(parameters["smoothing"]) ?? 0)),
    unit: oneOf(["step", "time"] as const, parameters["axis"]) ?? INITIAL.unit,
    language: oneOf(LANGUAGES, parameters["lang"]),
  };
}

/** Changes after which Back should return here; a moved cursor is not one. */
export function isStation(after: State, before: State): boolean {
  return (
    after.view !== before.view ||
    after.layer !== before.layer ||
    after.statistic !== before.statistic ||
    after.focus !== before.focus ||
    after.against !== before.against ||
    after.limits !== before.limits ||
    after.runs !== before.runs ||
    after.zoom !== before.zoom ||
    after.pins !== before.pins
  );
}

// Run and layer names may hold any text, so the separator is escaped in them.
function joined(items: readonly string[]): string {
  return items.map((item) => item.replace(/[\\,]/g, (mark) => `\\${mark}`)).join(",");
}

function separated(text: string): readonly string[] {
  if (text === "") return [];
  const items: string[] = [];
  let item = "";
  for (let at = 0; at < text.length; at++) {
    const mark = text[at] as string;
    if (mark === "\\" && at + 1 < text.length) item += text[++at] as string;
    else if (mark === ",") {
      items.push(item);
      item = "";
    } else item += mark;
  }
  items.push(item);
  return items;
}

function pinText(pin: PinnedNeuron): string {
  return `${pin.neuron}.${pin.slot}@${pin.layer}`;
}

function pins(items: readonly string[]): readonly PinnedNeuron[] {
  const found: PinnedNeuron[] = [];
  for (const item of items) {
    const match = /^(\d{1,9})\.(\d)@(.+)$/su.exec(item);
    if (match === null) continue;
    const pin = { layer: match[3] as string, neuron: Number(match[1]), slot: Number(match[2]) };
    const clash = found.some(
      (other) =>
        other.layer === pin.layer && (other.slot === pin.slot || other.neuron === pin.neuron),
    );
    if (pin.slot < MAX_PINS && !clash) found.push(pin);
  }
  return found;
}

/** `-dead`: by the column, the most first. */
function rowsText({ column, descending }: RowSort): string {
  return `${descending ? "-" : ""}${column}`;
}

function rows(text: string | undefined): RowSort | null {
  const column = oneOf(COLUMNS, text?.replace(/^-/, ""));
  return column === null ? null : { column, descending: text?.startsWith("-") === true };
}

/** `dead_units:0.3,window:7`, as the findings route takes it. */
function limits(text: string): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const pair of text.split(",")) {
    const match = /^([a-z_]+):(.+)$/.exec(pair);
    const value = number(match?.[2]);
    if (match !== null && value !== null && value > 0) found[match[1] as string] = value;
  }
  return found;
}

function oneOf<T extends string>(allowed: readonly T[], value: string | undefined): T | null {
  return allowed.find((item) => item === value) ?? null;
}

function number(text: string | undefined): number | null {
  if (text === undefined || text.trim() === "") return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

function range(text: string | undefined): readonly [number, number] | null {
  const ends = (text ?? "").split("..");
  const from = number(ends[0]);
  const to = number(ends[1]);
  return ends.length === 2 && from !== null && to !== null && from < to ? [from, to] : null;
}
