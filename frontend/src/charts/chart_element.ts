/**
 * What every chart is: a uPlot with our marks in it, a canvas above for the step cursor and what
 * the pointer is on, a tooltip, a keyboard focus, and the promise to be kept as picture and
 * numbers. Subclasses say what to draw.
 */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";
import { chartStyles } from "./chart_styles";
import type { Exportable, TimeAxis } from "./contract";
import { Gestures, type GestureTarget } from "./gestures";
import { renderLegend, type LegendItem } from "./legend";
import { pngOf } from "./picture";
import { PlotFrame } from "./plot_frame";
import type { PlotSpec } from "./plot_spec";
import { followVisibility, schedulePaint, type Paintable } from "./scheduler";
import { drawNote, inset, type Rect, type Surface } from "./surface";
import { linearScale, px } from "../pure/scale";
import { onThemeChange, theme } from "./theme";
import { renderTip, type Tip } from "./tooltip";

export type { LegendItem } from "./legend";
export type { Tip } from "./tooltip";

/** The chart as a slider, for the keyboard and screen readers. */
export interface SliderState {
  readonly min: number;
  readonly max: number;
  readonly now: number;
  readonly text: string;
  readonly vertical?: boolean;
}

export const WHOLE_AXIS: TimeAxis = { zoom: null, cursor: null, unit: "step" };

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
  @query(".marks") private marksElement!: HTMLElement | null;
  @query("canvas.overlay") private overlayCanvas!: HTMLCanvasElement | null;
  @query(".tip") private tipElement!: HTMLElement | null;

  private lifetime: AbortController | null = null;
  /** What a paint has to draw anew below the overlay; `marks` leaves the axes as they stand. */
  private stale: "nothing" | "marks" | "all" = "all";
  private tipPlace: readonly [number, number] = [0, 0];
  /** Size of the plot in CSS pixels. */
  protected plotWidth = 0;
  protected plotHeight = 0;

  /** Everything but step cursor and hover. Must not depend on anything but the properties. */
  protected abstract plot(): PlotSpec;
  /** CSS pixels from the edge of the plot to the marks. */
  protected abstract margins(): PlotSpec["margins"];
  abstract toCsv(): string;

  /** Draws the cursor, and the hover when there is one. */
  protected drawOverlay(_surface: Surface): void {}

  /** Where the marks are: gestures count only there. */
  markRect(): Rect {
    return inset({ width: this.plotWidth, height: this.plotHeight }, this.margins());
  }

  /** A plot without axes that says why it is empty. */
  protected note(): PlotSpec {
    return {
      margins: this.margins(),
      xScale: linearScale([0, 1], [px(0), px(1)]),
      lines: [],
      above: (surface, rect) => drawNote(surface, rect, this.emptyText),
    };
  }

  protected legendItems(): readonly LegendItem[] {
    return [];
  }

  /** Null for a chart that cannot be operated. */
  protected slider(): SliderState | null {
    return null;
  }

  /**
   * Whether a move of the step cursor changes the data drawn, and not only the cursor line. It must
   * not change the axes: they stay as they are.
   */
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
  protected readonly frame = new PlotFrame(this.gestures);

  override connectedCallback(): void {
    super.connectedCallback();
    this.lifetime = new AbortController();
    const { signal } = this.lifetime;
    onThemeChange(() => this.invalidate(), signal);
    followVisibility(this, signal);
    void this.updateComplete.then(() => {
      const plot = this.plotElement;
      if (signal.aborted || plot === null) return;
      this.listen(plot, signal);
      const resizes = new ResizeObserver(() => this.resize());
      resizes.observe(plot);
      signal.addEventListener("abort", () => resizes.disconnect());
      // The density of the screen changes when the window moves to another one, or on page zoom.
      window.addEventListener("resize", () => this.resize(), { signal });
      this.resize();
      // What was drawn at the place it stood before went with that place.
      this.invalidate();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.lifetime?.abort();
    this.lifetime = null;
    this.frame.destroy();
    this.stale = "all";
    this.tip = null;
  }

  private listen(plot: HTMLElement, signal: AbortSignal): void {
    plot.addEventListener(
      "wheel",
      (event) => {
        const box = plot.getBoundingClientRect();
        if (this.wheelAt(event.clientX - box.left, event.clientY - box.top, event)) {
          event.preventDefault();
        }
      },
      { signal, passive: false },
    );
    plot.addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Escape" && this.gestures.cancel()) event.stopPropagation();
        else if (this.keyPressed(event)) {
          event.preventDefault();
          // The page listens for the same keys; a focused chart answers them alone.
          event.stopPropagation();
        }
      },
      { signal },
    );
    plot.addEventListener("dblclick", () => this.doubleClick(), { signal });
    plot.addEventListener("blur", () => this.gestures.leave(), { signal });
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
      before.unit === this.time.unit &&
      before.zoom?.[0] === this.time.zoom?.[0] &&
      before.zoom?.[1] === this.time.zoom?.[1];
    if (!cursorOnly) {
      this.invalidate();
      return;
    }
    if (this.cursorMovesData && this.stale === "nothing") this.stale = "marks";
    this.invalidateOverlay();
  }

  protected invalidate(): void {
    this.stale = "all";
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
      this.overlayCanvas?.width === expected
    ) {
      return;
    }
    this.plotWidth = width;
    this.plotHeight = height;
    this.invalidate();
  }

  /** Paints at once what is stale. Called by the page's one animation frame. */
  paintNow(): void {
    const host = this.marksElement;
    if (host === null || this.plotWidth <= 0 || this.plotHeight <= 0) return;
    if (this.stale !== "nothing") {
      const axesStand = this.stale === "marks";
      this.frame.show(host, this.plot(), this.plotWidth, this.plotHeight, axesStand);
      this.stale = "nothing";
    }
    const overlay = this.overlaySurface();
    if (overlay !== null) this.drawOverlay(overlay);
  }

  private overlaySurface(): Surface | null {
    const canvas = this.overlayCanvas;
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
        <div class="marks"></div>
        <canvas class="overlay"></canvas>
        ${renderTip(this.tip)}
      </div>
      ${items.length === 0 ? nothing : renderLegend(items)}
      ${this.renderBeside()}
    </div>`;
  }

  /** A sentence under the plot. */
  protected renderBeside(): TemplateResult | typeof nothing {
    return nothing;
  }

  /** PNG at twice the size on screen, with title, axes and legend. */
  async toPng(): Promise<Blob> {
    await this.updateComplete;
    return pngOf({
      heading: this.heading || this.quantity,
      plot: this.plot(),
      overlay: (surface) => this.gestures.withoutHover(() => this.drawOverlay(surface)),
      legend: this.legendItems(),
      width: Math.max(1, this.plotWidth),
      height: Math.max(1, this.plotHeight),
    });
  }

  protected tell<T>(name: string, detail: T): void {
    this.dispatchEvent(new CustomEvent<T>(name, { detail, bubbles: true, composed: true }));
  }
}
