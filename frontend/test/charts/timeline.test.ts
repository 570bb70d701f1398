// @vitest-environment happy-dom
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Timeline } from "../../src/charts/index";
import { drawn, furnishPage, HEIGHT, WIDTH } from "./page";
import { drag, heard, line, painted, plotOf, point, press, shown, STEPS } from "./stage";

beforeAll(furnishPage);
afterEach(() => document.body.replaceChildren());

describe("the timeline", () => {
  it("tells the step that was clicked, the nearest one logged", async () => {
    const chart = await shown(new Timeline(), { series: [line] });
    const cursors = heard("nn-cursor");
    // 600 px from the margin on are 60 steps.
    drag(chart, [52 + 234, 100], [52 + 234, 100]);
    expect(cursors).toEqual([{ step: 20 }]);
  });

  it("zooms to the stretch that was brushed, and out on a double click", async () => {
    const chart = await shown(new Timeline(), { series: [line] });
    const zooms = heard("nn-zoom");
    drag(chart, [52 + 105, 60], [52 + 395, 90]);
    plotOf(chart).dispatchEvent(new MouseEvent("dblclick"));
    expect(zooms).toEqual([{ range: [10, 40] }, { range: null }]);
  });

  it("moves the cursor when it is dragged, and does not zoom", async () => {
    const time = { zoom: null, cursor: 30, unit: "step" as const };
    const chart = await shown(new Timeline(), { series: [line], time });
    const cursors = heard("nn-cursor");
    const zooms = heard("nn-zoom");
    drag(chart, [52 + 301, 60], [52 + 401, 60]);
    expect(cursors).toEqual([{ step: 40 }]);
    expect(zooms).toEqual([]);
  });

  it("moves the cursor by keys, over the steps of all runs, and stops at the ends", async () => {
    const other = { ...line, run: "other", steps: STEPS.map((step) => step + 5) };
    const time = { zoom: null, cursor: 30, unit: "step" as const };
    const chart = await shown(new Timeline(), { series: [line, other], time });
    const cursors = heard("nn-cursor");
    for (const key of ["ArrowLeft", "ArrowRight", "Home", "End", "PageUp"]) press(chart, key);
    expect(cursors).toEqual([25, 35, 0, 65, 65].map((step) => ({ step })));
  });

  it("leaves keys with modifiers and unknown keys to the page", async () => {
    const chart = await shown(new Timeline(), { series: [line] });
    const cursors = heard("nn-cursor");
    const passed: string[] = [];
    document.body.addEventListener("keydown", (event) => passed.push(event.key));
    press(chart, "ArrowLeft", { ctrlKey: true });
    press(chart, "q");
    press(chart, "ArrowLeft");
    expect(passed).toEqual(["ArrowLeft", "q"]);
    expect(cursors).toEqual([{ step: 50 }]);
  });

  it("is a slider that says the step, with the time where that is the axis", async () => {
    const time = { zoom: null, cursor: 30, unit: "time" as const };
    const chart = await shown(new Timeline(), { series: [line], time, heading: "loss" });
    const plot = plotOf(chart);
    expect(plot.getAttribute("role")).toBe("slider");
    expect(plot.getAttribute("aria-label")).toBe("loss");
    expect(plot.getAttribute("aria-valuenow")).toBe("30");
    expect(plot.getAttribute("aria-valuetext")).toBe("step 30 · 30 s");
  });

  it("gives raw and smoothed values as CSV", async () => {
    const chart = await shown(new Timeline(), { series: [line], smoothing: 0.5 });
    const rows = chart.toCsv().trimEnd().split("\r\n");
    expect(rows[0]).toBe("run,tag,step,wall_time,value,smoothed");
    expect(rows[1]).toBe("digits/adam,loss,0,1000,6,6");
    // (0.5 · 6 + 5) / (0.5 + 1)
    expect(rows[2]).toBe("digits/adam,loss,10,1010,5,5.3333335");
    expect(rows).toHaveLength(8);
  });

  it("stops listening when it leaves the page", async () => {
    const chart = await shown(new Timeline(), { series: [line] });
    const cursors: unknown[] = [];
    chart.addEventListener("nn-cursor", (event) => cursors.push(event));
    chart.remove();
    press(chart, "ArrowLeft");
    expect(cursors).toEqual([]);
  });

  it("answers again after it was moved to another place of the page", async () => {
    const chart = await shown(new Timeline(), { series: [line] });
    chart.remove();
    document.body.append(chart);
    await chart.updateComplete;
    await painted();
    const cursors = heard("nn-cursor");
    press(chart, "ArrowLeft");
    drag(chart, [52 + 105, 60], [52 + 105, 60]);
    expect(cursors).toEqual([{ step: 50 }, { step: 10 }]);
    expect(chart.renderRoot.querySelectorAll(".uplot")).toHaveLength(1);
  });

  it("zooms to nothing when the brush is given up by Escape", async () => {
    const chart = await shown(new Timeline(), { series: [line] });
    const zooms = heard("nn-zoom");
    const cursors = heard("nn-cursor");
    point(chart, "pointerdown", 152, 60);
    point(chart, "pointermove", 352, 60);
    press(chart, "Escape");
    point(chart, "pointerup", 352, 60);
    expect([zooms, cursors]).toEqual([[], []]);
  });

  it("brushes up to the edge when the pointer leaves the marks", async () => {
    const chart = await shown(new Timeline(), { series: [line] });
    const zooms = heard("nn-zoom");
    drag(chart, [52 + 405, 60], [WIDTH + 200, -40]);
    expect(zooms).toEqual([{ range: [40, 60] }]);
  });

  it("keeps its plot when steps are added, and its place under the pointer", async () => {
    const chart = await shown(new Timeline(), { series: [line] });
    const plot = chart.renderRoot.querySelector(".uplot");
    point(chart, "pointermove", 52 + 301, 60);
    const tip = () => chart.renderRoot.querySelector(".tip b")?.textContent;
    await chart.updateComplete;
    expect(tip()).toBe("step 30");
    const more = Float64Array.from({ length: 13 }, (_, index) => index * 10);
    chart.series = [{ ...line, steps: more, wallTimes: more, values: new Float32Array(13) }];
    await chart.updateComplete;
    await painted();
    await chart.updateComplete;
    expect(chart.renderRoot.querySelector(".uplot")).toBe(plot);
    expect(tip()).toBe("step 60");
  });

  it("writes round steps under the plot, and none into the name of the axis", async () => {
    drawn.length = 0;
    await shown(new Timeline(), { series: [line] });
    const texts = drawn.filter(({ name }) => name === "fillText").map(({ args }) => args[0]);
    expect(texts).toEqual(expect.arrayContaining(["0", "10", "20", "30", "40", "50", "step"]));
    expect(texts).not.toContain("60");
  });

  it("numbers its axis where the loss has diverged", async () => {
    drawn.length = 0;
    const values = Float32Array.of(1, 1e10, 1e20, 1e30, 2e37, NaN, Infinity);
    await shown(new Timeline(), { series: [{ ...line, values }] });
    const texts = drawn.filter(({ name }) => name === "fillText").map(({ args }) => args[0]);
    expect(texts).toEqual(expect.arrayContaining(["0", "1e37", "2e37"]));
  });

  it("is kept as a picture of twice its size, with heading and margins, on any screen", async () => {
    vi.stubGlobal("devicePixelRatio", 3);
    const chart = await shown(new Timeline(), { series: [line], heading: "loss" });
    const blob = await chart.toPng();
    expect(await blob.text()).toBe(`${2 * (WIDTH + 24)} × ${2 * (HEIGHT + 34 + 30)}`);
    expect(document.querySelectorAll("body > .uplot")).toHaveLength(0);
    vi.unstubAllGlobals();
  });

  it("is no control while it is empty", async () => {
    const chart = await shown(new Timeline(), {});
    expect(plotOf(chart).getAttribute("role")).toBe("img");
    expect(plotOf(chart).hasAttribute("tabindex")).toBe(false);
    press(chart, "ArrowLeft");
  });
});
