/** Pure choices over the catalogue: which runs, layers, scalars and steps are meant. */

import type { Catalogue, LayerInfo, RunInfo } from "./api";

/** The run that a fresh panel shows: the one written last among those with our data. */
export function firstRuns(catalogue: Catalogue): readonly string[] | null {
  const ours = catalogue.runs.filter((run) => run.recorded);
  const newest = ours.reduce<RunInfo | null>(
    (best, run) =>
      best === null || (run.last_wall_time ?? 0) > (best.last_wall_time ?? 0) ? run : best,
    null,
  );
  return newest === null ? null : [newest.name];
}

/** A test of names by regular expression, ignoring case; null when it is not one. */
export function matcher(pattern: string): ((name: string) => boolean) | null {
  if (pattern === "") return () => true;
  try {
    const expression = new RegExp(pattern, "iu");
    return (name) => expression.test(name);
  } catch {
    return null;
  }
}

/** The same, where what is no regular expression yet is searched for as it stands. */
export function search(pattern: string): (name: string) => boolean {
  return matcher(pattern) ?? ((name) => name.toLowerCase().includes(pattern.toLowerCase()));
}

const LOSS_TAGS = [/^loss$/i, /^(train|epoch|batch)[_/]?loss$/i, /loss/i];

/** Tags for the timeline of a fresh panel: the loss, or else the first scalar there is. */
export function defaultScalars(runs: readonly RunInfo[]): readonly string[] {
  const tags = scalarTags(runs);
  for (const pattern of LOSS_TAGS) {
    const found = tags.find((tag) => pattern.test(tag));
    if (found !== undefined) return [found];
  }
  return tags.slice(0, 1);
}

/** Every scalar tag of the runs, in their order. */
export function scalarTags(runs: readonly RunInfo[]): readonly string[] {
  return [...new Set(runs.flatMap((run) => run.scalars.map((scalar) => scalar.tag)))];
}

/** Layers of several runs by name, each run's model order kept as far as they agree. */
export function unionOfLayers(runs: readonly RunInfo[]): ReadonlyMap<string, LayerInfo> {
  const names: string[] = [];
  const infos = new Map<string, LayerInfo>();
  for (const run of runs) {
    let place = 0;
    for (const layer of run.layers) {
      const known = names.indexOf(layer.name);
      if (known >= 0) {
        place = known + 1;
        continue;
      }
      // A layer that only this run has stands behind the one that precedes it there.
      names.splice(place, 0, layer.name);
      place += 1;
      infos.set(layer.name, layer);
    }
  }
  return new Map(names.map((name) => [name, infos.get(name) as LayerInfo]));
}

/** All steps of several ascending lists, ascending and once each. */
export function unionOfSteps(lists: readonly Float64Array[]): Float64Array {
  if (lists.length === 1) return lists[0] as Float64Array;
  const all = new Float64Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  all.sort();
  return all.filter((step, index) => index === 0 || step !== all[index - 1]);
}
