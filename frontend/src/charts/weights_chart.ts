import { customElement, property } from "lit/decorators.js";
import { float32Text, toCsv, type Cell } from "../pure/csv";
import { finiteExtent, linearScale, padded, px, type Scale } from "../pure/scale";
import { indexAtOrBefore, lowerBound, nearestIndex, type StepSource } from "../pure/step_axis";
import { formatCount, formatNumber } from "../pure/ticks";
import type { LegendItem } from "./chart_element";
import type { NeuronWeights } from "./contract";
import { StepChart } from "./step_chart";
import type { PlotLine, PlotSpec } from "./plot_spec";
import {
  clipped,
  crisp,
  FONT_PX,
  horizontal,
  setFont,
  strokeLine,
  upwards,
  type Rect,
  type Surface,
} from "./surface";
import { theme, withAlpha } from "./theme";
import { valueAxis } from "./value_axis";

const CATCH_PX = 10;
const LABEL_PX = 15;

/**
 * Every kept incoming weight of the pinned neurons over steps, and their biases as wide lines, each in its neuron's colour.
 * @fires nn-cursor
 * @fires nn-zoom
 */
@customElement("nn-weights-chart")
export class WeightsChart extends StepChart {
  @property({ attribute: false }) neurons: readonly NeuronWeights[] = [];
  @property({ attribute: false }) words = { neuron: "neuron", weight: "weight", bias: "bias" };

  private hovered: { neuron: number; row: number } | null = null;

  protected override sources(): readonly StepSource[] {
    return this.neurons.map((neuron) => neuron.weights);
  }

  private valueScale(rect: Rect): Scale {
    const [from, to] = this.stepDomain();
    const shown: Float32Array[] = [];
    for (const { weights, bias } of this.neurons) {
      for (const source of bias === null ? [weights] : [weights, bias]) {
        const positions = this.positions(source);
        const first = Math.max(0, lowerBound(positions, from) - 1);
        const last = Math.min(positions.length, lowerBound(positions, to) + 1);
        for (let row = 0; row < source.values.length; row += positions.length || 1) {
          shown.push(source.values.subarray(row + first, row + last));
        }
      }
    }
    return linearScale(padded(finiteExtent(shown) ?? [-1, 1], 0.05), upwards(rect));
  }

  protected override plot(): PlotSpec {
    if (this.neurons.every(({ weights }) => weights.steps.length === 0)) return this.note();
    const scale = this.valueScale(this.markRect());
    return {
      margins: this.margins(),
      xScale: this.stepScale(),
      bottom: this.stepAxis(),
      left: valueAxis(scale, { grid: true }),
      lines: [
        ...this.neurons.flatMap((neuron) => this.weightLines(neuron)),
        ...this.neurons.flatMap((neuron) => this.biasLines(neuron)),
      ],
      between: (surface, rect) => drawZero(surface, rect, scale),
      above: (surface, rect) => this.labelBiases(surface, rect, this.stepScale(), scale),
    };
  }

  private weightLines({ weights, color }: NeuronWeights): PlotLine[] {
    const xs = this.positions(weights);
    const count = weights.steps.length;
    const faint = withAlpha(color, weights.rows.length > 100 ? 0.25 : 0.45);
    return Array.from(weights.rows, (_, row) => ({
      xs,
      values: weights.values.subarray(row * count, (row + 1) * count),
      color: faint,
      width: 1,
    }));
  }

  private biasLines({ bias, color }: NeuronWeights): PlotLine[] {
    if (bias === null) return [];
    const line = { xs: this.positions(bias), values: bias.values };
    return [
      { ...line, color: theme().surface, width: 6 },
      { ...line, color, width: 3 },
    ];
  }

  /** `bias`, or `bias · neuron 17` when several are pinned, at the right end of its line. */
  private labelBiases(surface: Surface, rect: Rect, xOf: Scale, yOf: Scale): void {
    const { ctx, theme: colors } = surface;
    setFont(surface, FONT_PX, "600");
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    const several = this.neurons.length > 1;
    const ends = this.neurons.flatMap(({ bias, neuron, color }) => {
      if (bias === null || bias.steps.length === 0) return [];
      const positions = this.positions(bias);
      const last = Math.max(0, indexAtOrBefore(positions, xOf.domain[1]));
      const y = yOf.toPx(bias.values[last]!);
      const text = several ? `${this.words.bias} · ${formatCount(neuron)}` : this.words.bias;
      const x = xOf.toPx(positions[last]!);
      return Number.isFinite(y) ? [{ x, y, text, color }] : [];
    });
    ends.sort((first, second) => first.y - second.y);
    let free = rect.top;
    for (const { x, y, text, color } of ends) {
      // Labels stand above their lines, and below one another where lines end together.
      const place = Math.max(free, y - LABEL_PX);
      free = place + LABEL_PX;
      const width = ctx.measureText(text).width;
      ctx.fillStyle = colors.surface;
      ctx.globalAlpha = 0.85;
      ctx.fillRect(x - width - 12, place - LABEL_PX / 2, width + 6, LABEL_PX);
      ctx.globalAlpha = 1;
      ctx.fillStyle = colors.text;
      ctx.fillText(text, x - 9, place);
      if (!several) continue;
      ctx.fillStyle = color;
      ctx.beginPath();
      ctx.arc(x - 3, y, 4, 0, 2 * Math.PI);
      ctx.fill();
    }
  }

