/**
 * What every chart is: two canvases (data below, cursor and hover above), a tooltip, a keyboard
 * focus, and the promise to be kept as picture and numbers. Subclasses say what to draw.
 */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";
import { styleMap } from "lit/directives/style-map.js";
import { chartStyles } from "./chart_styles";
import type { Exportable, TimeAxis } from "./contract";
import { Gestures, type GestureTarget } from "./gestures";
import { followVisibility, schedulePaint, type Paintable } from "./scheduler";
import { contains, setFont, type Rect, type Surface } from "./surface";
import { onThemeChange, theme } from "./theme";

/** What the tooltip says: a heading, and rows of name and value. */
export interface Tip {
  readonly heading: string;
  readonly rows: readonly (readonly [name: string, value: string, color?: string])[];
}

export interface LegendItem {
  readonly label: string;
  readonly color: string;
  readonly kind: "line" | "dashed" | "area" | "dot";
}

/** The chart as a slider, for the keyboard and screen readers. */
export interface SliderState {
  readonly min: number;
  readonly max: number;
  readonly now: number;
  readonly text: string;
  readonly vertical?: boolean;
}

export const WHOLE_AXIS: TimeAxis = { zoom: null, cursor: null, unit: "step" };

const PNG_RATIO = 2;
const PNG_MARGIN_PX = 12;
const PNG_HEADING_PX = 22;
const PNG_LEGEND_PX = 18;

