// @vitest-environment happy-dom
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { ActivityBars, HeatMap, PathChart, Trajectories, WeightsChart } from "../../src/charts/index";
import { drawn, furnishPage } from "./page";
import { axes, drag, heard, line, matrix, painted, plotOf, press, shown, style } from "./stage";

beforeAll(furnishPage);
afterEach(() => document.body.replaceChildren());

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
