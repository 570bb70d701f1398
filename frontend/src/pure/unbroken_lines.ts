/**
 * Lines without a gap, of which there are thousands: how many of them cross each pixel.
 *
 * Between two samples a line is straight, so most lines stay in one row of pixels through all the
 * columns between them, and are counted once for all of these. Those that rise or fall gently are
 * counted where they enter the next row, and only the steep ones are spans in every column.
 */

import { GappedLines, samplesIn } from "./gapped_lines";
import type { Lines } from "./line_places";
import { lowerBound } from "./step_axis";

/** Rows of pixels per column below which a line changes its row rarely, and by no more than one. */
const GENTLE = 0.25;

/** Adds to every pixel how many of the lines cross it, [width × height], a column after another. */
export function countUnbroken(
  lines: Lines,
  x: Float64Array,
  width: number,
  height: number,
  columns: Uint32Array,
): void {
  if (lines.rows === 0) return;
  const walk = new Walk(lines, x, width, height, columns);
  // Before the first sample and after the last there is no line: a gap like any other.
  const ends = new GappedLines(lines, x, width, height);
  let column = 0;
  while (column < width) {
    if (!(x[0]! <= column && column + 1 <= x[x.length - 1]!)) ends.addTo(columns, column++);
    else column = walk.from(column);
  }
}

/** A place between two samples: `share` of the way from one to the other. */
interface Between {
  readonly before: number;
  readonly after: number;
  readonly share: number;
}

/**
 * Walks over the columns from left to right. Rows of pixels are counted from 1 for the uppermost;
 * 0 stands for all that lies above the picture, `height + 1` for all below it.
 */
class Walk {
  /** The row of pixels in which each line enters the next column. */
  private readonly entered: Int32Array;
  /** The column whose left edge `entered` holds. */
  private edge = -1;
  /** A slot for each row of pixels, and one more for the end of a span that reaches the last. */
  private readonly slots: number;
  /** Lines that stay in their row, or have last been seen in it. */
  private readonly staying: Int32Array;
  /** For each column of a stretch: lines that change to a row of pixels, and from one. */
  private readonly coming: Int32Array;
  private readonly going: Int32Array;
  /** For each column of a stretch: where spans start, +1, and the row after their end, −1. */
  private readonly spans: Int32Array;

  constructor(
    private readonly lines: Lines,
    private readonly x: Float64Array,
    private readonly width: number,
    private readonly height: number,
    private readonly columns: Uint32Array,
  ) {
    this.entered = new Int32Array(lines.rows);
    this.slots = height + 3;
    this.staying = new Int32Array(this.slots);
    const longest = this.longestStretch() * this.slots;
    this.coming = new Int32Array(longest);
    this.going = new Int32Array(longest);
    this.spans = new Int32Array(longest);
  }

  private longestStretch(): number {
    let longest = 1;
    for (let step = 1; step < this.x.length; step++) {
      longest = Math.max(longest, Math.min(this.x[step]!, this.width) - Math.max(this.x[step - 1]!, 0));
    }
    return Math.ceil(longest);
  }

  /** Counts the lines in this column, and in those after it that hold no sample any more. */
  from(column: number): number {
    const { x, width } = this;
    if (this.edge !== column) this.enter(column);
    const [first, end] = samplesIn(x, column, width);
    const after = x[end];
    if (end - first > 1 || after === undefined) {
      this.crossSamples(column, first, end);
      this.edge = column + 1;
    } else {
      // The right edge of the last column of a stretch may stand on the sample that ends it.
      this.edge = Math.min(width, Math.max(column + 1, Math.floor(after)));
      if (column + 1 > after) this.crossSamples(column, first, end);
      else this.crossStretch(column, this.edge, end, first !== end);
    }
    return this.edge;
  }

  private between(at: number): Between {
    const { x } = this;
    const after = lowerBound(x, at);
    // On a sample, no rounding may come between.
    if (x[after] === at) return { before: after, after, share: 0 };
    const before = after - 1;
    return { before, after, share: (at - x[before]!) / (x[after]! - x[before]!) };
  }

  private enter(column: number): void {
    const { entered, height } = this;
    const { tops, rows } = this.lines;
    const { before, after, share } = this.between(column);
    for (let row = 0; row < rows; row++) {
      const from = tops[before * rows + row]!;
      entered[row] = pixelRow(from + share * (tops[after * rows + row]! - from), height);
    }
  }

