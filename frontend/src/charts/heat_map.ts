import type { PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { colormap, type ColormapName } from "../pure/colormap";
import { float32Text, toCsv } from "../pure/csv";
import type { Pooling } from "../pure/heat_raster";
import { finiteExtent, linearScale, positiveExtent, px } from "../pure/scale";
import { nearestIndex } from "../pure/step_axis";
import { formatCount, formatNumber, formatShare } from "../pure/ticks";
import type { SliderState } from "./chart_element";
import type { CursorDetail, Matrix, Pin, PinDetail } from "./contract";
import { drawColorScale } from "./color_scale";
import { drawPinFrame, frameOf, HeatPainter } from "./heat_marks";
import { StepChart } from "./step_chart";
import type { PlotAxis, PlotSpec } from "./plot_spec";
import type { Rect, Surface } from "./surface";

const LABEL_PX = 13;
const WHEEL_ZOOM = 1.2;
const MIN_ROWS = 4;

/**
 * One statistic of every neuron at every step. Rows come in the order given; where they outnumber
 * pixels, a pixel shows the farthest of its values, never an average that hides one.
 * @fires nn-pin
 * @fires nn-cursor by shift-click and ← →
 * @fires nn-zoom
 */
@customElement("nn-heat-map")
export class HeatMap extends StepChart {
  @property({ attribute: false }) matrix: Matrix | null = null;
  /** Indexes of matrix rows from top to bottom; as they come without it. */
  @property({ attribute: false }) order: Int32Array | null = null;
  /** Values at the ends of the colour scale; all finite values without it. */
  @property({ attribute: false }) range: readonly [number, number] | null = null;
  /** `diverging` puts zero in the middle. */
  @property() map: ColormapName = "viridis";
  @property() pooling: Pooling = "max";
  @property({ type: Boolean, attribute: "log-scale" }) logScale = false;
  @property({ type: Boolean }) share = false;
  @property({ attribute: false }) pins: readonly Pin[] = [];
  @property({ attribute: false }) words = { neuron: "neuron", notNumber: "not a number" };

  /** Rows shown, by place in the order; null shows all. */
  private rowZoom: readonly [number, number] | null = null;
  private hovered: { place: number; step: number | null } | null = null;
  private placeOfNeuron = new Map<number, number>();
  private naturalOrder = new Int32Array(0);
  private extent: readonly [number, number] = [0, 1];
  private readonly painter = new HeatPainter();

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    if (changed.has("matrix") || changed.has("order")) {
      const count = this.matrix?.rows.length ?? 0;
      this.naturalOrder = Int32Array.from({ length: count }, (_, index) => index);
      this.placeOfNeuron = new Map();
      this.rowOrder().forEach((row, place) =>
        this.placeOfNeuron.set(this.matrix!.rows[row]!, place),
      );
      const before = changed.get("matrix") as Matrix | null | undefined;
      // Another layer has other rows; new steps of the same one keep the zoom.
      if (before && before.rows.length !== count) this.rowZoom = null;
    }
    if (["matrix", "range", "map", "logScale"].some((name) => changed.has(name as keyof HeatMap))) {
      this.extent = this.valueRange();
    }
  }

  protected override sources(): readonly Matrix[] {
    return this.matrix === null ? [] : [this.matrix];
  }

  protected override get topMargin(): number {
    return 24;
  }

  private rowOrder(): Int32Array {
    return this.order ?? this.naturalOrder;
  }

  private rows(): readonly [number, number] {
    return this.rowZoom ?? [0, this.rowOrder().length];
  }

  private valueRange(): readonly [number, number] {
    if (this.range !== null) return this.range;
    const values = [this.matrix?.values ?? []];
    if (this.logScale) return positiveExtent(values) ?? [1, 10];
    const [low, high] = finiteExtent(values) ?? [0, 1];
    if (this.map !== "diverging") return [low, high];
    const far = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return [-far, far];
  }

  protected override plot(): PlotSpec {
    const matrix = this.matrix;
    if (matrix === null || matrix.steps.length === 0 || matrix.rows.length === 0) {
      return this.note();
    }
    return {
      margins: this.margins(),
      xScale: this.stepScale(),
      bottom: this.stepAxis(false),
      left: this.rowAxis(matrix),
      lines: [],
      between: (surface, rect) => this.paintMatrix(surface, rect, matrix),
    };
  }

  private paintMatrix(surface: Surface, rect: Rect, matrix: Matrix): void {
    const lut = colormap(this.map, surface.theme.dark);
    const covered = this.covered(matrix, rect);
    const anyNaN = this.painter.paint(surface, covered.rect, {
      values: matrix.values,
      stepCount: matrix.steps.length,
      order: this.rowOrder(),
      rows: this.rows(),
      positions: this.positions(matrix),
      domain: covered.domain,
      pooling: this.map === "diverging" ? "farthest" : this.pooling,
      extent: this.extent,
      logScale: this.logScale,
      lut,
    });
    drawColorScale(surface, rect, {
      lut,
      low: this.valueText(this.extent[0]),
      high: this.valueText(this.extent[1]),
      label: this.logScale ? `${this.quantity} (log)` : this.quantity,
      notNumber: anyNaN ? this.words.notNumber : null,
    });
  }

  /** Rows are named at most every 26 px when they are many: a wall of numbers is not read. */
  private rowAxis(matrix: Matrix): PlotAxis {
    const rect = this.markRect();
    const [from, to] = this.rows();
    const order = this.rowOrder();
    const rowHeight = rect.height / (to - from);
    const gap = rowHeight < LABEL_PX ? Math.ceil(26 / rowHeight) : 1;
    const ticks: number[] = [];
    for (let place = Math.ceil(from); place < Math.min(to, order.length); place += gap) {
      ticks.push(place + 0.5);
    }
    return {
      scale: linearScale([from, to], [px(rect.top), px(rect.top + rect.height)]),
      ticks,
      format: (place) => formatCount(matrix.rows[order[Math.floor(place)]!]!),
      name: this.words.neuron,
      downwards: true,
    };
  }

  protected override drawOverlay(surface: Surface): void {
    const rect = this.markRect();
    this.drawStepCursor(surface);
    for (const pin of this.pins) {
      const place = this.placeOfNeuron.get(pin.neuron);
      const frame = place === undefined ? null : frameOf(surface, rect, this.rows(), place);
      if (frame !== null) drawPinFrame(surface, rect, frame, pin.color);
    }
    const hovered = this.hovered && frameOf(surface, rect, this.rows(), this.hovered.place);
    if (hovered === null) return;
    surface.ctx.strokeStyle = "#ffffff";
    surface.ctx.lineWidth = 1;
    surface.ctx.strokeRect(rect.left, hovered[0], rect.width, hovered[1]);
  }

  private valueText(value: number, digits = 3): string {
    return this.share ? formatShare(value) : formatNumber(value, digits);
  }

  private placeAt(y: number): number {
    const rect = this.markRect();
    const [from, to] = this.rows();
    const place = Math.floor(from + ((y - rect.top) / rect.height) * (to - from));
    return Math.max(0, Math.min(this.rowOrder().length - 1, place));
  }

  private neuronAt(place: number): number {
    return this.matrix!.rows[this.rowOrder()[place]!]!;
  }

  private valueAt(place: number, step: number): number {
    const { steps, values } = this.matrix!;
    return values[this.rowOrder()[place]! * steps.length + nearestIndex(steps, step)]!;
  }

  override hoverAt(x: number, y: number): void {
    if (this.rowOrder().length === 0) return;
    const step = this.stepAt(x);
    const place = this.placeAt(y);
    this.hovered = { place, step };
    if (step === null) return;
    this.showTip(
      {
        heading: `${this.words.neuron} ${formatCount(this.neuronAt(place))}`,
        rows: [
          [this.stepText(step), ""],
          [this.quantity, this.valueText(this.valueAt(place, step), 5)],
        ],
      },
      x,
      y,
    );
  }

  override hoverEnd(): void {
    this.hovered = null;
    this.showTip(null);
  }

  override clickAt(x: number, y: number): void {
    if (this.rowOrder().length === 0) return;
    if (this.shifted) {
      const step = this.stepAt(x);
      if (step !== null) this.tell<CursorDetail>("nn-cursor", { step });
    } else this.tell<PinDetail>("nn-pin", { neuron: this.neuronAt(this.placeAt(y)) });
  }

  private shifted = false;
  override pressed(event: PointerEvent): void {
    this.shifted = event.shiftKey;
  }

  override brushKind(): "xy" {
    return "xy";
  }

  override brushed(from: readonly [number, number], to: readonly [number, number]): void {
    const rect = this.markRect();
    const [first, last] = this.rows();
    // A flat stroke means steps, an upright one rows, a rectangle both.
    if (to[1] - from[1] > 8 && to[1] - from[1] < rect.height) {
      const rowAt = (y: number) => first + ((y - rect.top) / rect.height) * (last - first);
      this.zoomRows(Math.floor(rowAt(from[1])), Math.ceil(rowAt(to[1])));
    }
    if (to[0] - from[0] > 8) super.brushed(from, to);
  }

  override doubleClick(): void {
    this.rowZoom = null;
    super.doubleClick();
    this.invalidate();
  }

  override wheelAt(_x: number, y: number, event: WheelEvent): boolean {
    // Without the key the wheel scrolls the page, as everywhere.
    if (!event.ctrlKey && !event.metaKey) return false;
    this.zoomRowsAround(y, event.deltaY > 0 ? WHEEL_ZOOM : 1 / WHEEL_ZOOM);
    return true;
  }

  private zoomRowsAround(y: number, factor: number): void {
    const rect = this.markRect();
    const [from, to] = this.rows();
    const share = (y - rect.top) / rect.height;
    const centre = from + share * (to - from);
    const length = (to - from) * factor;
    this.zoomRows(centre - share * length, centre + (1 - share) * length);
  }

  private zoomRows(from: number, to: number): void {
    const count = this.rowOrder().length;
    const length = Math.max(Math.min(MIN_ROWS, count), Math.min(count, to - from));
    const first = Math.max(0, Math.min(count - length, from));
    this.rowZoom = length >= count ? null : [first, first + length];
    this.invalidate();
  }

  override keyPressed(event: KeyboardEvent): boolean {
    const count = this.rowOrder().length;
    if (count === 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
    const rect = this.markRect();
    const move = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (move !== undefined) {
      const from = this.hovered?.place ?? (move > 0 ? -1 : 1);
      this.hoverPlace(Math.max(0, Math.min(count - 1, from + move)));
      return true;
    }
    if (event.key === "Enter" && this.hovered !== null) {
      this.tell<PinDetail>("nn-pin", { neuron: this.neuronAt(this.hovered.place) });
      return true;
    }
    if (event.key === "+" || event.key === "-") {
      const [from, to] = this.rows();
      const middle = this.hovered === null ? 0.5 : (this.hovered.place + 0.5 - from) / (to - from);
      this.zoomRowsAround(
        rect.top + middle * rect.height,
        event.key === "+" ? 1 / WHEEL_ZOOM : WHEEL_ZOOM,
      );
      return true;
    }
    if (event.key === "Escape" && this.rowZoom !== null) {
      this.rowZoom = null;
      this.invalidate();
      return true;
    }
    return super.keyPressed(event);
  }

  /** Moves the hovered row by the keyboard, and into view. */
  private hoverPlace(place: number): void {
    const [from, to] = this.rows();
    if (place < from) this.zoomRows(place, place + (to - from));
    else if (place >= to) this.zoomRows(place + 1 - (to - from), place + 1);
    const rect = this.markRect();
    const [first, last] = this.rows();
    const y = rect.top + ((place + 0.5 - first) / (last - first)) * rect.height;
    const step = this.cursorStep();
    this.hoverAt(step === null ? rect.left : this.xOfStep(step), y);
    this.hovered = { place, step };
    this.invalidateOverlay();
    this.requestUpdate();
  }

  protected override slider(): SliderState | null {
    const count = this.rowOrder().length;
    const step = this.hovered?.step ?? this.cursorStep();
    if (count === 0 || step === null) return null;
    const place = Math.min(count - 1, this.hovered?.place ?? 0);
    const value = this.valueText(this.valueAt(place, step));
    const text = `${this.words.neuron} ${formatCount(this.neuronAt(place))}, ${this.stepText(step)}: ${value}`;
    return { min: 0, max: count - 1, now: place, text, vertical: true };
  }

  override toCsv(): string {
    const matrix = this.matrix;
    if (matrix === null) return toCsv(["neuron"], []);
    return toCsv(
      ["neuron", ...Array.from(matrix.steps, (step) => `step ${step}`)],
      Array.from(this.rowOrder(), (row) => [
        matrix.rows[row]!,
        ...Array.from(
          matrix.values.subarray(row * matrix.steps.length, (row + 1) * matrix.steps.length),
          float32Text,
        ),
      ]),
    );
  }
}
