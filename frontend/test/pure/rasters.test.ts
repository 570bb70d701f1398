import { describe, expect, it } from "vitest";
import { alphaRamp, colormap, packed } from "../../src/pure/colormap";
import {
  densityQuantiles,
  frequencyPolygon,
  densityStrip,
  differenceStrip,
  resampledCounts,
  shareBetween,
  signedColors,
  stripColors,
} from "../../src/pure/density_raster";
import { colored, pooledValues, type Pooling } from "../../src/pure/heat_raster";
import { stepExtents } from "../../src/pure/quantiles";
import { linearScale, logScale, px, type Scale } from "../../src/pure/scale";
import { columnsOf } from "../../src/pure/step_axis";
import { densityColors, densityCounts } from "../../src/pure/trajectory_raster";

/** Seeded, so that a failure repeats. Source: Steele, Lea & Flood (2014), mixing of mulberry32. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomMatrix(seed: number, size: number, nanShare = 0): Float32Array {
  const random = uniform(seed);
  return Float32Array.from({ length: size }, () =>
    random() < nanShare ? NaN : random() * 4 - 2,
  );
}

/** The same picture, thought of pixel by pixel and line by line. */
function naiveCounts(
  values: Float32Array,
  steps: number,
  yOf: Scale,
  width: number,
  height: number,
  places: Float64Array,
): number[] {
  const rows = values.length / steps;
  const counts = new Array<number>(width * height).fill(0);
  for (let row = 0; row < rows; row++) {
    const y = Array.from({ length: steps }, (_, step) =>
      Math.fround(yOf.toPx(values[row * steps + step]!)),
    );
    for (let column = 0; column < width; column++) {
      const touched: number[] = [];
      for (let step = 0; step < steps; step++) {
        const inside =
          places[step]! >= column &&
          (places[step]! < column + 1 || (column === width - 1 && places[step] === width));
        if (inside) touched.push(y[step]!);
        if (step + 1 === steps) continue;
        for (const at of [column, column + 1]) {
          if (places[step]! <= at && at <= places[step + 1]!) {
            const share = (at - places[step]!) / (places[step + 1]! - places[step]!);
            // A line that ends exactly here needs no neighbour.
            const place =
              share === 0 ? y[step]! : share === 1 ? y[step + 1]! : y[step]! + share * (y[step + 1]! - y[step]!);
            touched.push(place);
          }
        }
      }
      const finite = touched.filter((place) => !Number.isNaN(place));
      if (finite.length === 0) continue;
      for (let pixel = 0; pixel < height; pixel++) {
        if (Math.floor(Math.min(...finite)) <= pixel && pixel <= Math.floor(Math.max(...finite))) {
          counts[pixel * width + column]!++;
        }
      }
    }
  }
  return counts;
}

describe("densityCounts", () => {
  it.each([
    ["fewer steps than pixels", 7, 40, 0],
    ["more steps than pixels", 50, 12, 0],
    ["gaps", 20, 30, 0.3],
    ["two steps", 2, 9, 0],
    ["one step", 1, 5, 0],
  ])("counts as a slow oracle does: %s", (_what, steps, width, nanShare) => {
    const height = 24;
    const values = randomMatrix(steps, 30 * steps, nanShare);
    // The domain cuts lines off at both ends.
    const yOf = linearScale([-1.5, 1.5], [px(height), px(0)]);
    const places = Float64Array.from({ length: steps }, (_, step) =>
      steps === 1 ? width / 2 : (step / (steps - 1)) * width,
    );
    const counts = densityCounts(values, steps, yOf, px(width), px(height));
    expect([...counts]).toEqual(naiveCounts(values, steps, yOf, width, height, places));
  });

  it.each([
    ["flat", 0.002],
    ["gentle", 0.05],
    ["of every slope", 0.6],
  ])("counts lines that are %s as a slow oracle does", (_what, rise) => {
    const [width, height, steps] = [60, 24, 8];
    const random = uniform(9);
    // Beginning all over the picture and outside it, each line keeps to its own slope.
    const values = Float32Array.from({ length: 40 * steps }, () => 0);
    for (let row = 0; row < 40; row++) {
      let value = 4 * random() - 2;
      const slope = rise * (random() - 0.5);
      for (let step = 0; step < steps; step++) {
        values[row * steps + step] = value;
        value += slope + 0.1 * rise * (random() - 0.5);
      }
    }
    const yOf = linearScale([-1.5, 1.5], [px(height), px(0)]);
    const places = Float64Array.from([0, 3, 11.5, 11.75, 12, 30.25, 48, 60]);
    const counts = densityCounts(values, steps, yOf, px(width), px(height), places);
    expect([...counts]).toEqual(naiveCounts(values, steps, yOf, width, height, places));
  });

  it("follows uneven steps, a stretch of them and a log scale", () => {
    const steps = 9;
    const places = Float64Array.from([-7, -2, 0, 3.5, 4, 11.25, 20, 26, 40]);
    const values = randomMatrix(3, 20 * steps).map((value) => Math.exp(value));
    const yOf = logScale([0.2, 5], [px(16), px(0)]);
    const counts = densityCounts(values, steps, yOf, px(24), px(16), places);
    expect([...counts]).toEqual(naiveCounts(values, steps, yOf, 24, 16, places));
  });

  it("puts what a log scale cannot show nowhere", () => {
    const yOf = logScale([0.1, 1], [px(4), px(0)]);
    const counts = densityCounts(Float32Array.from([-1, -2, 0, -1]), 2, yOf, px(4), px(4));
    // Zero lies infinitely far below; it touches no pixel.
    expect(counts.some((count) => count > 0)).toBe(false);
  });

  it("counts a line once per column", () => {
    const values = Float32Array.from({ length: 1000 }, (_, step) => step % 2);
    const counts = densityCounts(values, 1000, linearScale([0, 1], [px(8), px(0)]), px(10), px(9));
    expect(Math.max(...counts)).toBe(1);
  });

  it("refuses half a row", () => {
    const yOf = linearScale([0, 1], [px(1), px(0)]);
    expect(() => densityCounts(new Float32Array(7), 2, yOf, px(4), px(4))).toThrow(RangeError);
    expect(() =>
      densityCounts(new Float32Array(4), 2, yOf, px(4), px(4), new Float64Array(3)),
    ).toThrow(RangeError);
  });
});

