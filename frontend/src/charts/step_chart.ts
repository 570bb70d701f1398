/**
 * Charts whose horizontal axis is the one that all views share. They stand on the same margins, so
 * that a step is at the same place in every chart of the same width.
 */

import type { PropertyValues } from "lit";
import { property } from "lit/decorators.js";
import { px, type Scale } from "../pure/scale";
import {
  axisDomain,
  axisPositions,
  coveredStretch,
  indexAtOrBefore,
  lowerBound,
  nearestIndex,
  positionOfStep,
  type StepSource,
} from "../pure/step_axis";
import { formatCount, formatSeconds, linearTicks, timeTickFormat, timeTicks } from "../pure/ticks";
import { ChartElement, type SliderState } from "./chart_element";
import type { CursorDetail, ZoomDetail } from "./contract";
import type { PlotAxis, PlotSpec } from "./plot_spec";
import { drawCursor, horizontal, type Rect, type Surface } from "./surface";

export interface StepWords {
  readonly step: string;
  readonly relativeTime: string;
}

export const STEP_WORDS: StepWords = { step: "step", relativeTime: "time" };

const LARGE_MOVE = 10;

export abstract class StepChart extends ChartElement {
  /** Hide the numbers under the plot, where another chart below shows them. */
  @property({ type: Boolean, attribute: "no-step-axis" }) noStepAxis = false;
  @property({ attribute: false }) stepWords: StepWords = STEP_WORDS;
  /** What spans the axis, where other charts stand on the same one; its own steps without it. */
  @property({ attribute: false }) span: readonly StepSource[] | null = null;

  /** Everything that has steps, the run that leads first. */
  protected abstract sources(): readonly StepSource[];

