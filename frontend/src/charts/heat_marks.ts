/** What a heat map draws into its plot: the matrix as pixels, and frames around rows. */

import type { Lut } from "../pure/colormap";
import {
  anyNaN,
  colored,
  pooledPixels,
  pooledRows,
  type HeatSource,
  type PooledRows,
  type Pooling,
} from "../pure/heat_raster";
import { columnsOf } from "../pure/step_axis";
import { nanColor } from "./palette";
import { crisp, paintPixels, type Rect, type Surface } from "./surface";

/** Frames of rows lower than this are as high all the same. */
const LOWEST_FRAME_PX = 3;

export interface HeatPicture extends HeatSource {
  /** Places of `order` shown, first and one past the last. */
  readonly rows: readonly [number, number];
  /** Where each step stands on the horizontal axis, and the stretch of it that is shown. */
  readonly positions: Float64Array;
  readonly domain: readonly [number, number];
  readonly pooling: Pooling;
  /** Values at the ends of the colours. */
  readonly extent: readonly [number, number];
  readonly logScale: boolean;
  readonly lut: Lut;
}

/** Paints the matrix of one chart, and keeps what the next picture of it may share. */
export class HeatPainter {
  private kept: { readonly of: readonly unknown[]; readonly rows: PooledRows } | null = null;

  /** Whether a pixel shows something that is no number. */
  paint(surface: Surface, rect: Rect, picture: HeatPicture): boolean {
    const width = Math.round(rect.width * surface.ratio);
    const height = Math.round(rect.height * surface.ratio);
    const columns = columnsOf(picture.positions, picture.domain, width);
    const pixels = pooledPixels(this.rowsOf(picture, height), columns, picture.pooling);
    let [low, high] = picture.extent;
    if (picture.logScale) {
      for (let index = 0; index < pixels.length; index++) {
        // Zero and below are the bottom of a log scale, not numbers that are missing.
        const value = pixels[index]!;
        pixels[index] = value > 0 ? Math.log(value) : value <= 0 ? -Infinity : NaN;
      }
      [low, high] = [Math.log(low), Math.log(high)];
    }
    const rgba = colored(pixels, low, high, picture.lut, nanColor(surface.theme));
    paintPixels(surface, rect, rgba, width, height);
    return anyNaN(pixels);
  }

  /** Kept while the same rows are shown: a zoom over steps reads a hundredth of the matrix. */
  private rowsOf(picture: HeatPicture, height: number): PooledRows {
    const { values, stepCount, order, rows, pooling } = picture;
    const of = [values, stepCount, order, ...rows, height, pooling];
    const { kept } = this;
    if (kept !== null && of.every((part, index) => part === kept.of[index])) return kept.rows;
    this.kept = { of, rows: pooledRows(picture, rows, height, pooling) };
    return this.kept.rows;
  }
}

/** Top and height of the frame around a row; null for one that is not shown. */
export function frameOf(
  { ratio }: Surface,
  rect: Rect,
  [from, to]: readonly [number, number],
  place: number,
): readonly [top: number, height: number] | null {
  if (place < from || place >= to) return null;
  const rowHeight = rect.height / (to - from);
  const top = rect.top + (place - from) * rowHeight;
  const height = Math.max(LOWEST_FRAME_PX, rowHeight);
  return [crisp(top - (height - rowHeight) / 2, ratio), height];
}

/**
 * A frame in the pin's colour, with an arrow beside it. It is around the row, so that its values
 * stay visible; the dark line keeps the pin's colour apart from the same colour of the map.
 */
export function drawPinFrame(
  { ctx }: Surface,
  rect: Rect,
  [top, height]: readonly [number, number],
  color: string,
): void {
  ctx.lineWidth = 1;
  ctx.strokeStyle = "rgb(0 0 0 / 45%)";
  ctx.strokeRect(rect.left, top - 3, rect.width, height + 6);
  ctx.lineWidth = 2;
  ctx.strokeStyle = color;
  ctx.strokeRect(rect.left, top - 1.5, rect.width, height + 3);
  ctx.fillStyle = color;
  ctx.beginPath();
  ctx.moveTo(rect.left + rect.width + 2, top + height / 2);
  ctx.lineTo(rect.left + rect.width + 10, top + height / 2 - 5);
  ctx.lineTo(rect.left + rect.width + 10, top + height / 2 + 5);
  ctx.fill();
}