export abstract class ChartElement
  extends LitElement
  implements Exportable, Paintable, GestureTarget
{
  static override styles = chartStyles;

  /** Title of exported pictures, and the chart's name for screen readers. */
  @property() heading = "";
  /** Name of the statistic, for axes, tooltips and the CSV header. */
  @property() quantity = "";
  /** Shown where there is nothing to draw. */
  @property({ attribute: "empty-text" }) emptyText = "nothing recorded";
  @property({ attribute: false }) time: TimeAxis = WHOLE_AXIS;
  /** Show the legend under the plot. */
  @property({ type: Boolean }) legend = false;

  @state() private tip: Tip | null = null;
  @query(".plot") protected plotElement!: HTMLElement | null;
  @query("canvas.data") private dataCanvas!: HTMLCanvasElement | null;
  @query("canvas.overlay") private overlayCanvas!: HTMLCanvasElement | null;
  @query(".tip") private tipElement!: HTMLElement | null;

  private lifetime: AbortController | null = null;
  private dataStale = true;
  private tipPlace: readonly [number, number] = [0, 0];
  /** Size of the plot in CSS pixels. */
  protected plotWidth = 0;
  protected plotHeight = 0;

  /** Draws everything but cursor and hover. Must not depend on anything but its properties. */
  protected abstract draw(surface: Surface): void;
  abstract toCsv(): string;

  /** Draws the cursor, and the hover when there is one. */
  protected drawOverlay(_surface: Surface): void {}

  /** Where the marks are: gestures count only there. */
  abstract markRect(): Rect;

  protected legendItems(): readonly LegendItem[] {
    return [];
  }

  /** Null for a chart that cannot be operated. */
  protected slider(): SliderState | null {
    return null;
  }

  /** Whether a move of the step cursor changes the data drawn, and not only the cursor line. */
  protected get cursorMovesData(): boolean {
    return false;
  }

  // Gestures, in CSS pixels of the plot; a chart answers those it has an answer to.
  hoverAt(_x: number, _y: number): void {}
  hoverEnd(): void {}
  pressed(_event: PointerEvent): void {}
  clickAt(_x: number, _y: number): void {}
  doubleClick(): void {}
  wheelAt(_x: number, _y: number, _event: WheelEvent): boolean {
    return false;
  }
  brushed(_from: readonly [number, number], _to: readonly [number, number]): void {}
  /** True takes the drag: it moves something instead of drawing a brush. */
  dragAt(_x: number, _y: number, _phase: "start" | "move" | "end"): boolean {
    return false;
  }
  brushKind(): "none" | "x" | "xy" {
    return "none";
  }
  keyPressed(_event: KeyboardEvent): boolean {
    return false;
  }
  gesturesChanged(): void {
    this.invalidateOverlay();
  }

  protected readonly gestures = new Gestures(this);

  override connectedCallback(): void {
    super.connectedCallback();
    this.lifetime = new AbortController();
    const { signal } = this.lifetime;
    onThemeChange(() => this.invalidate(), signal);
    followVisibility(this, signal);
    void this.updateComplete.then(() => {
      const plot = this.plotElement;
      if (signal.aborted || plot === null) return;
      this.gestures.listen(plot, signal);
      const resizes = new ResizeObserver(() => this.resize());
      resizes.observe(plot);
      signal.addEventListener("abort", () => resizes.disconnect());
      // The density of the screen changes when the window moves to another one, or on page zoom.
      window.addEventListener("resize", () => this.resize(), { signal });
      this.resize();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.lifetime?.abort();
    this.lifetime = null;
    this.tip = null;
  }

  protected override updated(changed: PropertyValues<this>): void {
    // Showing or hiding the tooltip changes no pixel.
    const names = [...changed.keys()].filter((name) => (name as string) !== "tip");
    if (names.length === 0) {
      this.placeTip();
      return;
    }
    const before = changed.get("time") as TimeAxis | undefined;
    const cursorOnly =
      names.length === 1 &&
      before !== undefined &&
      !this.cursorMovesData &&
      before.unit === this.time.unit &&
      before.zoom?.[0] === this.time.zoom?.[0] &&
      before.zoom?.[1] === this.time.zoom?.[1];
    if (cursorOnly) this.invalidateOverlay();
    else this.invalidate();
  }

  protected invalidate(): void {
    this.dataStale = true;
    schedulePaint(this);
  }

  protected invalidateOverlay(): void {
    schedulePaint(this);
  }

  private resize(): void {
    const plot = this.plotElement;
    if (plot === null) return;
    const width = plot.clientWidth;
    const height = plot.clientHeight;
    const expected = Math.round(width * devicePixelRatio);
    if (
      width === this.plotWidth &&
      height === this.plotHeight &&
      this.dataCanvas?.width === expected
    ) {
      return;
    }
    this.plotWidth = width;
    this.plotHeight = height;
    this.invalidate();
  }

  /** Paints at once what is stale. Called by the page's one animation frame. */
  paintNow(): void {
    if (this.plotWidth <= 0 || this.plotHeight <= 0) return;
    if (this.dataStale) {
      const surface = this.surfaceOf(this.dataCanvas);
      if (surface !== null) this.draw(surface);
      this.dataStale = false;
    }
    const overlay = this.surfaceOf(this.overlayCanvas);
    if (overlay !== null) {
      this.drawOverlay(overlay);
      this.gestures.drawBrush(overlay, this.markRect());
    }
  }

  private surfaceOf(canvas: HTMLCanvasElement | null): Surface | null {
    const ctx = canvas?.getContext("2d") ?? null;
    if (canvas === null || ctx === null) return null;
    const ratio = devicePixelRatio;
    const width = Math.round(this.plotWidth * ratio);
    const height = Math.round(this.plotHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.plotWidth, this.plotHeight);
    return { ctx, width: this.plotWidth, height: this.plotHeight, ratio, theme: theme() };
  }

  protected showTip(tip: Tip | null, x = 0, y = 0): void {
    this.tipPlace = [x, y];
    this.tip = tip;
    this.placeTip();
  }

  private placeTip(): void {
    const element = this.tipElement;
    if (element === null || this.tip === null) return;
    const [x, y] = this.tipPlace;
    const beside = x + 14 + element.offsetWidth <= this.plotWidth;
    const left = beside ? x + 14 : Math.max(0, x - 14 - element.offsetWidth);
    const top = Math.max(0, Math.min(y + 12, this.plotHeight - element.offsetHeight));
    element.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  protected override render(): TemplateResult {
    const slider = this.slider();
    const items = this.legend ? this.legendItems() : [];
    return html`<div class="chart">
      <div
        class="plot"
        tabindex=${slider === null ? nothing : 0}
        role=${slider === null ? "img" : "slider"}
        aria-label=${this.heading || this.quantity || this.emptyText}
        aria-valuemin=${slider?.min ?? nothing}
        aria-valuemax=${slider?.max ?? nothing}
        aria-valuenow=${slider?.now ?? nothing}
        aria-valuetext=${slider?.text ?? nothing}
        aria-orientation=${slider === null ? nothing : slider.vertical ? "vertical" : "horizontal"}
      >
        <canvas class="data"></canvas><canvas class="overlay"></canvas>
        ${this.renderTip()}
      </div>
      ${items.length === 0
        ? nothing
        : html`<div class="legend">
            ${items.map(
              (item) =>
                html`<span
                  ><i
                    class=${item.kind}
                    style=${styleMap(
                      item.kind === "area" || item.kind === "dot"
                        ? { background: item.color }
                        : { borderColor: item.color },
                    )}
                  ></i
                  >${item.label}</span
                >`,
            )}
          </div>`}
      ${this.renderBeside()}
    </div>`;
  }

  /** A sentence under the plot. */
  protected renderBeside(): TemplateResult | typeof nothing {
    return nothing;
  }

  private renderTip(): TemplateResult {
    return html`<div class="tip" aria-hidden="true" ?hidden=${this.tip === null}>
      ${this.tip === null
        ? nothing
        : html`<b>${this.tip.heading}</b>
            <table>
              ${this.tip.rows.map(
                ([name, value, color]) =>
                  html`<tr>
                    <td>
                      ${color === undefined
                        ? nothing
                        : html`<span class="swatch" style=${styleMap({ background: color })}></span>`}${name}
                    </td>
                    <td>${value}</td>
                  </tr>`,
              )}
            </table>`}
    </div>`;
  }

  /** PNG at twice the size on screen, with title, axes and legend. */
  async toPng(): Promise<Blob> {
    await this.updateComplete;
    const items = this.legendItems();
    const width = Math.max(1, this.plotWidth);
    const height = Math.max(1, this.plotHeight);
    const canvas = document.createElement("canvas");
    const top = PNG_MARGIN_PX + PNG_HEADING_PX;
    const bottom = (items.length > 0 ? PNG_LEGEND_PX : 0) + PNG_MARGIN_PX;
    canvas.width = (width + 2 * PNG_MARGIN_PX) * PNG_RATIO;
    canvas.height = (height + top + bottom) * PNG_RATIO;
    const ctx = canvas.getContext("2d");
    if (ctx === null) throw new Error("this browser gives no canvas to draw the picture on");
    const surface: Surface = { ctx, width, height, ratio: PNG_RATIO, theme: theme() };
    ctx.scale(PNG_RATIO, PNG_RATIO);
    ctx.fillStyle = surface.theme.surface;
    ctx.fillRect(0, 0, width + 2 * PNG_MARGIN_PX, height + top + bottom);
    ctx.fillStyle = surface.theme.text;
    setFont(surface, 13, "600");
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    ctx.fillText(this.heading || this.quantity, PNG_MARGIN_PX, PNG_MARGIN_PX, width);
    ctx.translate(PNG_MARGIN_PX, top);
    this.draw(surface);
    this.gestures.withoutHover(() => this.drawOverlay(surface));
    drawLegend(surface, items, height + 6);
    // The next frame must not reuse what was laid out for the picture.
    this.invalidate();
    return new Promise((resolve, reject) =>
      canvas.toBlob(
        (blob) => (blob === null ? reject(new Error("the picture is too large")) : resolve(blob)),
        "image/png",
      ),
    );
  }

  protected inMarks(x: number, y: number): boolean {
    return contains(this.markRect(), x, y);
  }

  protected tell<T>(name: string, detail: T): void {
    this.dispatchEvent(new CustomEvent<T>(name, { detail, bubbles: true, composed: true }));
  }
}

function drawLegend(surface: Surface, items: readonly LegendItem[], top: number): void {
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
