/** A chart as a picture to keep: title, plot, marks above it and legend. */

import { drawLegend, type LegendItem } from "./legend";
import { plotPicture } from "./plot_frame";
import type { PlotSpec } from "./plot_spec";
import { setFont, type Surface } from "./surface";
import { theme } from "./theme";

/** Pixels of the picture per CSS pixel of the chart, whatever the screen has. */
const RATIO = 2;
const MARGIN_PX = 12;
const HEADING_PX = 22;
const LEGEND_PX = 18;

export interface PictureContent {
  readonly heading: string;
  readonly plot: PlotSpec;
  readonly overlay: (surface: Surface) => void;
  readonly legend: readonly LegendItem[];
  /** Of the plot on the screen, in CSS pixels. */
  readonly width: number;
  readonly height: number;
}

export async function pngOf(content: PictureContent): Promise<Blob> {
  const { width, height, legend } = content;
  const plot = await plotPicture(content.plot, width, height, RATIO);
  const canvas = document.createElement("canvas");
  const top = MARGIN_PX + HEADING_PX;
  const bottom = (legend.length > 0 ? LEGEND_PX : 0) + MARGIN_PX;
  canvas.width = (width + 2 * MARGIN_PX) * RATIO;
  canvas.height = (height + top + bottom) * RATIO;
  const ctx = canvas.getContext("2d");
  if (ctx === null) throw new Error("this browser gives no canvas to draw the picture on");
  const surface: Surface = { ctx, width, height, ratio: RATIO, theme: theme() };
  ctx.fillStyle = surface.theme.surface;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(plot, MARGIN_PX * RATIO, top * RATIO);
  ctx.scale(RATIO, RATIO);
  ctx.fillStyle = surface.theme.text;
  setFont(surface, 13, "600");
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  ctx.fillText(content.heading, MARGIN_PX, MARGIN_PX, width);
  ctx.translate(MARGIN_PX, top);
  content.overlay(surface);
  drawLegend(surface, legend, height + 6);
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      (blob) => (blob === null ? reject(new Error("the picture is too large")) : resolve(blob)),
      "image/png",
    ),
  );
}