describe("lines kept from drawing to drawing", () => {
  it("count on another scale, and without their gaps' neighbours, as they did at first", () => {
    const steps = 11;
    const values = randomMatrix(5, 40 * steps).map((value, index) =>
      index % (7 * steps) === 3 ? NaN : Math.exp(value),
    );
    const places = Float64Array.from({ length: steps }, (_, step) => step * 3);
    const scales = [
      linearScale([0, 4], [px(20), px(0)]),
      logScale([0.1, 8], [px(20), px(0)]),
      linearScale([1, 2], [px(20), px(0)]),
    ];
    for (const yOf of scales) {
      const counts = densityCounts(values, steps, yOf, px(30), px(20), places);
      expect([...counts]).toEqual(naiveCounts(values, steps, yOf, 30, 20, places));
    }
  });

  it("reach the edge of the picture however far they go", () => {
    const values = Float32Array.from([0, 3e38, 0, -3e38]);
    const yOf = linearScale([-1, 1], [px(10), px(0)]);
    const counts = densityCounts(values, 2, yOf, px(4), px(10));
    // One line leaves upwards, the other downwards, both within the first column.
    expect(Array.from({ length: 10 }, (_, y) => counts[y * 4])).toEqual([
      1, 1, 1, 1, 1, 2, 1, 1, 1, 1,
    ]);
    expect(counts.filter((_, index) => index % 4 > 0).every((count) => count === 0)).toBe(true);
  });
});

describe("stepExtents", () => {
  it("leaves out what an axis cannot show", () => {
    const values = Float32Array.from([1, NaN, Infinity, -2, NaN, 5]);
    expect(stepExtents([values], 3, false)).toEqual({
      low: Float32Array.of(-2, NaN, 5),
      high: Float32Array.of(1, NaN, 5),
    });
    expect(stepExtents([values, Float32Array.of(0, 0, 7)], 3, true)).toEqual({
      low: Float32Array.of(1, NaN, 5),
      high: Float32Array.of(1, NaN, 7),
    });
  });
});

describe("densityColors", () => {
  it("keeps one line visible beside a million and leaves empty pixels clear", () => {
    const colors = new Uint32Array(
      densityColors(Uint32Array.from([0, 1, 1000, 1_000_000]), alphaRamp(10, 20, 30)).buffer,
    );
    const alpha = [...colors].map((color) => color >>> 24);
    expect(alpha[0]).toBe(0);
    expect(alpha[1]).toBeGreaterThanOrEqual(50);
    expect(alpha[2]).toBeGreaterThan(alpha[1]!);
    expect(alpha[3]).toBe(255);
  });
});

function naivePool(values: number[], pooling: Pooling, centre: number): number {
  if (values.some((value) => Number.isNaN(value))) return NaN;
  if (pooling === "max") return Math.max(...values);
  if (pooling === "mean") return values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((far, value) =>
    Math.abs(value - centre) > Math.abs(far - centre) ? value : far,
  );
}

