// @vitest-environment happy-dom
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { CurveChart, DensityStrip } from "../../src/charts/index";
import { furnishPage } from "./page";
import { axes, drag, heard, plotOf, press, shown, style } from "./stage";

beforeAll(furnishPage);
afterEach(() => document.body.replaceChildren());

describe("curves and densities", () => {
  const density = {
    ...style,
    ...axes,
    edges: Float32Array.from([-1, 0, 1]),
    counts: Float32Array.from({ length: 14 }, (_, index) => index),
  };

  it("read out function, slope and share of the inputs under the keyboard", async () => {
    const x = Float32Array.from([-2, 0, 2]);
    const curve = { ...style, x, f: x.map((v) => Math.max(0, v)), slope: Float32Array.of(0, 1, 1), bands: 1 as const };
    const chart = await shown(new CurveChart(), {
      curves: [curve],
      inputs: [density],
      xDomain: [-2, 2],
    });
    for (let press_ = 0; press_ < 10; press_++) press(chart, "ArrowRight", { shiftKey: true });
    await chart.updateComplete;
    expect(plotOf(chart).getAttribute("aria-valuetext")).toBe(
      "x = 2, f(x) 2, f′(x) 1, share of inputs within ±0.1 0 %",
    );
  });

  it("write the counts of the step at the cursor as CSV", async () => {
    const time = { zoom: null, cursor: 12, unit: "step" as const };
    const chart = await shown(new CurveChart(), { inputs: [density], time });
    expect(chart.toCsv().trimEnd().split("\r\n").slice(1)).toEqual([
      "digits/adam,input,,-1,0,,,2",
      "digits/adam,input,,0,1,,,3",
    ]);
  });

  it("strips tell the step that was clicked", async () => {
    const chart = await shown(new DensityStrip(), { series: density });
    const cursors = heard("nn-cursor");
    drag(chart, [52 + 300, 100], [52 + 300, 100]);
    expect(cursors).toEqual([{ step: 30 }]);
  });

  it("stands on the axis of all the strips it is shown with, and paints only where it has steps", async () => {
    const other = { ...axes, start: null, steps: axes.steps.map((step) => 4 * step) };
    const strip = await shown(new DensityStrip(), { series: density, span: [density, other] });
    expect(strip["stepDomain"]()).toEqual([0, 240]);
    const plot = { left: 100, top: 0, width: 480, height: 50 };
    // Steps 0 to 60, ten apart, on an axis to 240: the last one stands until 70.
    expect(strip["covered"](density, plot).rect).toEqual({ ...plot, width: 140 });
  });
});
