import { describe, expect, it } from "vitest";
import { seeded } from "../../gallery/made_up";
import { alphaRamp } from "../../src/pure/colormap";
import { stepExtents } from "../../src/pure/quantiles";
import { linearScale, logScale, px, type Scale } from "../../src/pure/scale";
import { densityColors, densityCounts } from "../../src/pure/trajectory_raster";
import { randomMatrix } from "./random";

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
    const random = seeded(9);
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
