import type { PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { float32Text, toCsv } from "../pure/csv";
import { finiteExtent, linearScale, type Scale } from "../pure/scale";
import { indexAtOrBefore } from "../pure/step_axis";
import { formatCount, formatNumber, formatShare, formatShareTick, formatTick } from "../pure/ticks";
import { ChartElement, type LegendItem, type SliderState } from "./chart_element";
import type { Matrix, Pin, PinDetail } from "./contract";
import type { PlotSpec } from "./plot_spec";
import { horizontal, upwards, type Rect, type Surface } from "./surface";
import { theme } from "./theme";
import { valueAxis } from "./value_axis";

const MIN_BAR_PX = 2;

/**
 * One statistic of every neuron at the step, in the same order at every step unless sorted. Where
 * neurons outnumber pixels, a bar holds several: its dark part is the least active of them.
 * @fires nn-pin
 */
@customElement("nn-activity-bars")
export class ActivityBars extends ChartElement {
  @property({ attribute: false }) matrix: Matrix | null = null;
  @property({ type: Boolean }) sorted = false;
  /** Below this a neuron is marked: dead, for activity. NaN marks none. */
  @property({ type: Number }) threshold = 0.01;
  /** Per row, 1 where the neuron is dead by more than this step; null judges by this step alone. */
  @property({ attribute: false }) marked: Uint8Array | null = null;
  /** Values are shares of 1, shown as per cent on an axis from 0 to 1. */
  @property({ type: Boolean }) share = true;
  @property({ attribute: false }) pins: readonly Pin[] = [];
  @property({ attribute: false }) words = {
    neuron: "neuron",
    below: "dead",
    silent: "silent at this step",
    neurons: "neurons",
  };

  private hovered = -1;

  protected override get cursorMovesData(): boolean {
    return true;
  }

  protected override margins(): PlotSpec["margins"] {
    // As much as half a line of the axis' numbers, so that they touch nothing.
    return [9, 14, 9, 52];
  }

  /** Index of the step shown, −1 when nothing is. */
  private stepIndex(): number {
    const steps = this.matrix?.steps;
    if (steps === undefined || steps.length === 0) return -1;
    return this.time.cursor === null
      ? steps.length - 1
      : Math.max(0, indexAtOrBefore(steps, this.time.cursor));
  }

  /** Of every row at the step; the matrix holds them far apart. */
  private shown: Float32Array = new Float32Array(0);

  private valueAt(row: number): number {
    return this.shown[row]!;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    const index = this.stepIndex();
    const count = index < 0 ? 0 : (this.matrix?.rows.length ?? 0);
    if (changed.has("matrix") || changed.has("time")) {
      this.shown = new Float32Array(count);
      for (let row = 0; row < count; row++) {
        this.shown[row] = this.matrix!.values[row * this.matrix!.steps.length + index]!;
      }
    }
    if (changed.has("matrix") || changed.has("sorted") || (this.sorted && changed.has("time"))) {
      this.places = Int32Array.from({ length: count }, (_, index) => index);
      if (this.sorted) {
        // One number per row, looked up once: the comparison runs many times for each.
        const ranks = Float32Array.from(this.places, (row) => rank(this.valueAt(row)));
        this.places.sort((first, second) => ranks[second]! - ranks[first]! || first - second);
      }
    }
    if (changed.has("matrix")) this.range = finiteExtent([this.matrix?.values ?? []]) ?? [0, 1];
  }

  /** Rows of the matrix from left to right. */
  private places = new Int32Array(0);
  private range: readonly [number, number] = [0, 1];

  private order(): Int32Array {
    return this.places;
  }

  private scale(rect: Rect): Scale {
    if (this.share) return linearScale([0, 1], upwards(rect));
    const [low, high] = this.range;
    return linearScale([Math.min(0, low), Math.max(0, high)], upwards(rect));
  }

  private barCount(rect: Rect): number {
    return Math.min(this.matrix?.rows.length ?? 0, Math.floor(rect.width / MIN_BAR_PX));
  }

  protected override plot(): PlotSpec {
    const marks = this.markRect();
    if (this.barCount(marks) === 0 || this.stepIndex() < 0) return this.note();
    return {
      margins: this.margins(),
      xScale: horizontal([0, 1], marks),
      left: valueAxis(this.scale(marks), {
        format: this.share ? formatShareTick : formatTick,
        grid: true,
        ...(this.share ? { ticks: marks.height > 60 ? [0, 0.5, 1] : [0, 1] } : {}),
      }),
      lines: [],
      between: (surface, rect) => this.drawBars(surface, rect),
    };
  }

  private drawBars(surface: Surface, rect: Rect): void {
    const { ctx, theme: colors } = surface;
    const bars = this.barCount(rect);
    const yOf = this.scale(rect);
    const order = this.order();
    const zero = yOf.toPx(0);
    const gap = rect.width / bars > 5 ? 1 : 0;
    const pinned = new Map(this.pins.map((pin) => [pin.neuron, pin.color]));
    for (let bar = 0; bar < bars; bar++) {
      const [from, to] = slice(order.length, bars, bar);
      let low = Infinity;
      let high = -Infinity;
      let missing = 0;
      let dead = false;
      let pin: string | undefined;
      for (let place = from; place < to; place++) {
        const value = this.valueAt(order[place]!);
        if (Number.isNaN(value)) missing++;
        if (value < low) low = value;
        if (value > high) high = value;
        dead ||= this.isMarked(order[place]!);
        pin ??= pinned.get(this.matrix!.rows[order[place]!]!);
      }
      const x = rect.left + (bar / bars) * rect.width;
      const width = rect.width / bars - gap;
      if (missing === to - from) {
        ctx.fillStyle = colors.border;
        ctx.fillRect(x, zero - 2, width, 2);
        continue;
      }
      const top = yOf.toPx(high);
      ctx.globalAlpha = to - from > 1 ? 0.4 : 1;
      ctx.fillStyle = pin ?? colors.mark;
      ctx.fillRect(x, Math.min(top, zero), width, Math.max(1, Math.abs(zero - top)));
      ctx.globalAlpha = 1;
      if (to - from > 1) {
        const bottom = yOf.toPx(low);
        ctx.fillRect(x, Math.min(bottom, zero), width, Math.max(1, Math.abs(zero - bottom)));
      }
      if (dead || low < this.threshold) {
        ctx.fillStyle = dead ? colors.bad : colors.muted;
        ctx.fillRect(x, zero - 3, width, 4);
      }
      if (pin !== undefined) {
        ctx.fillStyle = pin;
        ctx.fillRect(x - 1, rect.top - 4, Math.max(3, width + 2), 3);
      }
    }
  }

  protected override drawOverlay(surface: Surface): void {
    const rect = this.markRect();
    const bars = this.barCount(rect);
    if (this.hovered < 0 || bars === 0) return;
    const count = this.matrix!.rows.length;
    const bar = barOf(count, bars, this.hovered);
    surface.ctx.strokeStyle = surface.theme.text;
    surface.ctx.lineWidth = 1;
    const width = Math.max(2, rect.width / bars);
    surface.ctx.strokeRect(rect.left + (bar / bars) * rect.width - 0.5, rect.top, width, rect.height);
  }

  private placeAt(x: number): number {
    const rect = this.markRect();
    const count = this.matrix?.rows.length ?? 0;
    const bars = this.barCount(rect);
    if (bars === 0) return -1;
    const bar = Math.max(0, Math.min(bars - 1, Math.floor(((x - rect.left) / rect.width) * bars)));
    const [from, to] = slice(count, bars, bar);
    // Of several neurons under one bar, the least active is meant: it is the one to look at.
    const order = this.order();
    let least = from;
    for (let place = from; place < to; place++) {
      if (this.valueAt(order[place]!) < this.valueAt(order[least]!)) least = place;
    }
    return least;
  }

  private isMarked(row: number): boolean {
    return this.marked === null ? this.valueAt(row) < this.threshold : this.marked[row] === 1;
  }

  private valueText(value: number): string {
    return this.share ? formatShare(value) : formatNumber(value, 4);
  }

  override hoverAt(x: number, y: number): void {
    const place = this.placeAt(x);
    if (place >= 0 && this.stepIndex() >= 0) this.tellOf(place, x, y);
  }

  private tellOf(place: number, x: number, y: number): void {
    this.hovered = place;
    const row = this.order()[place]!;
    const value = this.valueAt(row);
    const silent = value < this.threshold ? ` · ${this.words.silent}` : "";
    const dead = this.isMarked(row) ? ` · ${this.words.below}` : silent;
    this.showTip(
      {
        heading: `${this.words.neuron} ${formatCount(this.matrix!.rows[row]!)}${dead}`,
        rows: [[this.quantity, this.valueText(value)]],
      },
      x,
      y,
    );
  }

  override hoverEnd(): void {
    this.hovered = -1;
    this.showTip(null);
  }

  override clickAt(x: number, _y: number): void {
    const place = this.placeAt(x);
    if (place >= 0) this.pinPlace(place);
  }

  private pinPlace(place: number): void {
    this.tell<PinDetail>("nn-pin", { neuron: this.matrix!.rows[this.order()[place]!]! });
  }

  override keyPressed(event: KeyboardEvent): boolean {
    const count = this.matrix?.rows.length ?? 0;
    if (count === 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
    if ((event.key === "Enter" || event.key === " ") && this.hovered >= 0) {
      this.pinPlace(this.hovered);
      return true;
    }
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (move === undefined) return false;
    if (this.stepIndex() < 0) return false;
    const rect = this.markRect();
    const next = Math.max(0, Math.min(count - 1, this.hovered + move));
    this.tellOf(next, rect.left + ((next + 0.5) / count) * rect.width, rect.top);
    this.invalidateOverlay();
    this.requestUpdate();
    return true;
  }

  protected override slider(): SliderState | null {
    const count = this.matrix?.rows.length ?? 0;
    if (count === 0 || this.stepIndex() < 0) return null;
    const now = Math.max(0, Math.min(count - 1, this.hovered));
    const row = this.order()[now]!;
    const name = `${this.words.neuron} ${formatCount(this.matrix!.rows[row]!)}`;
    return { min: 0, max: count - 1, now, text: `${name}: ${this.valueText(this.valueAt(row))}` };
  }

  protected override legendItems(): readonly LegendItem[] {
    const colors = theme();
    return [
      { label: this.quantity || this.words.neurons, color: colors.mark, kind: "area" },
      { label: this.words.below, color: colors.bad, kind: "area" },
      ...(this.marked === null
        ? []
        : [{ label: this.words.silent, color: colors.muted, kind: "area" } as const]),
    ];
  }

  override toCsv(): string {
    const index = this.stepIndex();
    const step = this.matrix?.steps[index] ?? NaN;
    return toCsv(
      ["run", "step", "neuron", this.quantity || "value"],
      Array.from(this.order(), (row) => [
        this.matrix!.run,
        step,
        this.matrix!.rows[row]!,
        float32Text(this.valueAt(row)),
      ]),
    );
  }
}

/** NaN sorts behind every number. */
function rank(value: number): number {
  return Number.isNaN(value) ? -Number.MAX_VALUE : value;
}

/** Places of the neurons that share a bar. */
function slice(count: number, bars: number, bar: number): readonly [number, number] {
  return [Math.floor((bar * count) / bars), Math.floor(((bar + 1) * count) / bars)];
}

/** The bar that a place is in: the other way round. */
function barOf(count: number, bars: number, place: number): number {
  return Math.ceil(((place + 1) * bars) / count) - 1;
}
