/** Pointer, wheel and keyboard of one plot, turned into what a chart understands. */

import { withAlpha } from "./theme";
import { contains, type Rect, type Surface } from "./surface";

export interface GestureTarget {
  markRect(): Rect;
  hoverAt(x: number, y: number): void;
  hoverEnd(): void;
  /** Before any drag or click, with the keys that are held. */
  pressed(event: PointerEvent): void;
  clickAt(x: number, y: number): void;
  doubleClick(): void;
  wheelAt(x: number, y: number, event: WheelEvent): boolean;
  brushed(from: readonly [number, number], to: readonly [number, number]): void;
  dragAt(x: number, y: number, phase: "start" | "move" | "end"): boolean;
  brushKind(): "none" | "x" | "xy";
  keyPressed(event: KeyboardEvent): boolean;
  gesturesChanged(): void;
}

/** A shorter way is a click, not a drag. */
const CLICK_SLACK_PX = 4;

type Drag = {
  readonly from: readonly [number, number];
  to: readonly [number, number];
  readonly moving: boolean;
  far: boolean;
};

export class Gestures {
  /** Where the pointer is inside the marks, or null. */
  hover: readonly [number, number] | null = null;
  private drag: Drag | null = null;

  constructor(private readonly target: GestureTarget) {}

  /** Listens until the signal aborts. */
  listen(plot: HTMLElement, signal: AbortSignal): void {
    const options = { signal };
    const place = (event: MouseEvent): readonly [number, number] => {
      const box = plot.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    plot.addEventListener(
      "pointerdown",
      (event) => {
        const [x, y] = place(event);
        if (event.button !== 0 || !contains(this.target.markRect(), x, y)) return;
        this.target.pressed(event);
        const moving = this.target.dragAt(x, y, "start");
        this.drag = { from: [x, y], to: [x, y], moving, far: false };
        // A synthetic event has no pointer to capture.
        if (event.isTrusted) plot.setPointerCapture(event.pointerId);
      },
      options,
    );
    plot.addEventListener("pointermove", (event) => this.move(...place(event)), options);
    plot.addEventListener("pointerup", (event) => this.release(...place(event)), options);
    plot.addEventListener("pointercancel", () => this.cancel(), options);
    plot.addEventListener("pointerleave", () => this.leave(), options);
    plot.addEventListener("dblclick", () => this.target.doubleClick(), options);
    plot.addEventListener(
      "wheel",
      (event) => {
        if (this.target.wheelAt(...place(event), event)) event.preventDefault();
      },
      { signal, passive: false },
    );
    plot.addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Escape" && this.drag !== null) {
          this.cancel();
          event.stopPropagation();
        } else if (this.target.keyPressed(event)) {
          event.preventDefault();
          // The page listens for the same keys; a focused chart answers them alone.
          event.stopPropagation();
        }
      },
      options,
    );
    plot.addEventListener("blur", () => this.leave(), options);
  }

  /** Runs `draw` as if the pointer were elsewhere. */
  withoutHover(draw: () => void): void {
    const hover = this.hover;
    this.hover = null;
    draw();
    this.hover = hover;
  }

  /** The stretch being brushed, over everything else. */
  drawBrush(surface: Surface, rect: Rect): void {
    const drag = this.drag;
    if (drag === null || !drag.far || drag.moving || this.target.brushKind() === "none") return;
    const box = this.brushBox(drag, rect);
    const { ctx, theme } = surface;
    ctx.fillStyle = withAlpha(theme.accentLine, 0.14);
    ctx.fillRect(box.left, box.top, box.width, box.height);
    ctx.strokeStyle = theme.accentLine;
    ctx.lineWidth = 1;
    ctx.strokeRect(box.left, box.top, box.width, box.height);
  }

  private brushBox(drag: Drag, rect: Rect): Rect {
    const bothAxes = this.target.brushKind() === "xy";
    const clampX = (x: number) => Math.max(rect.left, Math.min(rect.left + rect.width, x));
    const clampY = (y: number) => Math.max(rect.top, Math.min(rect.top + rect.height, y));
    const left = clampX(Math.min(drag.from[0], drag.to[0]));
    const right = clampX(Math.max(drag.from[0], drag.to[0]));
    const top = bothAxes ? clampY(Math.min(drag.from[1], drag.to[1])) : rect.top;
    const bottom = bothAxes
      ? clampY(Math.max(drag.from[1], drag.to[1]))
      : rect.top + rect.height;
    return { left, top, width: right - left, height: bottom - top };
  }

  private move(x: number, y: number): void {
    const drag = this.drag;
    if (drag !== null) {
      drag.to = [x, y];
      drag.far ||= Math.hypot(x - drag.from[0], y - drag.from[1]) > CLICK_SLACK_PX;
      if (drag.moving && drag.far) this.target.dragAt(x, y, "move");
    }
    if (contains(this.target.markRect(), x, y)) {
      this.hover = [x, y];
      this.target.hoverAt(x, y);
    } else if (this.hover !== null) {
      this.hover = null;
      this.target.hoverEnd();
    }
    this.target.gesturesChanged();
  }

  private release(x: number, y: number): void {
    const drag = this.drag;
    this.drag = null;
    if (drag === null) return;
    if (!drag.far) this.target.clickAt(x, y);
    else if (drag.moving) this.target.dragAt(x, y, "end");
    else if (this.target.brushKind() !== "none") {
      const box = this.brushBox({ ...drag, to: [x, y] }, this.target.markRect());
      if (box.width > CLICK_SLACK_PX || box.height > CLICK_SLACK_PX) {
        this.target.brushed([box.left, box.top], [box.left + box.width, box.top + box.height]);
      }
    }
    this.target.gesturesChanged();
  }

  private cancel(): void {
    this.drag = null;
    this.target.gesturesChanged();
  }

  private leave(): void {
    if (this.hover === null) return;
    this.hover = null;
    this.target.hoverEnd();
    this.target.gesturesChanged();
  }
}