describe("pooledValues", () => {
  const stepCount = 37;
  const rowCount = 50;
  const order = Int32Array.from({ length: rowCount }, (_, place) => (place * 7) % rowCount);

  it.each<[Pooling, number, number, number]>([
    ["max", 10, 8, 0],
    ["mean", 10, 8, 0],
    ["farthest", 10, 8, 0.02],
    ["max", 50, 37, 0.02],
    ["max", 150, 90, 0.02],
    ["mean", 13, 100, 0],
  ])("pools by %s into %d × %d pixels as a slow oracle does", (pooling, height, width, nanShare) => {
    const values = randomMatrix(height + width, rowCount * stepCount, nanShare);
    const steps = Float64Array.from({ length: stepCount }, (_, step) => step);
    const columns = columnsOf(steps, [0, stepCount - 1], width);
    const pixels = pooledValues(
      { values, stepCount, order },
      { rows: [0, rowCount], columns, height },
      pooling,
    );
    for (let y = 0; y < height; y++) {
      const from = Math.floor((y * rowCount) / height);
      const to = Math.max(from + 1, Math.floor(((y + 1) * rowCount) / height));
      for (let x = 0; x < width; x++) {
        const cell: number[] = [];
        for (let place = from; place < to; place++) {
          for (let step = columns.start[x]!; step < columns.end[x]!; step++) {
            cell.push(values[order[place]! * stepCount + step]!);
          }
        }
        const expected = naivePool(cell, pooling, 0);
        // "farthest" of ±v may be either.
        if (Number.isNaN(expected)) expect(pixels[y * width + x]).toBeNaN();
        else expect(pixels[y * width + x]).toBeCloseTo(expected, 5);
      }
    }
  });

  it("shows only the rows of the window", () => {
    const values = Float32Array.from({ length: 8 }, (_, index) => index);
    const pixels = pooledValues(
      { values, stepCount: 1, order: Int32Array.from([7, 6, 5, 4, 3, 2, 1, 0]) },
      { rows: [2, 4], columns: columnsOf([0], [0, 1], 1), height: 2 },
      "max",
    );
    expect([...pixels]).toEqual([5, 4]);
  });

  it("keeps every value visible when rows do not divide evenly over pixels", () => {
    for (let height = 1; height < 20; height++) {
      for (let row = 0; row < 17; row++) {
        const values = new Float32Array(17);
        values[row] = 9;
        const pixels = pooledValues(
          { values, stepCount: 1, order: Int32Array.from({ length: 17 }, (_, index) => index) },
          { rows: [0, 17], columns: columnsOf([0], [0, 1], 1), height },
          "max",
        );
        expect(Math.max(...pixels)).toBe(9);
      }
    }
  });

  it("refuses half a row and a row that is not there", () => {
    const window = { rows: [0, 1] as const, columns: columnsOf([0, 1], [0, 1], 2), height: 1 };
    const source = { values: new Float32Array(5), stepCount: 2, order: Int32Array.of(0) };
    expect(() => pooledValues(source, window, "max")).toThrow(RangeError);
    expect(() =>
      pooledValues({ ...source, values: new Float32Array(4), order: Int32Array.of(2) }, window, "max"),
    ).toThrow(RangeError);
  });
});

describe("colored", () => {
  it("gives ends, middle, infinities and NaN their colours", () => {
    const lut = colormap("viridis");
    const nan = packed(1, 2, 3);
    const colors = new Uint32Array(
      colored(Float32Array.from([-1, 1, 5, Infinity, -Infinity, NaN]), -1, 1, lut, nan).buffer,
    );
    expect([...colors]).toEqual([lut[0], lut[255], lut[255], lut[255], lut[0], nan]);
  });

  it("draws a constant in the middle colour", () => {
    const lut = colormap("cividis");
    const [color] = new Uint32Array(colored(Float32Array.of(3), 3, 3, lut, 0).buffer);
    expect(color).toBe(lut[128]);
  });
});

