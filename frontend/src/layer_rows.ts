/** Layers as the lines of a table: sorted, grouped by module, what is folded left out. Pure. */

import type { RowSort } from "./state";

/** A layer as the table sees it. */
export interface LayerEntry {
  readonly name: string;
  /** Place in the model. */
  readonly order: number;
  /** Neither weights nor an activation: there is nothing to be ill. */
  readonly idle: boolean;
  /** What the layer is sorted by; NaN stands last, whichever way round. */
  readonly key: number;
}

export type Line =
  | {
      readonly kind: "module";
      /** Path of the module, which names the group. */
      readonly id: string;
      /** What of the path the lines above do not say. */
      readonly label: string;
      readonly depth: number;
      readonly layers: readonly string[];
      readonly folded: boolean;
    }
  | { readonly kind: "layer"; readonly name: string; readonly label: string; readonly depth: number; readonly idle: boolean }
  | {
      readonly kind: "idle";
      readonly id: string;
      readonly depth: number;
      readonly layers: readonly string[];
      readonly folded: boolean;
    };

/** Ends the name of the group of a module's idle layers; no layer's path ends so. */
const IDLE = "/ ";

interface Node {
  readonly path: string;
  readonly modules: Map<string, Node>;
  readonly entries: LayerEntry[];
}

/**
 * The lines from top to bottom. A module stands where its first layer would, its layers below it.
 * @param toggled names of groups that are not as they open: modules open, idle layers folded
 */
export function layerLines(entries: readonly LayerEntry[], sort: RowSort, toggled: readonly string[]): readonly Line[] {
  const root: Node = { path: "", modules: new Map(), entries: [] };
  for (const entry of entries) place(root, entry);
  return lines(root, "", 0, comparison(sort), new Set(toggled), sort.column === "order");
}

function place(root: Node, entry: LayerEntry): void {
  const parts = entry.name.split("/");
  let node = root;
  for (const part of parts.slice(0, -1)) {
    const path = node.path === "" ? part : `${node.path}/${part}`;
    const next = node.modules.get(part) ?? { path, modules: new Map(), entries: [] };
    node.modules.set(part, next);
    node = next;
  }
  node.entries.push(entry);
}

function below(node: Node): readonly LayerEntry[] {
  return [...node.entries, ...[...node.modules.values()].flatMap(below)];
}

/** The module itself, or the only one in it: a chain of single modules is one line. */
function collapsed(node: Node): Node {
  const [only] = [...node.modules.values()];
  return node.entries.length === 0 && node.modules.size === 1 && only !== undefined ? collapsed(only) : node;
}

type Compare = (a: LayerEntry, b: LayerEntry) => number;

function comparison({ descending }: RowSort): Compare {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const known = Number(Number.isNaN(a.key)) - Number(Number.isNaN(b.key));
    return known || (a.key === b.key || Number.isNaN(a.key) ? a.order - b.order : sign * (a.key - b.key));
  };
}

function lines(
  node: Node,
  shown: string,
  depth: number,
  compare: Compare,
  toggled: ReadonlySet<string>,
  inPlace: boolean,
): readonly Line[] {
  const loose = [...node.entries];
  const groups: Node[] = [];
  for (const module of node.modules.values()) {
    const inner = collapsed(module);
    const all = below(inner);
    // A line for a module of one layer would say the same twice.
    if (all.length === 1) loose.push(...all);
    else groups.push(inner);
  }
  // In the model's order a layer without weights stays where it is; else it would be in the way.
  const idle = inPlace ? [] : loose.filter((entry) => entry.idle);
  const blocks: { readonly first: LayerEntry; readonly lines: () => readonly Line[] }[] = [];
  for (const entry of loose) {
    if (idle.includes(entry)) continue;
    blocks.push({ first: entry, lines: () => [layerLine(entry, shown, depth)] });
  }
  for (const group of groups) {
    const all = [...below(group)].sort(compare);
    blocks.push({
      first: all[0] as LayerEntry,
      lines: () => {
        const folded = toggled.has(group.path);
        const label = unprefixed(group.path, shown);
        const layers = all.map((entry) => entry.name);
        const head: Line = { kind: "module", id: group.path, label, depth, layers, folded };
        return folded ? [head] : [head, ...lines(group, group.path, depth + 1, compare, toggled, inPlace)];
      },
    });
  }
  blocks.sort((a, b) => compare(a.first, b.first));
  return [...blocks.flatMap((block) => block.lines()), ...idleLines(idle, node.path, shown, depth, toggled)];
}

function idleLines(
  idle: readonly LayerEntry[],
  path: string,
  shown: string,
  depth: number,
  toggled: ReadonlySet<string>,
): readonly Line[] {
  if (idle.length === 0) return [];
  const id = `${path}${IDLE}`;
  const folded = !toggled.has(id);
  const head: Line = { kind: "idle", id, depth, layers: idle.map((entry) => entry.name), folded };
  const ordered = [...idle].sort((a, b) => a.order - b.order);
  return folded ? [head] : [head, ...ordered.map((entry) => layerLine(entry, shown, depth + 1))];
}

function layerLine(entry: LayerEntry, shown: string, depth: number): Line {
  return { kind: "layer", name: entry.name, label: unprefixed(entry.name, shown), depth, idle: entry.idle };
}

function unprefixed(path: string, shown: string): string {
  return shown !== "" && path.startsWith(`${shown}/`) ? path.slice(shown.length + 1) : path;
}

/** Distance of each line from the top, and of the end: float64[lines + 1]. */
export function lineTops(all: readonly Line[], heightOf: (line: Line) => number): Float64Array {
  const tops = new Float64Array(all.length + 1);
  all.forEach((line, place) => {
    tops[place + 1] = (tops[place] as number) + heightOf(line);
  });
  return tops;
}

/** The lines from `first` to before `end` of which something is between `top` and `bottom`. */
export function linesBetween(tops: Float64Array, top: number, bottom: number): readonly [number, number] {
  const count = tops.length - 1;
  return [Math.max(0, firstAbove(tops, top) - 1), Math.min(count, firstAbove(tops, bottom))];
}

/** How many of the ascending `tops` are at most `y`. */
function firstAbove(tops: Float64Array, y: number): number {
  let low = 0;
  let high = tops.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tops[middle] as number) <= y) low = middle + 1;
    else high = middle;
  }
  return low;
}