  protected override drawOverlay(surface: Surface): void {
    this.drawStepCursor(surface);
    if (this.hovered === null || this.gestures.hover === null) return;
    const { weights } = this.neurons[this.hovered.neuron]!;
    const rect = this.markRect();
    const offset = this.hovered.row * weights.steps.length;
    clipped(surface, rect, () => {
      surface.ctx.strokeStyle = surface.theme.text;
      surface.ctx.lineWidth = 2;
      const xOf = horizontal(this.stepDomain(), rect);
      strokeLine(surface.ctx, this.positions(weights), weights.values, xOf, this.valueScale(rect), offset);
    });
  }

  override hoverAt(x: number, y: number): void {
    const step = this.stepAt(x);
    if (step === null) return;
    const rect = this.markRect();
    const yOf = this.valueScale(rect);
    const position = horizontal(this.stepDomain(), rect).fromPx(px(x));
    this.hovered = null;
    let distance = CATCH_PX;
    const rows: [string, string, string?][] = [];
    this.neurons.forEach(({ weights, neuron, bias, color }, index) => {
      const column = nearestIndex(this.positions(weights), position);
      for (let row = 0; row < weights.rows.length; row++) {
        const place = yOf.toPx(weights.values[row * weights.steps.length + column]!);
        if (Math.abs(place - y) < distance) {
          distance = Math.abs(place - y);
          this.hovered = { neuron: index, row };
        }
      }
      if (bias === null) return;
      const value = bias.values[nearestIndex(this.positions(bias), position)] ?? NaN;
      const name = `${this.words.bias} · ${this.words.neuron} ${formatCount(neuron)}`;
      rows.push([name, formatNumber(value, 4), color]);
    });
    const hovered = this.hovered as { neuron: number; row: number } | null;
    if (hovered !== null) {
      const { weights, neuron, color } = this.neurons[hovered.neuron]!;
      const column = nearestIndex(this.positions(weights), position);
      const value = weights.values[hovered.row * weights.steps.length + column]!;
      const source = formatCount(weights.rows[hovered.row]!);
      const name = `${this.words.weight} ${source} → ${this.words.neuron} ${formatCount(neuron)}`;
      rows.unshift([name, formatNumber(value, 4), color]);
    }
    this.showTip({ heading: this.stepText(step), rows }, x, y);
  }

  override hoverEnd(): void {
    this.hovered = null;
    this.showTip(null);
  }

  protected override legendItems(): readonly LegendItem[] {
    return [
      ...this.neurons.map(({ neuron, color }) => ({
        label: `${this.words.neuron} ${formatCount(neuron)}`,
        color,
        kind: "line" as const,
      })),
      { label: this.words.bias, color: this.neurons[0]?.color ?? theme().text, kind: "line" },
    ];
  }

  override toCsv(): string {
    const rows: Cell[][] = [];
    for (const { neuron, weights, bias } of this.neurons) {
      for (const [row, source] of weights.rows.entries()) {
        weights.steps.forEach((step, column) =>
          rows.push([
            weights.run,
            neuron,
            `weight ${source}`,
            step,
            float32Text(weights.values[row * weights.steps.length + column]!),
          ]),
        );
      }
      bias?.steps.forEach((step, column) =>
        rows.push([weights.run, neuron, "bias", step, float32Text(bias.values[column]!)]),
      );
    }
    return toCsv(["run", "neuron", "parameter", "step", "value"], rows);
  }
}

function drawZero({ ctx, ratio, theme: colors }: Surface, rect: Rect, scale: Scale): void {
  const zero = crisp(scale.toPx(0), ratio);
  if (!(zero >= rect.top && zero <= rect.top + rect.height)) return;
  ctx.strokeStyle = withAlpha(colors.axis, 0.5);
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(rect.left, zero);
  ctx.lineTo(rect.left + rect.width, zero);
  ctx.stroke();
}