describe("densities on a straight axis", () => {
  const edges = Float32Array.from([-4, -2, -1, -0.5, 0, 0.5, 1, 2, 4]);
  const counts = Float32Array.from([1, 2, 8, 20, 30, 9, 3, 1]);

  it("spreads every bucket evenly and loses no count", () => {
    const cells = resampledCounts(counts, edges, [-4, 4], 61);
    expect(cells.reduce((sum, count) => sum + count, 0)).toBeCloseTo(74, 9);
    // Sixteen cells are half a unit wide: the outer buckets spread over four of them.
    expect([...resampledCounts(counts, edges, [-4, 4], 16)]).toEqual([
      0.25, 0.25, 0.25, 0.25, 1, 1, 8, 20, 30, 9, 1.5, 1.5, 0.25, 0.25, 0.25, 0.25,
    ]);
  });

  it("agrees with counting finely inside each bucket", () => {
    const cells = resampledCounts(counts, edges, [-1.7, 2.9], 23);
    const naive = new Float64Array(23);
    for (let bin = 0; bin < counts.length; bin++) {
      for (let part = 0; part < 20_000; part++) {
        const at = edges[bin]! + ((part + 0.5) / 20_000) * (edges[bin + 1]! - edges[bin]!);
        const cell = Math.floor(((at + 1.7) / 4.6) * 23);
        if (cell >= 0 && cell < 23) naive[cell]! += counts[bin]! / 20_000;
      }
    }
    cells.forEach((cell, index) => expect(cell).toBeCloseTo(naive[index]!, 2));
  });

  it("draws even buckets as a polygon whose area is one", () => {
    const even = Float32Array.from({ length: 11 }, (_, index) => index);
    const heights = [0, 3, 1, 4, 1, 5, 9, 2, 6, 0];
    const { x, y } = frequencyPolygon(heights, even, 0);
    expect([...x]).toEqual([0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]);
    let area = 0;
    for (let index = 1; index < x.length; index++) {
      area += ((y[index]! + y[index - 1]!) / 2) * (x[index]! - x[index - 1]!);
    }
    expect(area).toBeCloseTo(1, 9);
  });

  it("joins narrow buckets without losing a count, and draws nothing of nothing", () => {
    const { x, y } = frequencyPolygon([4, 2, 2, 8], [0, 1, 1.25, 1.5, 3], 0.5);
    expect([...x]).toEqual([-0.5, 0.5, 1.25, 2.25, 3.75]);
    expect([...y]).toEqual([0, 4 / 16, 4 / 16 / 0.5, 8 / 16 / 1.5, 0]);
    expect(frequencyPolygon([0, 0], [0, 1, 2], 0).x).toHaveLength(0);
  });

  it("finds quantiles and shares that undo each other", () => {
    const [low, middle, high] = densityQuantiles(counts, edges, [0.05, 0.5, 1]);
    expect(shareBetween(counts, edges, -Infinity, low!)).toBeCloseTo(0.05, 6);
    expect(shareBetween(counts, edges, -Infinity, middle!)).toBeCloseTo(0.5, 6);
    expect(high).toBe(4);
    expect(shareBetween(counts, edges, -9, 9)).toBe(1);
    expect(densityQuantiles([0, 0], [0, 1, 2], [0.5])).toEqual([NaN]);
    expect(shareBetween([0], [0, 1], 0, 1)).toBeNaN();
  });

  it("draws the highest values on top, each column by its own peak, empty steps as NaN", () => {
    const strip = densityStrip(
      Float32Array.from([0, 4, 8, 0, 0, 0]),
      Float32Array.from([0, 1, 2]),
      columnsOf([0, 1, 2], [-0.5, 2.5], 3),
      [0, 2],
      2,
    );
    expect([...strip]).toEqual([1, 0, NaN, 0, 1, NaN]);
    const lut = colormap("viridis");
    expect([...new Uint32Array(stripColors(strip, lut, 7).buffer)]).toEqual([
      lut[255], lut[0], 7, lut[0], lut[255], 7,
    ]);
  });
});
describe("differenceStrip", () => {
  const edges = Float32Array.from([0, 1, 2]);
  const shares = Float32Array.from([0.2, -0.2, NaN, NaN, -0.4, 0.4]);

  it("is scaled by the largest difference of all steps, the highest values on top", () => {
    const columns = columnsOf([0, 1, 2], [0, 3], 3);
    const picture = differenceStrip(shares, edges, columns, [0, 2], 2);
    expect([...picture]).toEqual([-0.5, NaN, 1, 0.5, NaN, -1]);
  });

  it("pools the steps of a column, and leaves out those that could not be compared", () => {
    const columns = { start: Int32Array.of(0), end: Int32Array.of(3) };
    const picture = differenceStrip(shares, edges, columns, [0, 2], 2);
    expect([...picture]).toEqual([1, -1]);
  });

  it("of two runs that agree is all zero", () => {
    const columns = columnsOf([0], [0, 1], 2);
    expect([...differenceStrip(new Float32Array(2), edges, columns, [0, 2], 2)]).toEqual([0, 0, 0, 0]);
  });

  it("is coloured from one end of the map to the other", () => {
    const lut = colormap("diverging");
    const bytes = signedColors(Float32Array.of(-1, 0, 1, NaN), lut, packed(1, 2, 3));
    const middle = lut[128]!;
    expect([...new Uint32Array(bytes.buffer)]).toEqual([lut[0], middle, lut[255], packed(1, 2, 3)]);
  });
});