  private allSteps: Float64Array | null = null;

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    if ([...changed.keys()].some((name) => name !== "time")) this.allSteps = null;
  }

  /** The rows of margin above the plot; charts with an axis name need some. */
  protected get topMargin(): number {
    return 8;
  }
  protected get leftMargin(): number {
    return 52;
  }
  protected get rightMargin(): number {
    return 14;
  }

  protected override margins(): PlotSpec["margins"] {
    return [this.topMargin, this.rightMargin, this.noStepAxis ? 4 : 22, this.leftMargin];
  }

  protected stepDomain(): readonly [number, number] {
    return axisDomain(this.span ?? this.sources(), this.time.zoom, this.time.unit) ?? [0, 1];
  }

  protected stepScale(): Scale {
    return horizontal(this.stepDomain(), this.markRect());
  }

  protected positions(source: StepSource): Float64Array {
    return axisPositions(source, this.time.unit);
  }

  /** Of the plot, the part that a source's steps stand for: beyond them nothing is painted. */
  protected covered(source: StepSource, rect: Rect): { readonly domain: readonly [number, number]; readonly rect: Rect } {
    const domain = this.stepDomain();
    if (domain[0] === domain[1]) return { domain, rect };
    const covered = coveredStretch(this.positions(source), domain);
    const scale = horizontal(domain, rect);
    const left = scale.toPx(covered[0]);
    return { domain: covered, rect: { ...rect, left, width: scale.toPx(covered[1]) - left } };
  }

  /** Steps of all sources together, ascending and unique. */
  protected steps(): Float64Array {
    if (this.allSteps === null) {
      const sources = this.sources();
      this.allSteps =
        sources.length === 1
          ? sources[0]!.steps
          : Float64Array.from(new Set(sources.flatMap((source) => [...source.steps]))).sort();
    }
    return this.allSteps;
  }

  /** The step that the reader looks at: the cursor, or the last one. */
  protected cursorStep(): number | null {
    return this.time.cursor ?? this.steps().at(-1) ?? null;
  }

  /** The run whose clock places the cursor: the one that reaches farthest. */
  private leader(): StepSource | null {
    return this.sources().reduce<StepSource | null>(
      (best, source) =>
        source.steps.length > 0 && (source.steps.at(-1) ?? 0) > (best?.steps.at(-1) ?? -1)
          ? source
          : best,
      null,
    );
  }

  protected xOfStep(step: number, scale = this.stepScale()): number {
    const leader = this.leader();
    if (leader === null) return NaN;
    return scale.toPx(positionOfStep(step, leader.steps, this.positions(leader)));
  }

  /** The logged step nearest to a place. */
  protected stepAt(x: number): number | null {
    const leader = this.leader();
    if (leader === null) return null;
    const position = this.stepScale().fromPx(px(x));
    if (this.time.unit === "step") {
      const steps = this.steps();
      return steps[nearestIndex(steps, position)] ?? null;
    }
    return leader.steps[nearestIndex(this.positions(leader), position)] ?? null;
  }

  /** `step 2,750`, or with the time since the start. */
  protected stepText(step: number): string {
    const text = `${this.stepWords.step} ${formatCount(step)}`;
    const leader = this.leader();
    if (this.time.unit === "step" || leader === null) return text;
    const seconds = positionOfStep(step, leader.steps, this.positions(leader));
    return `${text} · ${formatSeconds(seconds)}`;
  }

  /** The axis under the plot; none where another chart below shows it. */
  protected stepAxis(grid = true): PlotAxis | undefined {
    if (this.noStepAxis) return undefined;
    const timed = this.time.unit === "time";
    const scale = this.stepScale();
    const count = Math.max(2, this.markRect().width / 80);
    const ticks = (timed ? timeTicks : linearTicks)(scale.domain, count);
    return {
      scale,
      // Between two neighbouring steps there is no step to be named.
      ticks: timed ? ticks : ticks.filter(Number.isInteger),
      format: timed ? timeTickFormat(ticks) : formatCount,
      name: timed ? this.stepWords.relativeTime : this.stepWords.step,
      grid,
    };
  }

  protected drawStepCursor(surface: Surface, label = false): void {
    const step = this.cursorStep();
    if (step === null) return;
    drawCursor(surface, this.markRect(), this.xOfStep(step), label ? this.stepText(step) : "");
  }

  protected override drawOverlay(surface: Surface): void {
    this.drawStepCursor(surface);
  }

  protected override slider(): SliderState | null {
    const steps = this.steps();
    const now = this.cursorStep();
    if (steps.length === 0 || now === null) return null;
    return { min: steps[0]!, max: steps.at(-1)!, now, text: this.stepText(now) };
  }

  override brushKind(): "none" | "x" | "xy" {
    return "x";
  }

  override brushed(from: readonly [number, number], to: readonly [number, number]): void {
    const first = this.stepAt(from[0]);
    const last = this.stepAt(to[0]);
    if (first === null || last === null || first >= last) return;
    this.tell<ZoomDetail>("nn-zoom", { range: [first, last] });
  }

  override doubleClick(): void {
    this.tell<ZoomDetail>("nn-zoom", { range: null });
  }

  override clickAt(x: number, _y: number): void {
    const step = this.stepAt(x);
    if (step !== null) this.tell<CursorDetail>("nn-cursor", { step });
  }

  override keyPressed(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const steps = this.steps();
    const now = this.cursorStep();
    if (steps.length === 0 || now === null) return false;
    // The cursor may stand between steps of this chart, having been set in another one.
    const before = indexAtOrBefore(steps, now);
    const after = Math.min(steps.length - 1, lowerBound(steps, now));
    const move = event.shiftKey ? LARGE_MOVE : 1;
    const target: Record<string, number> = {
      ArrowLeft: after - move,
      ArrowRight: before + move,
      PageDown: after - LARGE_MOVE,
      PageUp: before + LARGE_MOVE,
      Home: 0,
      End: steps.length - 1,
    };
    if (event.key === "Escape" && this.time.zoom !== null) {
      this.doubleClick();
      return true;
    }
    const next = target[event.key];
    if (next === undefined) return false;
    const step = steps[Math.max(0, Math.min(steps.length - 1, next))]!;
    this.tell<CursorDetail>("nn-cursor", { step });
    return true;
  }
}
