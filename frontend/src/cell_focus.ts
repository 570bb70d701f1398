/** Where the focus stands in the overview's table, and where keys take it. Pure. */

import type { Line } from "./layer_rows";
import { COLUMNS, type Column } from "./state";

/** A cell of the table. */
export interface Place {
  readonly layer: string;
  readonly column: Column;
}

/** The cell that Tab leads to: the one that had the focus, or the first where that is out of sight. */
export function reachedPlace(active: Place | null, inSight: readonly Line[]): Place | null {
  const layers = layersOf(inSight);
  if (active !== null && layers.includes(active.layer)) return active;
  return layers[0] === undefined ? null : { layer: layers[0], column: "order" };
}

/** Where ↑ ↓ ← →, Home, End and the page keys lead to; null for another key. */
export function movedPlace(from: Place, key: string, lines: readonly Line[]): Place | null {
  const down = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[key] ?? 0;
  const right = { ArrowRight: 1, ArrowLeft: -1, Home: -COLUMNS.length, End: COLUMNS.length }[key] ?? 0;
  if (down === 0 && right === 0) return null;
  const layers = layersOf(lines);
  const layer = layers[held(layers.indexOf(from.layer) + down, layers.length)];
  const column = COLUMNS[held(COLUMNS.indexOf(from.column) + right, COLUMNS.length)];
  return layer === undefined || column === undefined ? null : { layer, column };
}

function layersOf(lines: readonly Line[]): readonly string[] {
  return lines.flatMap((line) => (line.kind === "layer" ? [line.name] : []));
}

function held(place: number, count: number): number {
  return Math.max(0, Math.min(count - 1, place));
}
