// @vitest-environment happy-dom
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { LineSeries, Matrix } from "../../src/charts/contract";
import {
  ActivityBars,
  CurveChart,
  DensityStrip,
  HeatMap,
  PathChart,
  Timeline,
  Trajectories,
  WeightsChart,
} from "../../src/charts/index";
import type { ChartElement } from "../../src/charts/chart_element";
import { drawn, furnishPage, HEIGHT, WIDTH } from "./page";

beforeAll(furnishPage);
afterEach(() => document.body.replaceChildren());

const STEPS = Float64Array.from([0, 10, 20, 30, 40, 50, 60]);
const WALL = STEPS.map((step) => 1000 + step);
const axes = { steps: STEPS, wallTimes: WALL };
const style = { run: "digits/adam", color: "#425066" };

const line: LineSeries = {
  ...style,
  ...axes,
  label: "loss",
  values: Float32Array.from([6, 5, 4, 3, 2, 1, 0.5]),
};
const matrix: Matrix = {
  ...style,
  ...axes,
  values: Float32Array.from({ length: 21 }, (_, index) => Math.floor(index / 7) + (index % 7) / 10),
  rows: Int32Array.from([4, 17, 99]),
};

async function shown<T extends ChartElement>(chart: T, properties: Partial<T>): Promise<T> {
  Object.assign(chart, properties);
  document.body.append(chart);
  await chart.updateComplete;
  await painted();
  return chart;
}

/** After the next frame, and what uPlot does behind it. */
async function painted(): Promise<void> {
  await new Promise((resolve) => requestAnimationFrame(resolve));
  await Promise.resolve();
}

/** Every event of that name, from now on, as a view above the chart would hear it. */
function heard(name: string): unknown[] {
  const details: unknown[] = [];
  document.body.addEventListener(name, (event) => details.push((event as CustomEvent).detail));
  return details;
}

function plotOf(chart: ChartElement): HTMLElement {
  const plot = chart.renderRoot.querySelector<HTMLElement>(".plot");
  if (plot === null) throw new Error("the chart has no plot");
  return plot;
}

function press(chart: ChartElement, key: string, init: KeyboardEventInit = {}): void {
  plotOf(chart).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, ...init }));
}

/** In pixels of the chart, as a pointer over the marks does. */
function point(chart: ChartElement, type: string, x: number, y: number): void {
  const over = chart.renderRoot.querySelector(".u-over");
  if (over === null) throw new Error("the chart has no marks");
  const place = { clientX: x, clientY: y, movementX: 1 };
  over.dispatchEvent(new PointerEvent(type, { ...place, button: 0, bubbles: true }));
}

function drag(chart: ChartElement, from: [number, number], to: [number, number]): void {
  point(chart, "pointerdown", ...from);
  point(chart, "pointermove", ...to);
  point(chart, "pointerup", ...to);
}

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

describe("a move of the step cursor", () => {
  const activity = matrix.values.map((value) => (value % 1) * (1 - value / 4));
  const at = (cursor: number) => ({ zoom: null, cursor, unit: "step" as const });
  const given = { matrix: { ...matrix, values: activity } };

  it("draws what a chart would that begins at that step, axes and all", async () => {
    const chart = await shown(new ActivityBars(), { ...given, time: at(10) });
    drawn.length = 0;
    chart.time = at(50);
    await chart.updateComplete;
    await painted();
    const moved = [...drawn];
    chart.remove();
    const fresh = await shown(new ActivityBars(), { ...given, time: at(10) });
    Object.assign(fresh, { time: at(50), words: { ...fresh.words } });
    drawn.length = 0;
    await fresh.updateComplete;
    await painted();
    const marks = ({ name }: { name: string }) => name === "fillText" || name === "fillRect";
    expect(moved.filter(marks)).toEqual(drawn.filter(marks));
    expect(moved.some(({ name }) => name === "fillText")).toBe(true);
  });
});

