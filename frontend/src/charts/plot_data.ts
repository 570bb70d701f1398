/** Lines as the columns that uPlot takes: one ascending x for all of them, null where a gap is. */

import uPlot from "uplot";
import type { Scale } from "../pure/scale";
import type { PlotLine } from "./plot_spec";

export type Column = (number | null | undefined)[] | uPlot.TypedArray;

export interface PlotData {
  readonly columns: uPlot.AlignedData;
  /** For each line, the points without a neighbour: a line through them alone shows nothing. */
  readonly lonely: readonly number[][];
}

/** Above this, uPlot finds no room for the digits of a tick, and leaves the axis out. */
const LARGEST = 1e15;

/** What values are divided by before uPlot sees them: 1 but for diverged ones. */
export function unitOf(scale: Scale): number {
  const far = Math.max(Math.abs(scale.domain[0]), Math.abs(scale.domain[1]));
  return far < LARGEST ? 1 : 10 ** Math.floor(Math.log10(far));
}

/**
 * @param scaleOf vertical scale of a line; on a logarithmic one, what is not positive is a gap
 * @param ends places of the horizontal axis, for a plot without lines
 */
export function plotData(
  lines: readonly PlotLine[],
  scaleOf: (line: PlotLine) => Scale,
  ends: readonly [number, number],
): PlotData {
  if (lines.length === 0) return { columns: [[...ends]], lonely: [] };
  const tables = new Map<ArrayLike<number>, { places: number[]; columns: Column[] }>();
  lines.forEach((line, place) => {
    const scale = scaleOf(line);
    const column = gapped(line.values, line.xs.length, scale.kind === "log", unitOf(scale));
    const table = tables.get(line.xs) ?? { places: [], columns: [] };
    table.places.push(place);
    table.columns.push(column);
    tables.set(line.xs, table);
  });
  const joined = uPlot.join(
    [...tables].map(([xs, { columns }]) => [xs as Float64Array, ...columns] as uPlot.AlignedData),
  );
  // Joining groups lines by their x; the order of drawing is that of the chart.
  const columns: Column[] = Array(lines.length + 1);
  columns[0] = joined[0] as Column;
  [...tables.values()]
    .flatMap(({ places }) => places)
    .forEach((place, index) => (columns[place + 1] = joined[index + 1] as Column));
  return {
    columns: columns as uPlot.AlignedData,
    lonely: columns.slice(1).map((column) => lonelyPlaces(column)),
  };
}

/** The values themselves where all of them can be drawn; a copy with nulls where not. */
function gapped(values: ArrayLike<number>, count: number, positive: boolean, unit: number): Column {
  let whole = unit === 1 && ArrayBuffer.isView(values);
  for (let index = 0; whole && index < count; index++) {
    const value = values[index]!;
    whole = value - value === 0 && !(positive && value <= 0);
  }
  if (whole) return values as Float32Array;
  return Array.from({ length: count }, (_, index) => {
    const value = values[index]!;
    return Number.isFinite(value) && !(positive && value <= 0) ? value / unit : null;
  });
}

/** Undefined belongs to the x of another line and is no gap. */
function lonelyPlaces(column: Column): number[] {
  const places: number[] = [];
  let before: number | null = null;
  let run = 0;
  for (let index = 0; index <= column.length; index++) {
    const value = index < column.length ? column[index] : null;
    if (value === undefined) continue;
    if (value !== null) {
      run++;
      before = index;
      continue;
    }
    if (run === 1) places.push(before!);
    run = 0;
  }
  return places;
}
