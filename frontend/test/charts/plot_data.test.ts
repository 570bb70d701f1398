// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import type { PlotLine } from "../../src/charts/plot_spec";
import { linearScale, logScale, px, type Scale } from "../../src/pure/scale";

// uPlot asks the window for its density when it is loaded.
vi.stubGlobal("matchMedia", () => ({ addEventListener: () => undefined }));
const { plotData, unitOf } = await import("../../src/charts/plot_data");

const linear = linearScale([0, 1], [px(100), px(0)]);
const ENDS = [0, 1] as const;

function line(xs: ArrayLike<number>, values: ArrayLike<number>): PlotLine {
  return { xs, values, color: "#000", width: 1 };
}
function dataOf(lines: PlotLine[], scale: Scale = linear) {
  return plotData(lines, () => scale, ENDS);
}

describe("plotData", () => {
  it("hands over values that are all numbers without copying them", () => {
    const xs = Float64Array.of(0, 1, 2);
    const values = Float32Array.of(1, 2, 3);
    expect(dataOf([line(xs, values)]).columns[1]).toBe(values);
  });

  it("leaves a gap for what is not a finite number", () => {
    const values = Float32Array.of(1, NaN, Infinity, 4);
    expect(dataOf([line([0, 1, 2, 3], values)]).columns[1]).toEqual([1, null, null, 4]);
  });

  it("leaves a gap for what a logarithmic axis cannot show", () => {
    const scale = logScale([0.1, 10], [px(100), px(0)]);
    const values = Float32Array.of(1, 0, -1, 4);
    expect(dataOf([line([0, 1, 2, 3], values)], scale).columns[1]).toEqual([1, null, null, 4]);
  });

  it("finds the points that no line reaches, across the steps of other runs", () => {
    const [first, second] = dataOf([
      line(Float64Array.of(0, 2, 4), Float32Array.of(1, NaN, 3)),
      line(Float64Array.of(0, 1, 2), Float32Array.of(5, 6, 7)),
    ]).lonely;
    // Step 0 of the first stands before a gap, step 4 behind it.
    expect(first).toEqual([0, 3]);
    expect(second).toEqual([]);
  });

  it("keeps the order of lines whose runs logged other steps", () => {
    const own = Float64Array.of(0, 2);
    const { columns } = dataOf([
      line(own, Float32Array.of(1, 2)),
      line(Float64Array.of(1, 2), Float32Array.of(3, 4)),
      line(own, Float32Array.of(5, 6)),
    ]);
    expect(columns[0]).toEqual([0, 1, 2]);
    expect(columns.slice(1)).toEqual([
      [1, undefined, 2],
      [undefined, 3, 4],
      [5, undefined, 6],
    ]);
  });

  it("gives a plot without lines the ends of its axis", () => {
    expect(dataOf([]).columns).toEqual([[0, 1]]);
  });
});

describe("unitOf", () => {
  it("divides diverged values down to what uPlot has digits for", () => {
    expect(unitOf(linear)).toBe(1);
    const far = linearScale([-3e37, 2e37], [px(100), px(0)]);
    expect(unitOf(far)).toBe(1e37);
    const values = Float32Array.of(2e37, -3e37);
    const [high, low] = dataOf([line([0, 1], values)], far).columns[1] as number[];
    expect(high).toBeCloseTo(2, 5);
    expect(low).toBeCloseTo(-3, 5);
  });
});
