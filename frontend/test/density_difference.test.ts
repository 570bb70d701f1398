import { describe, expect, it } from "vitest";
import type { DensitySeries } from "../src/charts/contract";
import { densityDifference } from "../src/density_difference";

function made(run: string, steps: readonly number[], edges: readonly number[], counts: readonly number[]): DensitySeries {
  return {
    run,
    color: "#000",
    start: null,
    steps: Float64Array.from(steps),
    wallTimes: Float64Array.from(steps, (step) => 1e9 + step),
    edges: Float32Array.from(edges),
    counts: Float32Array.from(counts),
  };
}

describe("the difference of two densities", () => {
  it("is that of shares, at the steps that both have", () => {
    const a = made("a", [0, 10, 20], [0, 1, 2], [1, 3, 2, 2, 4, 0]);
    const b = made("b", [10, 20, 30], [0, 1, 2], [0, 8, 8, 8, 1, 1]);
    const found = densityDifference(a, b);
    expect([...found.steps]).toEqual([10, 20]);
    expect([...found.edges]).toEqual([0, 1, 2]);
    expect([...found.shares]).toEqual([0.5, -0.5, 0.5, -0.5]);
    expect(found.unsharedSteps).toEqual([1, 1]);
    expect(found.runs).toEqual(["a", "b"]);
  });

  it("holds finer buckets against coarser ones in the coarser", () => {
    const fine = made("fine", [0], [-1, 0, 1, 2, 3], [4, 1, 2, 1]);
    const coarse = made("coarse", [0], [0, 2, 4], [6, 2]);
    const { edges, shares } = densityDifference(fine, coarse);
    expect([...edges]).toEqual([-1, 0, 2, 4]);
    expect([...shares]).toEqual([0.5, 3 / 8 - 3 / 4, 1 / 8 - 1 / 4].map(Math.fround));
    expect([...densityDifference(coarse, fine).shares]).toEqual([...shares].map((share) => -share));
  });

  it("of densities that lie apart has both, and nothing between them", () => {
    const { edges, shares } = densityDifference(made("a", [0], [-3, -2], [5]), made("b", [0], [2, 3, 4], [1, 3]));
    expect([...edges]).toEqual([-3, -2, 2, 3, 4]);
    expect([...shares]).toEqual([1, 0, -0.25, -0.75]);
  });

  it("sums up to nothing at every step", () => {
    const counts = Array.from({ length: 60 }, (_, index) => (index * 7919) % 23);
    const edges = [-4, -2, -1, -0.5, 0, 0.5, 1];
    const { shares } = densityDifference(
      made("a", [...Array(10).keys()], edges, counts),
      made("b", [...Array(10).keys()], edges, counts.map((count, index) => (count * (index + 3)) % 11)),
    );
    for (let row = 0; row < 10; row++) {
      expect(shares.subarray(row * 6, row * 6 + 6).reduce((sum, share) => sum + share, 0)).toBeCloseTo(0, 6);
    }
  });

  it("is not known where a run counted nothing, also not in any bucket of its own", () => {
    const nothing = made("b", [0], [0], []);
    expect([...densityDifference(made("a", [0], [0, 1, 2], [1, 1]), nothing).shares]).toEqual([NaN, NaN]);
    expect(densityDifference(nothing, nothing).shares).toHaveLength(0);
  });
});
