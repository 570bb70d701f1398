import { describe, expect, it } from "vitest";
import { costOf, dearest } from "../src/cost";
import type { Fields } from "../src/series";

function run(seconds: readonly number[], share: number, keptSteps = seconds.length): Fields {
  const values = new Map([
    ["cost_seconds", Float32Array.from(seconds)],
    ["overhead_share", Float32Array.from(seconds, () => share)],
  ]);
  const steps = Float64Array.from(seconds, (_, step) => step);
  return { steps, wallTimes: steps, values, keptSteps, firstStep: 0, lastStep: seconds.length - 1, skipped: [] };
}

describe("what logging costs", () => {
  it("is told as a share where it is a small one", () => {
    expect(costOf(run([0.25, 0.125], 0.0625))?.grade).toBe("fair");
    expect(costOf(run([250, 125], 0.0625))?.grade).toBe("fair");
  });

  it("is told in seconds where a short run spends much of its time on it", () => {
    expect(costOf(run([0.25, 0.125], 0.75))).toEqual({ share: 0.75, spent: 0.375, elapsed: 0.5, logged: 2, grade: "short" });
    expect(costOf(run([40, 40], 0.5))?.grade).toBe("dear");
  });

  it("is never called small because steps are missing", () => {
    expect(costOf(run([0.25, 0.125], 0.75, 900))).toMatchObject({ share: 0.75, spent: Number.NaN, grade: "dear" });
    expect(costOf(run([], 0.75))).toBeNull();
  });

  it("of several runs is that of the dearest one, before that of one that is only short", () => {
    const [short, fair, dear] = [run([0.5], 0.875), run([2], 0.0078125), run([200], 0.25)].map(costOf);
    expect(dearest([short!, fair!])).toBe(short);
    expect(dearest([fair!, dear!, short!])).toBe(dear);
    expect(dearest([])).toBeNull();
  });
});
