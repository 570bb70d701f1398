/** Charts on a page, with something to draw, and what a reader does to them. */

import type { ChartElement } from "../../src/charts/chart_element";
import type { LineSeries, Matrix } from "../../src/charts/contract";

export const STEPS = Float64Array.from([0, 10, 20, 30, 40, 50, 60]);
export const WALL = STEPS.map((step) => 1000 + step);
export const axes = { steps: STEPS, wallTimes: WALL };
export const style = { run: "digits/adam", color: "#425066", start: null };

export const line: LineSeries = {
  ...style,
  ...axes,
  label: "loss",
  values: Float32Array.from([6, 5, 4, 3, 2, 1, 0.5]),
};
export const matrix: Matrix = {
  ...style,
  ...axes,
  values: Float32Array.from({ length: 21 }, (_, index) => Math.floor(index / 7) + (index % 7) / 10),
  rows: Int32Array.from([4, 17, 99]),
};

export async function shown<T extends ChartElement>(chart: T, properties: Partial<T>): Promise<T> {
  Object.assign(chart, properties);
  document.body.append(chart);
  await chart.updateComplete;
  await painted();
  return chart;
}

/** After the next frame, and what uPlot does behind it. */
export async function painted(): Promise<void> {
  await new Promise((resolve) => requestAnimationFrame(resolve));
  await Promise.resolve();
}

/** Every event of that name, from now on, as a view above the chart would hear it. */
export function heard(name: string): unknown[] {
  const details: unknown[] = [];
  document.body.addEventListener(name, (event) => details.push((event as CustomEvent).detail));
  return details;
}

export function plotOf(chart: ChartElement): HTMLElement {
  const plot = chart.renderRoot.querySelector<HTMLElement>(".plot");
  if (plot === null) throw new Error("the chart has no plot");
  return plot;
}

export function press(chart: ChartElement, key: string, init: KeyboardEventInit = {}): void {
  plotOf(chart).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, ...init }));
}

/** In pixels of the chart, as a pointer over the marks does. */
export function point(chart: ChartElement, type: string, x: number, y: number): void {
  const over = chart.renderRoot.querySelector(".u-over");
  if (over === null) throw new Error("the chart has no marks");
  const place = { clientX: x, clientY: y, movementX: 1 };
  over.dispatchEvent(new PointerEvent(type, { ...place, button: 0, bubbles: true }));
}

export function drag(chart: ChartElement, from: [number, number], to: [number, number]): void {
  point(chart, "pointerdown", ...from);
  point(chart, "pointermove", ...to);
  point(chart, "pointerup", ...to);
}
