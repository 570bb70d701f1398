/** Lines with gaps, and the columns in which any line begins or ends. */

import type { Lines } from "./line_places";
import { lowerBound } from "./step_axis";

/** Adds to every pixel how many of the lines cross it, [width × height], a column after another. */
export function countGapped(
  lines: Lines,
  x: Float64Array,
  width: number,
  height: number,
  columns: Uint32Array,
): void {
  if (lines.rows === 0) return;
  const gapped = new GappedLines(lines, x, width, height);
  for (let column = 0; column < width; column++) gapped.addTo(columns, column);
}

/** The samples whose place lies in a column: from the first to before the end. */
export function samplesIn(
  x: Float64Array,
  column: number,
  width: number,
): readonly [first: number, end: number] {
  const first = lowerBound(x, column);
  let end = lowerBound(x, column + 1);
  // The last column keeps what stands exactly on the end of the picture.
  if (column === width - 1) while (end < x.length && x[end] === column + 1) end++;
  return [first, end];
}

/**
 * Lines a column at a time, whatever they hold: each is a span over those of its samples and edges
 * that are numbers.
 */
export class GappedLines {
  private left: Float64Array;
  private right: Float64Array;
  /** The column whose left edge `left` holds. */
  private edge = -1;
  /** Where spans start and end, +1 and −1; the running sum is the count. */
  private readonly changes: Int32Array;

  constructor(
    private readonly lines: Lines,
    private readonly x: Float64Array,
    private readonly width: number,
    private readonly height: number,
  ) {
    this.left = new Float64Array(lines.rows);
    this.right = new Float64Array(lines.rows);
    this.changes = new Int32Array(height + 2);
  }

  /** Adds to the pixels of one column, [width × height], how many of the lines cross them. */
  addTo(columns: Uint32Array, column: number): void {
    const { changes, height, x, width } = this;
    changes.fill(0);
    this.mark(column, ...samplesIn(x, column, width));
    let crossing = 0;
    for (let y = 0, target = column * height; y < height; y++, target++) {
      crossing += changes[y]!;
      columns[target]! += crossing;
    }
  }

  private mark(column: number, first: number, end: number): void {
    const { height, changes } = this;
    const { tops, rows } = this.lines;
    if (this.edge !== column) this.edgeAt(column, this.left);
    this.edgeAt(column + 1, this.right);
    for (let row = 0; row < rows; row++) {
      let low = this.left[row]!;
      let high = low;
      const edge = this.right[row]!;
      // Written so that NaN never wins, on either side.
      if (!(low <= edge)) low = edge === edge ? edge : low;
      if (!(high >= edge)) high = edge === edge ? edge : high;
      for (let step = first; step < end; step++) {
        const place = tops[step * rows + row]!;
        if (!(low <= place) && place === place) low = place;
        if (!(high >= place) && place === place) high = place;
      }
      if (low < height && high >= 0) {
        changes[low > 0 ? low | 0 : 0]!++;
        changes[(high < height ? high | 0 : height) + 1]!--;
      }
    }
    [this.left, this.right] = [this.right, this.left];
    this.edge = column + 1;
  }

  /** Where each line stands at the horizontal place `at`; NaN beside a gap. */
  private edgeAt(at: number, places: Float64Array): void {
    const { x } = this;
    const { tops, rows } = this.lines;
    const after = lowerBound(x, at);
    if (after < x.length && x[after] === at) {
      places.set(tops.subarray(after * rows, (after + 1) * rows));
      return;
    }
    if (after === 0 || after === x.length) {
      places.fill(NaN);
      return;
    }
    const share = (at - x[after - 1]!) / (x[after]! - x[after - 1]!);
    const before = (after - 1) * rows;
    for (let row = 0; row < rows; row++) {
      const from = tops[before + row]!;
      places[row] = from + share * (tops[before + rows + row]! - from);
    }
  }
}
