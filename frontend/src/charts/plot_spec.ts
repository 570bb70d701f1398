/** What a chart asks of uPlot: where the axes stand, which lines run, what is drawn around them. */

import type { Scale } from "../pure/scale";
import type { Draw } from "./surface";

export interface PlotAxis {
  /** Its domain and kind; uPlot places it between the margins. */
  readonly scale: Scale;
  /** Where numbers stand. */
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
  /** Lines across the plot at every tick. */
  readonly grid?: boolean;
  /** Beside the end of the axis, written level. */
  readonly name?: string;
  /** CSS colour of the numbers; the page's muted text without it. */
  readonly color?: string;
  /** The domain runs from top to bottom, as rows do. */
  readonly downwards?: boolean;
}

/** A line that uPlot draws, and finds under the pointer. */
export interface PlotLine {
  /** Ascending places on the horizontal axis. */
  readonly xs: ArrayLike<number>;
  /** As long as `xs`; what is not a finite number is a gap. */
  readonly values: ArrayLike<number>;
  readonly color: string;
  /** CSS pixels. */
  readonly width: number;
  readonly dash?: readonly number[];
  /** Measured on the right axis. */
  readonly right?: boolean;
  /** Marked where the pointer stands: a dot in the line's colour, or a ring around `hollow`. */
  readonly hover?: "dot" | "ring";
}



export interface PlotSpec {
  /** CSS pixels from the edge of the plot to the marks. */
  readonly margins: readonly [top: number, right: number, bottom: number, left: number];
  /** Drawn under the plot; a horizontal scale without numbers is `xScale` alone. */
  readonly bottom?: PlotAxis | undefined;
  readonly left?: PlotAxis | undefined;
  readonly right?: PlotAxis | undefined;
  readonly xScale: Scale;
  readonly lines: readonly PlotLine[];
  /** Under the axes and their grid. */
  readonly below?: Draw;
  /** Over the grid, under the lines. */
  readonly between?: Draw;
  /** Over the lines. */
  readonly above?: Draw;
  /** A line at the pointer. */
  readonly hoverLine?: boolean;
}
