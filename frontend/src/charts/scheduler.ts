/** One animation frame for all charts of the page, and none for charts nobody sees. */

export interface Paintable extends Element {
  /** Reads its size from the page; told to all charts of a frame before any of them paints. */
  measure?(): void;
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
  const due = [...waiting].filter((chart) => visible.get(chart) !== false);
  // A canvas that changes its size spoils the layout: read after it, each size would cost one anew.
  for (const chart of due) chart.measure?.();
  for (const chart of due) {
    waiting.delete(chart);
    chart.paintNow();
  }
}
