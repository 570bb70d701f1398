/** What charts draw on, and the marks they share: axes, cursors, lines, notes. */

import { linearScale, px, type Px, type Scale } from "../pure/scale";
import type { Theme } from "./theme";

/** A canvas whose units are CSS pixels, whatever the density of the screen or the picture. */
export interface Surface {
  readonly ctx: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
  readonly theme: Theme;
}

export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export type Draw = (surface: Surface, rect: Rect) => void;

export const FONT_PX = 11;

/** The room left for marks after the axes took theirs. */
export function inset(
  surface: { readonly width: number; readonly height: number },
  edges: readonly [top: number, right: number, bottom: number, left: number],
): Rect {
  const [top, right, bottom, left] = edges;
  return {
    left,
    top,
    width: Math.max(1, surface.width - left - right),
    height: Math.max(1, surface.height - top - bottom),
  };
}

export function contains(rect: Rect, x: number, y: number): boolean {
  return (
    x >= rect.left && x <= rect.left + rect.width && y >= rect.top && y <= rect.top + rect.height
  );
}

/** Scale from left to right of the rectangle. */
export function horizontal(domain: readonly [number, number], rect: Rect): Scale {
  return linearScale(domain, [px(rect.left), px(rect.left + rect.width)]);
}

/** Range of a vertical axis: bottom to top. */
export function upwards(rect: Rect): readonly [Px, Px] {
  return [px(rect.top + rect.height), px(rect.top)];
}

export function setFont(surface: Surface, size = FONT_PX, weight = ""): void {
  surface.ctx.font = `${weight} ${size}px ${surface.theme.font}`;
}

/** Draws inside the rectangle only. */
export function clipped(surface: Surface, rect: Rect, draw: () => void): void {
  const { ctx } = surface;
  ctx.save();
  ctx.beginPath();
  ctx.rect(rect.left, rect.top, rect.width, rect.height);
  ctx.clip();
  draw();
  ctx.restore();
}

/** A vertical line at a place of the axis, with a label that stays inside the plot. */
export function drawCursor(surface: Surface, rect: Rect, x: number, label = ""): void {
  if (!(x >= rect.left - 1 && x <= rect.left + rect.width + 1)) return;
  const { ctx, theme } = surface;
  const place = crisp(x, surface.ratio);
  ctx.strokeStyle = theme.accentLine;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(place, rect.top);
  ctx.lineTo(place, rect.top + rect.height);
  ctx.stroke();
  if (!label) return;
  setFont(surface);
  const width = ctx.measureText(label).width + 8;
  const onRight = place + width < rect.left + rect.width;
  ctx.fillStyle = withSurface(theme);
  ctx.fillRect(onRight ? place + 2 : place - width - 2, rect.top, width, FONT_PX + 5);
  ctx.fillStyle = theme.accent;
  ctx.textBaseline = "top";
  ctx.textAlign = onRight ? "left" : "right";
  ctx.fillText(label, onRight ? place + 6 : place - 6, rect.top + 3);
}

function withSurface(theme: Theme): string {
  return theme.dark ? "rgb(38 41 45 / 0.85)" : "rgb(255 255 255 / 0.85)";
}

/** A line through the points; NaN leaves a gap, a point between two gaps a dot. */
export function strokeLine(
  ctx: CanvasRenderingContext2D,
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  xOf: Scale,
  yOf: Scale,
  offset = 0,
): void {
  const width = ctx.lineWidth;
  ctx.beginPath();
  let open = false;
  for (let index = 0; index < xs.length; index++) {
    const y = yOf.toPx(ys[offset + index]!);
    if (!Number.isFinite(y)) {
      open = false;
      continue;
    }
    const x = xOf.toPx(xs[index]!);
    if (open) {
      ctx.lineTo(x, y);
      continue;
    }
    open = true;
    ctx.moveTo(x, y);
    const next = index + 1 < xs.length ? yOf.toPx(ys[offset + index + 1]!) : NaN;
    if (!Number.isFinite(next)) {
      ctx.arc(x, y, width, 0, 2 * Math.PI);
      ctx.moveTo(x, y);
    }
  }
  ctx.stroke();
}

/** The area between two lines over the same points, in stretches where both are numbers. */
export function fillBand(
  ctx: CanvasRenderingContext2D,
  xs: ArrayLike<number>,
  low: ArrayLike<number>,
  high: ArrayLike<number>,
  xOf: Scale,
  yOf: Scale,
  lowOffset = 0,
  highOffset = 0,
): void {
  let start = 0;
  const known = (index: number) =>
    Number.isFinite(yOf.toPx(low[lowOffset + index]!)) &&
    Number.isFinite(yOf.toPx(high[highOffset + index]!));
  while (start < xs.length) {
    while (start < xs.length && !known(start)) start++;
    let end = start;
    while (end < xs.length && known(end)) end++;
    if (end > start) {
      ctx.beginPath();
      for (let index = start; index < end; index++) {
        ctx.lineTo(xOf.toPx(xs[index]!), yOf.toPx(high[highOffset + index]!));
      }
      for (let index = end - 1; index >= start; index--) {
        ctx.lineTo(xOf.toPx(xs[index]!), yOf.toPx(low[lowOffset + index]!));
      }
      ctx.closePath();
      ctx.fill();
    }
    start = end;
  }
}

/** Paints RGBA pixels into the rectangle, without smoothing. */
export function paintPixels(
  surface: Surface,
  rect: Rect,
  rgba: Uint8ClampedArray<ArrayBuffer>,
  width: number,
  height: number,
): void {
  if (width === 0 || height === 0) return;
  const image = document.createElement("canvas");
  image.width = width;
  image.height = height;
  image.getContext("2d")?.putImageData(new ImageData(rgba, width, height), 0, 0);
  surface.ctx.imageSmoothingEnabled = false;
  surface.ctx.drawImage(image, rect.left, rect.top, rect.width, rect.height);
}

/** A sentence in the middle of an empty plot. */
export function drawNote(surface: Surface, rect: Rect, text: string): void {
  const { ctx, theme } = surface;
  setFont(surface, 12);
  ctx.fillStyle = theme.muted;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, rect.left + rect.width / 2, rect.top + rect.height / 2, rect.width - 8);
}

/** The place moved so that a one-pixel line falls on whole device pixels. */
export function crisp(place: number, ratio: number): number {
  return (Math.round(place * ratio - 0.5) + 0.5) / ratio;
}