  /**
   * Columns from `column` to before `end`, in which lines are straight on the way to the sample
   * `after`; `bent`, the sample before it lies in the first of them.
   */
  private crossStretch(column: number, end: number, after: number, bent: boolean): void {
    const { x, slots, height, entered, staying, coming, going, spans } = this;
    const { tops, rows } = this.lines;
    const count = end - column;
    const start = x[after - 1]!;
    const shares = Float64Array.from(
      { length: count },
      (_, index) => (column + 1 + index - start) / (x[after]! - start),
    );
    const arrives = x[after] === end;
    const last = shares[count - 1]!;
    const gentle = GENTLE * (x[after]! - start);
    for (const counters of [staying, coming, going, spans]) counters.fill(0, 0, count * slots);
    const below = height + 1;
    for (let row = 0; row < rows; row++) {
      const from = tops[(after - 1) * rows + row]!;
      const to = tops[after * rows + row]!;
      const rise = to - from;
      const left = pixelRow(arrives ? to : from + last * rise, height);
      let pixel = entered[row]!;
      const turn = bent ? pixelRow(from, height) : pixel;
      entered[row] = left;
      if (pixel === left && turn === left) {
        staying[left]!++;
        continue;
      }
      let index = 0;
      let slot = 0;
      if (bent) {
        const next = count === 1 ? left : pixelRow(from + shares[0]! * rise, height);
        const low = Math.min(pixel, turn, next);
        const high = Math.max(pixel, turn, next);
        spans[low]!++;
        spans[high + 1]!--;
        pixel = next;
        index = 1;
        slot = slots;
      }
      if (rise < gentle && rise > -gentle) {
        if (index === 0) staying[pixel]!++;
        else if (index < count) coming[slot + pixel]!++;
        for (; index < count; index++, slot += slots) {
          const next = index === count - 1 ? left : pixelRow(from + shares[index]! * rise, height);
          if (next === pixel) continue;
          coming[slot + next]!++;
          going[slot + pixel]!++;
          pixel = next;
        }
        continue;
      }
      for (; index < count; index++, slot += slots) {
        // As in pixelRow, which is not always inlined: this runs for every line in every column.
        const shifted = (from + shares[index]! * rise + 1) | 0;
        const beyond = (shifted & ~(shifted >> 31)) - below;
        const next = index === count - 1 ? left : below + (beyond & (beyond >> 31));
        // The smaller of two numbers is one of them plus their difference where that is negative;
        // comparing them would guess wrong every other time, which costs more than all the rest.
        const difference = pixel - next;
        const negative = difference & (difference >> 31);
        spans[slot + next + negative]!++;
        spans[slot + pixel - negative + 1]!--;
        pixel = next;
      }
    }
    this.write(column, count);
  }

  /** One column with samples in it. */
  private crossSamples(column: number, first: number, end: number): void {
    const { height, slots, entered, staying, coming, going, spans } = this;
    const { tops, rows } = this.lines;
    const { before, after, share } = this.between(column + 1);
    for (const counters of [staying, coming, going, spans]) counters.fill(0, 0, slots);
    for (let row = 0; row < rows; row++) {
      const from = tops[before * rows + row]!;
      const left = pixelRow(from + share * (tops[after * rows + row]! - from), height);
      let difference = entered[row]! - left;
      let negative = difference & (difference >> 31);
      let low = left + negative;
      let high = entered[row]! - negative;
      entered[row] = left;
      for (let step = first; step < end; step++) {
        const sample = pixelRow(tops[step * rows + row]!, height);
        difference = sample - low;
        negative = difference & (difference >> 31);
        low += negative;
        difference = high - sample;
        negative = difference & (difference >> 31);
        high -= negative;
      }
      if (low === high) {
        staying[low]!++;
      } else {
        spans[low]!++;
        spans[high + 1]!--;
      }
    }
    this.write(column, 1);
  }

  /** Turns what was counted over a stretch into pixels. */
  private write(column: number, count: number): void {
    const { height, slots, staying, coming, going, spans, columns } = this;
    for (let index = 0, slot = 0; index < count; index++, slot += slots) {
      const target = (column + index) * height - 1;
      let crossing = spans[slot]!;
      for (let pixel = 1; pixel <= height; pixel++) {
        const place = slot + pixel;
        crossing += spans[place]!;
        // Who comes into a row of pixels in this column touches it as well as the one it was in.
        const seen = staying[pixel]! + coming[place]!;
        columns[target + pixel]! += seen + crossing;
        staying[pixel] = seen - going[place]!;
      }
    }
  }
}

/** The row of pixels of a place, without a branch. */
function pixelRow(place: number, height: number): number {
  // Rounding towards zero would take what lies just above the picture into it.
  const shifted = (place + 1) | 0;
  const positive = shifted & ~(shifted >> 31);
  const beyond = positive - (height + 1);
  return height + 1 + (beyond & (beyond >> 31));
}
