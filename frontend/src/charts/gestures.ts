/**
 * uPlot's cursor and selection, fed by any pointer and told to a chart in its own pixels. uPlot
 * listens to mice alone; pointers of every kind bring the same events, and can be captured.
 */

import uPlot from "uplot";
import type { PlotSpec } from "./plot_spec";
import type { Rect } from "./surface";

export interface GestureTarget {
  hoverAt(x: number, y: number): void;
  hoverEnd(): void;
  /** Before any drag or click, with the keys that are held. */
  pressed(event: PointerEvent): void;
  clickAt(x: number, y: number): void;
  brushed(from: readonly [number, number], to: readonly [number, number]): void;
  dragAt(x: number, y: number, phase: "start" | "move" | "end"): boolean;
  brushKind(): "none" | "x" | "xy";
  gesturesChanged(): void;
}

type Place = readonly [x: number, y: number];

/** A shorter way is a click, not a drag. */
const CLICK_SLACK_PX = 4;
/** A stroke flatter or steeper than this selects along one axis. */
const ONE_WAY_PX = 8;
const HOVER_DOT_PX = 7;
const NOTHING = { left: 0, top: 0, width: 0, height: 0 };

interface Press {
  readonly from: Place;
  /** The chart moves something itself: uPlot selects nothing. */
  readonly moving: boolean;
  far: boolean;
}

export class Gestures {
  /** Where the pointer is inside the marks, in pixels of the chart; or null. */
  hover: Place | null = null;
  private press: Press | null = null;
  /** Ends uPlot's drag. */
  private release: ((event: MouseEvent) => void) | null = null;
  private plot: uPlot | null = null;
  private latest: PointerEvent | null = null;

  constructor(private readonly target: GestureTarget) {}

  /** Takes the place of the plot whose options these are. */
  adopt(plot: uPlot | null): void {
    this.plot = plot;
    this.press = null;
    this.release = null;
  }

  cursor(spec: PlotSpec): uPlot.Cursor {
    const brush = this.target.brushKind();
    const lineOf = (index: number) => spec.lines[index - 1];
    return {
      x: spec.hoverLine ?? false,
      y: false,
      points: {
        show: (_u, index) => {
          const dot = document.createElement("div");
          // uPlot takes what is no element for a point that is not shown.
          return lineOf(index)?.hover === undefined ? (null as unknown as HTMLElement) : dot;
        },
        size: HOVER_DOT_PX,
        width: (_u, index) => (lineOf(index)?.hover === "ring" ? 1.5 : 0),
        stroke: (u, index) => (u.series[index]!.stroke as (u: uPlot, i: number) => string)(u, index),
        fill: (u, index) =>
          lineOf(index)?.hover === "ring"
            ? "var(--nn-surface, #fff)"
            : (u.series[index]!.stroke as (u: uPlot, i: number) => string)(u, index),
      },
      hover: { skip: [null, undefined] },
      drag: {
        x: brush !== "none",
        y: brush === "xy",
        setScale: false,
        dist: CLICK_SLACK_PX,
        ...(brush === "xy" ? { uni: ONE_WAY_PX } : {}),
      },
      // A captured pointer leaves the marks; the selection does not.
      move: (u, left, top) => {
        const { width, height } = boxOf(u);
        return this.press === null ? [left, top] : [clamp(left, width), clamp(top, height)];
      },
      bind: this.bindings(),
    };
  }

  readonly hooks: uPlot.Hooks.Arrays = {
    setCursor: [(u) => this.moved(u)],
    setSelect: [(u) => this.selected(u)],
  };

  /** Lets go of what is being dragged, as if nothing had been. True if something was. */
  cancel(): boolean {
    if (this.press === null) return false;
    this.press = null;
    this.endDrag(this.latest);
    this.target.gesturesChanged();
    return true;
  }

  /** As if the pointer had left; what the keyboard pointed at goes with it. */
  leave(): void {
    this.plot?.setCursor({ left: -10, top: -10 });
    this.hover = null;
    this.target.hoverEnd();
    this.target.gesturesChanged();
  }

