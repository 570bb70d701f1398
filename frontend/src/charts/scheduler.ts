/** One animation frame for all charts of the page, and none for charts nobody sees. */

export interface Paintable extends Element {
  paintNow(): void;
}

const waiting = new Set<Paintable>();
const visible = new WeakMap<Element, boolean>();
let frame = 0;
let observer: IntersectionObserver | null = null;

/** Paints the chart in the next frame, or when it comes into view. */
export function schedulePaint(chart: Paintable): void {
  waiting.add(chart);
  if (frame === 0 && visible.get(chart) !== false) frame = requestAnimationFrame(paintWaiting);
}

/** Follows whether the chart is in view, until the signal aborts. */
export function followVisibility(chart: Paintable, signal: AbortSignal): void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        visible.set(entry.target, entry.isIntersecting);
        if (entry.isIntersecting && waiting.has(entry.target as Paintable)) {
          schedulePaint(entry.target as Paintable);
        }
      }
    },
    // A little ahead, so that scrolling never shows a stale chart.
    { rootMargin: "200px" },
  );
  observer.observe(chart);
  signal.addEventListener("abort", () => {
    observer?.unobserve(chart);
    visible.delete(chart);
    waiting.delete(chart);
  });
}

function paintWaiting(): void {
  frame = 0;
  for (const chart of [...waiting]) {
    if (visible.get(chart) === false) continue;
    waiting.delete(chart);
    chart.paintNow();
  }
}