describe("the heat map", () => {
  const order = Int32Array.from([2, 0, 1]);

  it("pins the neuron of the row that was clicked, in the order shown", async () => {
    const chart = await shown(new HeatMap(), { matrix, order });
    const pins = heard("nn-pin");
    const { top, height } = chart.markRect();
    for (const place of [0, 1, 2]) {
      const y = top + (height * (place + 0.5)) / 3;
      drag(chart, [200, y], [200, y]);
    }
    expect(pins).toEqual([{ neuron: 99 }, { neuron: 4 }, { neuron: 17 }]);
  });

  it("walks over rows by keys, reads them out and pins by Enter", async () => {
    const chart = await shown(new HeatMap(), { matrix, order });
    const pins = heard("nn-pin");
    press(chart, "ArrowDown");
    press(chart, "ArrowDown");
    await chart.updateComplete;
    expect(plotOf(chart).getAttribute("aria-valuetext")).toBe("neuron 4, step 60: 0.6");
    press(chart, "Enter");
    expect(pins).toEqual([{ neuron: 4 }]);
  });

  it("zooms rows inside and steps everywhere by one brush", async () => {
    const rows = Int32Array.from({ length: 100 }, (_, row) => row);
    const values = new Float32Array(700);
    const chart = await shown(new HeatMap(), { matrix: { ...matrix, rows, values } });
    const zooms = heard("nn-zoom");
    const pins = heard("nn-pin");
    const { top, height } = chart.markRect();
    drag(chart, [52 + 100, top + height * 0.5], [52 + 300, top + height * 0.6]);
    expect(zooms).toEqual([{ range: [10, 30] }]);
    drag(chart, [100, top + 1], [100, top + 1]);
    expect(pins).toEqual([{ neuron: 50 }]);
  });

  it("keeps pooled rows for a zoom over steps, and for nothing else", async () => {
    const pixelsOf = async (properties: Partial<HeatMap>, chart?: HeatMap): Promise<string> => {
      drawn.length = 0;
      if (chart === undefined) await shown(new HeatMap(), properties);
      else {
        Object.assign(chart, properties);
        await chart.updateComplete;
        await painted();
      }
      const [image] = drawn.filter(({ name }) => name === "putImageData").at(-1)!.args;
      return String((image as ImageData).data);
    };
    const zoomed = { zoom: [10, 40] as const, cursor: null, unit: "step" as const };
    const grown = { ...matrix, values: matrix.values.map((value) => value ** 2) };
    const changes: Partial<HeatMap>[] = [
      { matrix, order },
      { time: zoomed },
      { order: Int32Array.from([1, 0, 2]) },
      { pooling: "mean" },
      { map: "diverging" },
      { matrix: grown },
    ];
    const chart = await shown(new HeatMap(), { matrix, order });
    let all: Partial<HeatMap> = {};
    for (const change of changes) {
      all = { ...all, ...change };
      expect(await pixelsOf({ ...change, words: { ...chart.words } }, chart)).toBe(await pixelsOf(all));
    }
  });

  it("writes rows in the order shown as CSV", async () => {
    const chart = await shown(new HeatMap(), { matrix, order });
    const lines = chart.toCsv().split("\r\n");
    expect(lines[0]).toBe("neuron,step 0,step 10,step 20,step 30,step 40,step 50,step 60");
    expect(lines[1]).toBe("99,2,2.1,2.2,2.3,2.4,2.5,2.6");
  });
});

describe("trajectories", () => {
  it("pin the line under the pointer, and move the cursor where there is none", async () => {
    const flat = { ...matrix, values: Float32Array.from({ length: 21 }, (_, i) => (i / 7) | 0) };
    const chart = await shown(new Trajectories(), { matrix: flat });
    const pins = heard("nn-pin");
    const cursors = heard("nn-cursor");
    const { top, height } = chart.markRect();
    drag(chart, [250, top + height / 2], [250, top + height / 2]);
    drag(chart, [250, top + height / 4], [250, top + height / 4]);
    expect(pins).toEqual([{ neuron: 17 }]);
    expect(cursors).toEqual([{ step: 20 }]);
  });

  it("write every line and its quantiles as CSV", async () => {
    const chart = await shown(new Trajectories(), { matrix });
    const [header, first] = chart.toCsv().split("\r\n");
    expect(header).toBe(
      "step,wall_time,p0,p1,p5,p25,p50,p75,p95,p99,p100,neuron 4,neuron 17,neuron 99",
    );
    expect(first).toBe("0,1000,0,0.02,0.1,0.5,1,1.5,1.9,1.98,2,0,1,2");
  });
});

describe("activity bars", () => {
  it("pin the neuron under the pointer at the step of the cursor", async () => {
    const time = { zoom: null, cursor: 10, unit: "step" as const };
    const chart = await shown(new ActivityBars(), { matrix, time, sorted: true });
    const pins = heard("nn-pin");
    drag(chart, [60, 100], [60, 100]);
    expect(pins).toEqual([{ neuron: 99 }]);
    expect(chart.toCsv().split("\r\n")[1]).toBe("digits/adam,10,99,2.1");
  });

  it("mean the least active of the neurons that share a bar", async () => {
    const rows = Int32Array.from({ length: 16_384 }, (_, row) => row);
    const values = new Float32Array(16_384).fill(0.5);
    values[3] = 0;
    const one = { steps: Float64Array.of(0), wallTimes: Float64Array.of(0) };
    const chart = await shown(new ActivityBars(), { matrix: { ...style, ...one, rows, values } });
    const pins = heard("nn-pin");
    drag(chart, [52.5, 100], [52.5, 100]);
    expect(pins).toEqual([{ neuron: 3 }]);
  });
});

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
});

describe("paths and weights", () => {
  it("pin the path under the pointer", async () => {
    const points = Float32Array.from({ length: 28 }, (_, index) => {
      const [row, step, axis] = [Math.floor(index / 14), Math.floor(index / 2) % 7, index % 2];
      return axis === 0 ? step : row;
    });
    const neurons = Int32Array.from([5, 8]);
    const paths = { ...style, ...axes, neurons, points, explained: [0.6, 0.2] as const };
    const chart = await shown(new PathChart(), { paths });
    const pins = heard("nn-pin");
    const { left, top, width, height } = chart.markRect();
    // Six units across set the scale, so the two rows are a sixth of the width apart.
    const unit = width / (6 * 1.08);
    const y = top + height / 2 + unit / 2;
    drag(chart, [left + width / 2, y], [left + width / 2, y]);
    expect(pins).toEqual([{ neuron: 5 }]);
    expect(chart.toCsv().split("\r\n")[1]).toBe("digits/adam,5,0,0,0");
  });

  it("write raw weights and biases as CSV", async () => {
    const chart = await shown(new WeightsChart(), {
      neurons: [{ neuron: 17, color: "#e52592", weights: matrix, bias: line }],
    });
    const rows = chart.toCsv().trimEnd().split("\r\n");
    expect(rows[1]).toBe("digits/adam,17,weight 4,0,0");
    expect(rows.at(-1)).toBe("digits/adam,17,bias,60,0.5");
    expect(rows).toHaveLength(1 + 3 * 7 + 7);
  });
});
