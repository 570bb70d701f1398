import { describe, expect, it } from "vitest";
import { colormap, cssColor, lutIndex } from "../../src/pure/colormap";
import { float32Text, toCsv } from "../../src/pure/csv";
import { stepQuantiles } from "../../src/pure/quantiles";
import {
  finiteExtent,
  linearScale,
  logScale,
  positiveExtent,
  px,
  symlogScale,
} from "../../src/pure/scale";
import { smoothed } from "../../src/pure/smoothing";
import {
  axisDomain,
  axisPositions,
  columnsOf,
  coveredStretch,
  indexAtOrBefore,
  nearestIndex,
  positionOfStep,
} from "../../src/pure/step_axis";
import {
  formatCount,
  formatNumber,
  formatSeconds,
  formatShare,
  formatShareTick,
  formatTick,
  linearTicks,
  logTicks,
  symlogTicks,
  timeTickFormat,
  timeTicks,
} from "../../src/pure/ticks";

describe("scales", () => {
  it.each([
    ["linear", linearScale([-2, 6], [px(100), px(20)])],
    ["log", logScale([0.01, 100], [px(100), px(20)])],
    ["symlog", symlogScale([-50, 200], [px(100), px(20)], 0.1)],
  ])("a %s scale maps the ends of its domain to the ends of its range, and back", (_kind, scale) => {
    expect(scale.toPx(scale.domain[0])).toBeCloseTo(100, 9);
    expect(scale.toPx(scale.domain[1])).toBeCloseTo(20, 9);
    for (const place of [100, 71.3, 20, -5]) {
      expect(scale.toPx(scale.fromPx(px(place)))).toBeCloseTo(place, 6);
    }
    expect(scale.toPx(NaN)).toBeNaN();
  });

  it("draws a constant in the middle", () => {
    expect(linearScale([3, 3], [px(0), px(10)]).toPx(3)).toBe(5);
    expect(linearScale([0, 0], [px(0), px(10)]).toPx(0)).toBe(5);
    expect(logScale([3, 3], [px(0), px(10)]).toPx(3)).toBeCloseTo(5, 9);
  });

  it("gives equal ratios equal space on a log scale, and refuses zero", () => {
    const scale = logScale([1, 1000], [px(0), px(300)]);
    expect([10, 100].map(scale.toPx)).toEqual([expect.closeTo(100, 9), expect.closeTo(200, 9)]);
    expect(() => logScale([0, 1], [px(0), px(1)])).toThrow(RangeError);
    expect(() => symlogScale([0, 1], [px(0), px(1)], 0)).toThrow(RangeError);
  });

  it("finds extents among NaN and infinities", () => {
    expect(finiteExtent([[NaN, 3, -Infinity], [Infinity, -1]])).toEqual([-1, 3]);
    expect(finiteExtent([[NaN], []])).toBeNull();
    expect(positiveExtent([[-1, 0, 2, Infinity, 0.5]])).toEqual([0.5, 2]);
    expect(positiveExtent([[-1, 0]])).toBeNull();
  });
});