  /** Runs `draw` as if the pointer were elsewhere. */
  withoutHover(draw: () => void): void {
    const hover = this.hover;
    this.hover = null;
    draw();
    this.hover = hover;
  }

  private bindings(): uPlot.Cursor.Bind {
    const none = () => null;
    return {
      mouseenter: none,
      dblclick: none,
      mousedown: (u, over, handler) => {
        over.addEventListener("pointerdown", (event) => this.down(u, event, handler));
        return null;
      },
      mouseup: (_u, _document, handler) => {
        this.release = handler;
        return null;
      },
      mousemove: (u, over, handler) => {
        over.addEventListener("pointermove", (event) => this.move(u, event, handler));
        over.addEventListener("pointerup", (event) => this.up(u, event));
        over.addEventListener("pointercancel", () => this.cancel());
        return null;
      },
      mouseleave: (_u, over, handler) => {
        over.addEventListener("pointerleave", (event) => {
          if (this.press === null) handler(event);
        });
        return null;
      },
    };
  }

  private placeOf(u: uPlot, event: MouseEvent): Place {
    // Charts scroll in boxes that tell the window nothing, so uPlot's idea of its place gets old.
    u.syncRect(true);
    const box = boxOf(u);
    return [event.clientX - u.rect.left + box.left, event.clientY - u.rect.top + box.top];
  }

  private down(u: uPlot, event: PointerEvent, handler: (event: MouseEvent) => void): void {
    if (event.button !== 0) return;
    const from = this.placeOf(u, event);
    this.latest = event;
    this.target.pressed(event);
    this.press = { from, moving: this.target.dragAt(...from, "start"), far: false };
    // A synthetic event has no pointer to capture.
    if (event.isTrusted) u.over.setPointerCapture(event.pointerId);
    if (!this.press.moving) handler(event);
  }

  private move(u: uPlot, event: PointerEvent, handler: (event: MouseEvent) => void): void {
    const place = this.placeOf(u, event);
    const press = this.press;
    this.latest = event;
    if (press !== null) {
      press.far ||= Math.hypot(place[0] - press.from[0], place[1] - press.from[1]) > CLICK_SLACK_PX;
      if (press.moving && press.far) this.target.dragAt(...place, "move");
    }
    handler(event);
  }

  private up(u: uPlot, event: PointerEvent): void {
    const press = this.press;
    if (press === null) return;
    const place = this.placeOf(u, event);
    // Ending uPlot's drag tells the selection, which asks whether the way was long enough.
    this.endDrag(event);
    this.press = null;
    if (!press.far) this.target.clickAt(...place);
    else if (press.moving) this.target.dragAt(...place, "end");
    this.target.gesturesChanged();
  }

  private endDrag(event: PointerEvent | null): void {
    const release = this.release;
    this.release = null;
    if (event !== null) release?.(event);
    this.plot?.setSelect(NOTHING, false);
  }

  private moved(u: uPlot): void {
    const { left = -1, top = -1 } = u.cursor;
    if (left >= 0 && top >= 0) {
      const box = boxOf(u);
      this.hover = [left + box.left, top + box.top];
      this.target.hoverAt(...this.hover);
    } else if (this.hover !== null) {
      this.hover = null;
      this.target.hoverEnd();
    } else return;
    this.target.gesturesChanged();
  }

  private selected(u: uPlot): void {
    if (this.press === null || !this.press.far) return;
    const box = boxOf(u);
    const left = u.select.left + box.left;
    const top = u.select.top + box.top;
    this.target.brushed([left, top], [left + u.select.width, top + u.select.height]);
  }
}

/** The marks, in CSS pixels of the chart. */
export function boxOf({ bbox }: uPlot): Rect {
  const ratio = uPlot.pxRatio;
  return {
    left: bbox.left / ratio,
    top: bbox.top / ratio,
    width: bbox.width / ratio,
    height: bbox.height / ratio,
  };
}

function clamp(place: number, length: number): number {
  return Math.max(0, Math.min(length, place));
}
