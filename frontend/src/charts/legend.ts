import { html, type TemplateResult } from "lit";
import { styleMap } from "lit/directives/style-map.js";
import { setFont, type Surface } from "./surface";

export interface LegendItem {
  readonly label: string;
  readonly color: string;
  readonly kind: "line" | "dashed" | "area" | "dot";
}

export function renderLegend(items: readonly LegendItem[]): TemplateResult {
  return html`<div class="legend">
    ${items.map(
      ({ label, color, kind }) =>
        html`<span
          ><i
            class=${kind}
            style=${styleMap(
              kind === "area" || kind === "dot" ? { background: color } : { borderColor: color },
            )}
          ></i
          >${label}</span
        >`,
    )}
  </div>`;
}

/** The same on a picture, in one row that ends where the picture does. */
export function drawLegend(surface: Surface, items: readonly LegendItem[], top: number): void {
  const { ctx, theme: colors } = surface;
  setFont(surface);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  let x = 0;
  for (const item of items) {
    ctx.strokeStyle = item.color;
    ctx.fillStyle = item.color;
    ctx.lineWidth = 2;
    if (item.kind === "area" || item.kind === "dot") ctx.fillRect(x, top + 3, 14, 8);
    else {
      ctx.setLineDash(item.kind === "dashed" ? [4, 3] : []);
      ctx.beginPath();
      ctx.moveTo(x, top + 7);
      ctx.lineTo(x + 14, top + 7);
      ctx.stroke();
      ctx.setLineDash([]);
    }
    ctx.fillStyle = colors.muted;
    ctx.fillText(item.label, x + 19, top + 7);
    x += 19 + ctx.measureText(item.label).width + 14;
    if (x > surface.width) break;
  }
}