describe("ticks", () => {
  it("are round numbers inside the domain, whatever its size", () => {
    expect(linearTicks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearTicks([-5, 5], 4)).toEqual([-4, -2, 0, 2, 4]);
    expect(linearTicks([7, 7], 4)).toEqual([7]);
    expect(linearTicks([NaN, 1], 4)).toEqual([]);
    expect(linearTicks([2.3, 5.9], 2)).toEqual([3, 4, 5]);
    for (const magnitude of [1e-12, 1e-3, 1, 37, 1e9]) {
      for (const count of [2, 5, 9]) {
        const ticks = linearTicks([-0.31 * magnitude, 0.97 * magnitude], count);
        expect(ticks.length).toBeGreaterThanOrEqual(count / 2);
        expect(ticks.length).toBeLessThanOrEqual(count * 2);
        expect(Math.min(...ticks)).toBeGreaterThanOrEqual(-0.31 * magnitude);
        expect(Math.max(...ticks)).toBeLessThanOrEqual(0.97 * magnitude * (1 + 1e-9));
      }
    }
  });

  it("are never one alone, which would tell no distance", () => {
    for (let low = -3; low < 3; low += 0.07) {
      for (let size = 0.1; size < 40; size *= 1.3) {
        for (const count of [1, 2, 3, 4]) {
          expect(linearTicks([low, low + size], count).length, `${low} + ${size} in ${count}`).toBeGreaterThan(1);
        }
      }
    }
  });

  it("are powers of ten on a log scale, and round numbers within one decade", () => {
    expect(logTicks([1e-4, 1e2], 7)).toEqual([1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100]);
    expect(logTicks([1e-9, 1e9], 4).length).toBeLessThanOrEqual(5);
    expect(logTicks([2, 8], 4)).toEqual([2, 4, 6, 8]);
    expect(logTicks([0.23, 5.6], 6)).toEqual([0.5, 1, 2, 5]);
    expect(logTicks([0, 8], 4)).toEqual([]);
  });

  it("are whole minutes, hours and days on an axis of time", () => {
    expect(timeTicks([0, 40], 4)).toEqual([0, 10, 20, 30, 40]);
    expect(timeTicks([0, 460], 5).map(formatSeconds)).toEqual(["0 s", "2 min", "4 min", "6 min"]);
    expect(timeTicks([3000, 30000], 4).map((tick) => tick / 3600)).toEqual([2, 4, 6, 8]);
    expect(timeTicks([0, 30 * 86400], 4).map((tick) => tick / 86400)).toEqual([0, 10, 20, 30]);
  });

  it("stand on both sides of zero on a symlog scale", () => {
    const ticks = symlogTicks([-100, 1000], 8);
    expect(ticks).toContain(0);
    expect(ticks).toContain(-100);
    expect(ticks).toContain(1000);
    expect([...ticks].sort((a, b) => a - b)).toEqual(ticks);
  });

  it.each([
    [0, "0"], [0.012345, "0.0123"], [2750, "2,750"], [1234567, "1.23e6"], [-3, "−3"],
    [1.2e-5, "1.2e−5"], [NaN, "NaN"], [-Infinity, "−Inf"], [999.9, "1000"], [-0.5, "−0.5"],
  ])("writes %d as %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });

  it("reads differently at every tick, however narrow the range", () => {
    for (const [low, high] of [[2.302, 2.304], [12, 12.1], [1000, 1002], [0.0501, 0.0502], [5e6, 5.00001e6]] as const) {
      const texts = linearTicks([low, high], 5).map(formatTick);
      expect(new Set(texts).size, texts.join(" ")).toBe(texts.length);
      texts.forEach((text, place) => {
        const read = Number(text.replace(/,/g, ""));
        expect(read).toBeCloseTo(linearTicks([low, high], 5)[place]!, 9);
      });
    }
    expect([0.5, 0.505, 0.07].map(formatShareTick)).toEqual(["50 %", "50.5 %", "7 %"]);
    expect([0, 120, 7260].map(timeTickFormat([0, 60]))).toEqual(["0 min", "2 min", "121 min"]);
    expect([0, 10].map(timeTickFormat([0, 10]))).toEqual(["0 s", "10 s"]);
  });

  it("never rounds nearly all to all", () => {
    expect([0.9951, 0.9989, 0.9999, 1, -0.9999].map(formatShare)).toEqual(["99.5 %", "99.8 %", "99.9 %", "100 %", "-99.9 %"]);
  });

  it("writes counts, shares and spans of time", () => {
    expect(formatCount(16384)).toBe("16,384");
    expect(formatCount(-1234567)).toBe("−1,234,567");
    expect([0.41, 0.006, 0, NaN].map(formatShare)).toEqual(["41 %", "0.6 %", "0 %", "—"]);
    expect([45, 720, 5400, 7200, 200000].map(formatSeconds)).toEqual([
      "45 s", "12 min", "90 min", "2 h", "2.31 d",
    ]);
  });
});

describe("the step axis", () => {
  const source = {
    steps: Float64Array.from([0, 10, 20, 40]),
    wallTimes: Float64Array.from([1000, 1001, 1000.5, 1009]),
    start: null,
  };

  it("is the steps themselves, or seconds since the start that never run back", () => {
    expect(axisPositions(source, "step")).toBe(source.steps);
    expect([...axisPositions(source, "time")]).toEqual([0, 1, 1, 9]);
  });

  it("counts seconds from when the run began, which what was logged late did not", () => {
    const late = { steps: Float64Array.of(30, 60), wallTimes: Float64Array.of(1060, 1120) };
    expect([...axisPositions({ ...late, start: 1000 }, "time")]).toEqual([60, 120]);
    expect([...axisPositions({ ...late, start: null }, "time")]).toEqual([0, 60]);
    // An old log written anew: its file began after all that it tells of.
    expect([...axisPositions({ ...late, start: 9000 }, "time")]).toEqual([0, 60]);
  });

  it("finds the place of steps between the logged ones and beyond them", () => {
    const positions = axisPositions(source, "time");
    expect([-5, 5, 30, 99].map((step) => positionOfStep(step, source.steps, positions))).toEqual([
      0, 0.5, 5, 9,
    ]);
  });

  it("spans all runs, or the zoom", () => {
    const other = { steps: Float64Array.of(5, 90), wallTimes: Float64Array.of(0, 3), start: null };
    expect(axisDomain([source, other], null, "step")).toEqual([0, 90]);
    expect(axisDomain([source, other], [10, 30], "step")).toEqual([10, 30]);
    expect(axisDomain([source], [20, 40], "time")).toEqual([1, 9]);
    expect(axisDomain([], null, "step")).toBeNull();
  });

  it("finds the nearest and the last index as a slow oracle does", () => {
    const sorted = [0, 3, 4, 4.5, 10, 50];
    for (let value = -2; value < 60; value += 0.25) {
      const distances = sorted.map((entry) => Math.abs(entry - value));
      expect(nearestIndex(sorted, value)).toBe(distances.indexOf(Math.min(...distances)));
      expect(indexAtOrBefore(sorted, value)).toBe(
        sorted.filter((entry) => entry <= value).length - 1,
      );
    }
    expect(nearestIndex([], 3)).toBe(-1);
  });

  it("stands for what lies a gap beyond the outer samples, and for no more", () => {
    expect(coveredStretch([10, 20, 40], [0, 100])).toEqual([0, 60]);
    expect(coveredStretch([10, 20, 40], [15, 30])).toEqual([15, 30]);
    expect(coveredStretch([50, 60], [0, 100])).toEqual([40, 70]);
    expect(coveredStretch([50], [0, 100])).toEqual([0, 100]);
    const [from, to] = coveredStretch([10, 20], [50, 90]);
    expect(to - from).toBe(0);
  });

  it("puts every sample in exactly one column when they are pooled", () => {
    const positions = Float64Array.from({ length: 1000 }, (_, index) => index ** 1.3);
    const columns = columnsOf(positions, [0, positions.at(-1)!], 100);
    const seen = new Array<number>(1000).fill(0);
    for (let column = 0; column < 100; column++) {
      expect(columns.end[column]).toBeGreaterThan(columns.start[column]!);
      for (let index = columns.start[column]!; index < columns.end[column]!; index++) seen[index]!++;
    }
    expect(seen.every((count) => count >= 1)).toBe(true);
  });

  it("shows the nearest sample where columns are finer than samples", () => {
    const columns = columnsOf([0, 10], [0, 10], 10);
    expect([...columns.start]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  });
});

describe("smoothing", () => {
  it("is the debiased average by its definition: a weighted mean of all values so far", () => {
    const values = Float32Array.from([4, 2, 8, NaN, 1, Infinity, 3]);
    const result = smoothed(values, 0.6);
    const past: number[] = [];
    values.forEach((value, index) => {
      if (!Number.isFinite(value)) {
        expect(result[index]).toBe(value);
        return;
      }
      past.push(value);
      const weights = past.map((_, place) => 0.6 ** (past.length - 1 - place));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const mean = past.reduce((sum, entry, place) => sum + entry * weights[place]!, 0) / total;
      expect(result[index]).toBeCloseTo(mean, 5);
    });
  });

  it("leaves constants alone and refuses 1", () => {
    const constant = Float32Array.from([0.1, 0.1, 0.1]);
    expect(smoothed(constant, 0.9)).toBe(constant);
    expect(() => smoothed(constant, 1)).toThrow(RangeError);
  });
});

describe("stepQuantiles", () => {
  it("matches values worked out by hand and leaves NaN out", () => {
    // Columns: [1, 2, 3, 4], [NaN, 10, 20, 30], [NaN × 4]
    const values = Float32Array.from([4, NaN, NaN, 1, 10, NaN, 3, 30, NaN, 2, 20, NaN]);
    expect([...stepQuantiles(values, 3, [0, 0.5, 0.75])]).toEqual([
      1, 10, NaN, 2.5, 20, NaN, 3.25, 25, NaN,
    ]);
  });
});

describe("colours", () => {
  it("run from the published first to the published last colour", () => {
    expect(cssColor(colormap("viridis")[0]!)).toBe("rgb(68 1 84 / 1)");
    expect(cssColor(colormap("viridis")[255]!)).toBe("rgb(253 231 37 / 1)");
    expect(cssColor(colormap("cividis")[0]!)).toBe("rgb(0 34 78 / 1)");
    expect(cssColor(colormap("cividis")[255]!)).toBe("rgb(254 232 56 / 1)");
  });

  it.each(["viridis", "cividis"] as const)("%s grows lighter all the way", (name) => {
    const lightness = [...colormap(name)].map(
      (color) => 0.2126 * (color & 255) + 0.7152 * ((color >>> 8) & 255) + 0.0722 * ((color >>> 16) & 255),
    );
    for (let index = 1; index < lightness.length; index++) {
      expect(lightness[index]).toBeGreaterThan(lightness[index - 1]! - 1);
    }
  });

  it("holds values outside to the ends", () => {
    expect([-9, 0, 0.5, 1, 9].map((value) => lutIndex(value, 0, 1))).toEqual([0, 0, 128, 255, 255]);
    expect(lutIndex(4, 4, 4)).toBe(128);
  });
});

describe("csv", () => {
  it("is read back by the grammar of RFC 4180", () => {
    const text = toCsv(["run", "a,b"], [['say "hi"\n', 1.5], ["plain", NaN]]);
    expect(text).toBe('run,"a,b"\r\n"say ""hi""\n",1.5\r\nplain,NaN\r\n');
  });

  it("disarms formulas in names but not numbers", () => {
    expect(toCsv(["=1+1"], [["-3"], ["-cmd"], ["@x"]])).toBe("'=1+1\r\n-3\r\n'-cmd\r\n'@x\r\n");
  });

  it("writes float32 with as many digits as it holds", () => {
    const values = Float32Array.from([0.1, 1 / 3, 16777216, 1e-20, -2.5, 3.4e38]);
    values.forEach((value) => expect(Math.fround(Number(float32Text(value)))).toBe(value));
    expect(float32Text(values[0]!)).toBe("0.1");
    expect(float32Text(NaN)).toBe("NaN");
  });
});
