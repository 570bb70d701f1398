/** The selected runs and their layers, as the views take them. */

import { latest, type Async, type Catalogue, type RunInfo } from "../api";
import { unionOfLayers } from "../selection";
import type { LayerView, RunView } from "./context";

/** The runs of these names, in the catalogue's order. */
export function runViews(
  catalogue: Catalogue,
  names: readonly string[] | null,
  colorOf: (run: string) => string,
): readonly RunView[] {
  return catalogue.runs
    .filter((run) => names?.includes(run.name) === true)
    .map((info) => ({
      info,
      style: { run: info.name, color: colorOf(info.name), start: info.start_time ?? null },
      layers: new Map(info.layers.map((layer) => [layer.name, layer])),
    }));
}

export function layerViews(runs: readonly RunView[]): readonly LayerView[] {
  return [...unionOfLayers(runs.map((run) => run.info))].map(([name, info]) => ({
    name,
    info,
    runs: runs.filter((run) => run.layers.has(name)),
  }));
}

/** The largest of a figure over runs; null where none has it. */
export function newest(runs: readonly RunInfo[], field: "last_step" | "last_wall_time"): number | null {
  const known = runs.flatMap((run) => run[field] ?? []);
  return known.length === 0 ? null : Math.max(...known);
}

/** What has come of what was asked for. */
export function loaded<T>(states: ReadonlyMap<string, Async<T>>): ReadonlyMap<string, T> {
  const values = new Map<string, T>();
  for (const [id, one] of states) {
    const value = latest(one);
    if (value !== null) values.set(id, value);
  }
  return values;
}
