import { html, type TemplateResult } from "lit";
import type { PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { float32Text, toCsv, type Cell } from "../pure/csv";
import { finiteExtent, linearScale, px, type Scale } from "../pure/scale";
import { nearestIndex } from "../pure/step_axis";
import { formatCount, formatNumber, formatShare } from "../pure/ticks";
import { ChartElement, type LegendItem, type SliderState } from "./chart_element";
import type { Paths, Pin, PinDetail } from "./contract";
import { drawStepScale, stepColor, strokePieces, strokeWhole, type StepWindow } from "./path_marks";
import type { PlotSpec } from "./plot_spec";
import { clipped, setFont, type Rect, type Surface } from "./surface";
import { withAlpha } from "./theme";
import { valueAxis } from "./value_axis";

/** More paths than this hide one another; those drawn are spread evenly over the neurons. */
const MAX_PATHS = 200;
const CATCH_PX = 14;

/**
 * Paths of neurons through the plane of the first two principal components, the step as colour.
 * Both axes have the same scale: distances on the picture are distances.
 * @fires nn-pin
 */
@customElement("nn-path-chart")
export class PathChart extends ChartElement {
  @property({ attribute: false }) paths: Paths | null = null;
  @property({ attribute: false }) pins: readonly Pin[] = [];
  @property({ attribute: false }) words = {
    neuron: "neuron",
    step: "step",
    component: "PC",
    variance: "of the variance",
    drawn: "paths drawn",
    note: "The first components of a random walk are smooth curves too: look for what differs between neurons, not for the shape.",
  };

  private shown: readonly number[] = [];
  private extent: readonly [x: [number, number], y: [number, number]] = [[0, 1], [0, 1]];
  private hoveredRow = -1;

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    if (!changed.has("paths") && !changed.has("pins")) return;
    const paths = this.paths;
    const count = paths?.neurons.length ?? 0;
    const drawn = Math.min(count, MAX_PATHS);
    const rows = new Set(
      Array.from({ length: drawn }, (_, index) => Math.floor((index * count) / drawn)),
    );
    for (const pin of this.pins) {
      const row = paths?.neurons.indexOf(pin.neuron) ?? -1;
      if (row >= 0) rows.add(row);
    }
    this.shown = [...rows];
    if (paths !== null && changed.has("paths")) {
      const xs = paths.points.filter((_, index) => index % 2 === 0);
      const ys = paths.points.filter((_, index) => index % 2 === 1);
      this.extent = [finiteExtent([xs]) ?? [0, 1], finiteExtent([ys]) ?? [0, 1]];
    }
  }

  protected override margins(): PlotSpec["margins"] {
    return [24, 14, 24, 52];
  }

  /** One unit is as long upwards as sideways. */
  private scales(rect: Rect): { x: Scale; y: Scale } {
    const [[left, right], [bottom, top]] = this.extent;
    const perPixel =
      1.08 * Math.max((right - left) / rect.width, (top - bottom) / rect.height, 1e-12);
    const around = (low: number, high: number, length: number): [number, number] => {
      const middle = (low + high) / 2;
      return [middle - (length * perPixel) / 2, middle + (length * perPixel) / 2];
    };
    return {
      x: linearScale(around(left, right, rect.width), [px(rect.left), px(rect.left + rect.width)]),
      y: linearScale(around(bottom, top, rect.height), [px(rect.top + rect.height), px(rect.top)]),
    };
  }

  protected override plot(): PlotSpec {
    const paths = this.paths;
    if (paths === null || paths.steps.length === 0 || paths.neurons.length === 0) {
      return this.note();
    }
    const marks = this.markRect();
    const { x, y } = this.scales(marks);
    const name = (index: 0 | 1) =>
      `${this.words.component} ${index + 1} · ${formatShare(paths.explained[index])} ${this.words.variance}`;
    return {
      margins: this.margins(),
      xScale: x,
      bottom: valueAxis(x, { count: Math.max(2, marks.width / 80), name: name(0), grid: true }),
      left: valueAxis(y, { name: name(1), grid: true }),
      lines: [],
      above: (surface, rect) => this.drawPaths(surface, rect, paths),
    };
  }

  /** By hand: a path turns back, and uPlot's lines run from left to right. */
  private drawPaths(surface: Surface, rect: Rect, paths: Paths): void {
    const { ctx, theme } = surface;
    const { x, y } = this.scales(rect);
    const window = this.stepWindow(paths);
    drawStepScale(surface, rect, paths.steps, window, this.words.step);
    const colorOf = (share: number) => stepColor(share, theme.dark);
    clipped(surface, rect, () => {
      ctx.lineJoin = "round";
      ctx.lineWidth = 1;
      const pinned = new Set(this.pins.map((pin) => pin.neuron));
      const faint = this.shown.filter((row) => !pinned.has(paths.neurons[row]!));
      ctx.globalAlpha = pinned.size > 0 ? 0.55 : 0.8;
      strokePieces(ctx, paths, faint, window, x, y, colorOf);
      ctx.globalAlpha = 1;
      for (const pin of this.pins) {
        const row = paths.neurons.indexOf(pin.neuron);
        if (row < 0) continue;
        ctx.strokeStyle = theme.surface;
        ctx.lineWidth = 7;
        strokeWhole(ctx, paths, row, window, x, y);
        ctx.strokeStyle = pin.color;
        ctx.lineWidth = 5;
        strokeWhole(ctx, paths, row, window, x, y);
        // The step stays readable inside the pin's own colour.
        ctx.lineWidth = 2;
        strokePieces(ctx, paths, [row], window, x, y, colorOf);
      }
    });
    if (this.shown.length < paths.neurons.length) {
      setFont(surface, 10);
      ctx.fillStyle = theme.muted;
      ctx.textAlign = "right";
      ctx.textBaseline = "bottom";
      const drawn = `${formatCount(this.shown.length)} / ${formatCount(paths.neurons.length)}`;
      ctx.fillText(
        `${drawn} ${this.words.drawn}`,
        rect.left + rect.width - 4,
        rect.top + rect.height - 4,
      );
    }
  }

  private stepWindow(paths: Paths): StepWindow {
    if (this.time.zoom === null) return [0, paths.steps.length - 1];
    return [
      nearestIndex(paths.steps, this.time.zoom[0]),
      nearestIndex(paths.steps, this.time.zoom[1]),
    ];
  }

  private cursorIndex(paths: Paths): number {
    const last = paths.steps.length - 1;
    return this.time.cursor === null ? last : nearestIndex(paths.steps, this.time.cursor);
  }

  protected override drawOverlay(surface: Surface): void {
    const paths = this.paths;
    if (paths === null || paths.steps.length === 0) return;
    const rect = this.markRect();
    const { x, y } = this.scales(rect);
    const { ctx, theme } = surface;
    const index = this.cursorIndex(paths);
    const pinColors = new Map(this.pins.map((pin) => [pin.neuron, pin.color]));
    clipped(surface, rect, () => {
      for (const row of this.shown) {
        const place = 2 * (row * paths.steps.length + index);
        const pin = pinColors.get(paths.neurons[row]!);
        ctx.beginPath();
        const size = pin === undefined ? 2 : 5;
        ctx.arc(x.toPx(paths.points[place]!), y.toPx(paths.points[place + 1]!), size, 0, 7);
        ctx.fillStyle = pin ?? withAlpha(theme.accentLine, 0.8);
        ctx.fill();
        if (pin === undefined) continue;
        ctx.strokeStyle = theme.surface;
        ctx.lineWidth = 2;
        ctx.stroke();
      }
      if (this.hoveredRow < 0) return;
      ctx.strokeStyle = theme.text;
      ctx.lineWidth = 2;
      strokeWhole(ctx, paths, this.hoveredRow, this.stepWindow(paths), x, y);
    });
  }

  private rowNear(left: number, top: number): number {
    const paths = this.paths;
    if (paths === null) return -1;
    const { x, y } = this.scales(this.markRect());
    const [from, to] = this.stepWindow(paths);
    let best = -1;
    let distance = CATCH_PX ** 2;
    for (const row of this.shown) {
      for (let step = from; step <= to; step++) {
        const place = 2 * (row * paths.steps.length + step);
        const away =
          (x.toPx(paths.points[place]!) - left) ** 2 + (y.toPx(paths.points[place + 1]!) - top) ** 2;
        if (away < distance) {
          distance = away;
          best = row;
        }
      }
    }
    return best;
  }

  override hoverAt(x: number, y: number): void {
    this.hoveredRow = this.rowNear(x, y);
    this.describe(x, y);
  }

  private describe(x: number, y: number): void {
    const paths = this.paths;
    if (paths === null || this.hoveredRow < 0) {
      this.showTip(null);
      return;
    }
    const index = this.cursorIndex(paths);
    const place = 2 * (this.hoveredRow * paths.steps.length + index);
    const pair = [paths.points[place]!, paths.points[place + 1]!];
    this.showTip(
      {
        heading: `${this.words.neuron} ${formatCount(paths.neurons[this.hoveredRow]!)}`,
        rows: [
          [
            `${this.words.step} ${formatCount(paths.steps[index]!)}`,
            pair.map((value) => formatNumber(value)).join(" · "),
          ],
        ],
      },
      x,
      y,
    );
  }

  override hoverEnd(): void {
    this.hoveredRow = -1;
    this.showTip(null);
  }

  override clickAt(x: number, y: number): void {
    const row = this.rowNear(x, y);
    if (row >= 0) this.tell<PinDetail>("nn-pin", { neuron: this.paths!.neurons[row]! });
  }

  override keyPressed(event: KeyboardEvent): boolean {
    const paths = this.paths;
    if (paths === null || event.ctrlKey || event.metaKey || event.altKey) return false;
    const move = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Enter" && this.hoveredRow >= 0) {
      this.tell<PinDetail>("nn-pin", { neuron: paths.neurons[this.hoveredRow]! });
      return true;
    }
    if (move === undefined || this.shown.length === 0) return false;
    const place = this.shown.indexOf(this.hoveredRow);
    const next = Math.max(0, Math.min(this.shown.length - 1, place + move));
    this.hoveredRow = this.shown[next]!;
    this.describe(this.markRect().left, this.markRect().top);
    this.invalidateOverlay();
    this.requestUpdate();
    return true;
  }

  protected override slider(): SliderState | null {
    const paths = this.paths;
    if (paths === null || this.shown.length === 0) return null;
    const now = Math.max(0, this.shown.indexOf(this.hoveredRow));
    const neuron = formatCount(paths.neurons[this.shown[now]!]!);
    const text = `${this.words.neuron} ${neuron}`;
    return { min: 0, max: this.shown.length - 1, now, text, vertical: true };
  }

  protected override legendItems(): readonly LegendItem[] {
    return this.pins.map((pin) => ({
      label: `${this.words.neuron} ${formatCount(pin.neuron)}`,
      color: pin.color,
      kind: "line",
    }));
  }

  protected override renderBeside(): TemplateResult {
    return html`<p class="note">${this.words.note}</p>`;
  }

  override toCsv(): string {
    const paths = this.paths;
    const rows: Cell[][] = [];
    paths?.neurons.forEach((neuron, row) =>
      paths.steps.forEach((step, column) => {
        const place = 2 * (row * paths.steps.length + column);
        rows.push([
          paths.run,
          neuron,
          step,
          float32Text(paths.points[place]!),
          float32Text(paths.points[place + 1]!),
        ]);
      }),
    );
    return toCsv(["run", "neuron", "step", "component_1", "component_2"], rows);
  }
}
