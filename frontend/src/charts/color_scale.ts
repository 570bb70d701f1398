/** The colour scale of a raster, level above its right end. */

import { cssColor, LUT_SIZE, type Lut } from "../pure/colormap";
import { nanCss } from "./palette";
import { setFont, type Rect, type Surface } from "./surface";

const BAR_WIDTH_PX = 120;

export interface ColorScale {
  readonly lut: Lut;
  readonly low: string;
  readonly high: string;
  /** Name of what the colours mean. */
  readonly label: string;
  /** Names the colour of what is not a number; null where nothing has it. */
  readonly notNumber: string | null;
}

export function drawColorScale(surface: Surface, rect: Rect, scale: ColorScale): void {
  const { ctx, theme } = surface;
  const right = rect.left + rect.width;
  setFont(surface, 10);
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  ctx.fillStyle = theme.muted;
  const y = rect.top - 13;
  ctx.fillText(scale.high, right, y);
  const barRight = right - ctx.measureText(scale.high).width - 5;
  const barLeft = barRight - Math.min(BAR_WIDTH_PX, rect.width / 3);
  for (let place = 0; place < barRight - barLeft; place++) {
    const share = place / (barRight - barLeft - 1);
    ctx.fillStyle = cssColor(scale.lut[Math.round(share * (LUT_SIZE - 1))]!);
    ctx.fillRect(barLeft + place, y - 5, 1.5, 9);
  }
  ctx.fillStyle = theme.muted;
  let left = barLeft - 5;
  const write = (text: string, gap: number) => {
    ctx.fillText(text, left, y);
    left -= ctx.measureText(text).width + gap;
  };
  write(scale.low, 10);
  if (scale.label) write(scale.label, 14);
  if (scale.notNumber === null) return;
  write(scale.notNumber, 14);
  ctx.fillStyle = nanCss(theme);
  ctx.fillRect(left, y - 5, 10, 9);
}
