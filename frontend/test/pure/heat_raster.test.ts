import { describe, expect, it } from "vitest";
import { colormap, packed } from "../../src/pure/colormap";
import { colored, pooledValues, type Pooling } from "../../src/pure/heat_raster";
import { columnsOf } from "../../src/pure/step_axis";
import { randomMatrix } from "./random";

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
