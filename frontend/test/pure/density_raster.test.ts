import { describe, expect, it } from "vitest";
import { colormap, packed } from "../../src/pure/colormap";
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
import { columnsOf } from "../../src/pure/step_axis";

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
