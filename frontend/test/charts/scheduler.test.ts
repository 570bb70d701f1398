// @vitest-environment happy-dom
import { beforeAll, expect, it, vi } from "vitest";
import { schedulePaint, type Paintable } from "../../src/charts/scheduler";
import "../../src/charts/sparkline";
import { furnishPage } from "./page";

beforeAll(furnishPage);

it("reads the sizes of all charts of a frame before it paints any", async () => {
  const calls: string[] = [];
  const chart = (name: string): Paintable =>
    Object.assign(document.createElement("div"), {
      measure: () => calls.push(`measure ${name}`),
      paintNow: () => calls.push(`paint ${name}`),
    });
  schedulePaint(chart("a"));
  schedulePaint(chart("b"));
  await new Promise(requestAnimationFrame);
  expect(calls).toEqual(["measure a", "measure b", "paint a", "paint b"]);
});

it("asks the page for no size while small charts paint", async () => {
  const size = vi.spyOn(HTMLElement.prototype, "clientWidth", "get");
  const widths: number[] = [];
  const made = Array.from({ length: 3 }, () => document.createElement("nn-sparkline"));
  document.body.append(...made);
  await Promise.all(made.map((chart) => (chart as unknown as { updateComplete: Promise<void> }).updateComplete));
  for (const chart of made) {
    const paint = chart as unknown as Paintable;
    const before = paint.paintNow.bind(paint);
    paint.paintNow = () => {
      const asked = size.mock.calls.length;
      before();
      widths.push(size.mock.calls.length - asked);
    };
  }
  for (const chart of made) schedulePaint(chart as unknown as Paintable);
  await new Promise(requestAnimationFrame);
  expect(widths).toEqual([0, 0, 0]);
  expect(size).toHaveBeenCalled();
  document.body.replaceChildren();
});
