import { describe, expect, it } from "vitest";
import { layerLines, lineTops, linesBetween, type LayerEntry, type Line } from "../src/layer_rows";
import type { RowSort } from "../src/state";

const WORST: RowSort = { column: "health", descending: true };
const MODEL: RowSort = { column: "order", descending: false };

function entries(...keys: readonly (readonly [name: string, key: number, idle?: boolean])[]): LayerEntry[] {
  return keys.map(([name, key, idle], order) => ({ name, order, key, idle: idle ?? false }));
}

const text = (lines: readonly Line[]): string[] =>
  lines.map((line) => {
    const label = line.kind === "layer" ? line.label : line.kind === "module" ? `[${line.label}]` : `(${line.layers.length})`;
    return "  ".repeat(line.depth) + label;
  });

describe("lines", () => {
  it("stand by their key, those without one last, equal ones in model order", () => {
    const all = entries(["a", 1], ["b", Number.NaN], ["c", 3], ["d", 1]);
    expect(text(layerLines(all, WORST, []))).toEqual(["c", "a", "d", "b"]);
    expect(text(layerLines(all, { ...WORST, descending: false }, []))).toEqual(["a", "d", "c", "b"]);
  });

  it("are grouped by module, which stands where its worst layer would", () => {
    const all = entries(["encoder/a", 0], ["head", 2], ["encoder/b", 5]);
    expect(text(layerLines(all, WORST, []))).toEqual(["[encoder]", "  b", "  a", "head"]);
  });

  it("name a chain of single modules once, and a module of one layer not at all", () => {
    const all = entries(["model/encoder/block/a", 0], ["model/encoder/block/b", 0], ["x/y", 0]);
    expect(text(layerLines(all, MODEL, []))).toEqual(["[model/encoder/block]", "  a", "  b", "x/y"]);
  });

  it("of a folded module are left out", () => {
    const all = entries(["m/a", 0], ["m/b", 1], ["z", 0]);
    expect(text(layerLines(all, WORST, ["m"]))).toEqual(["[m]", "z"]);
  });

  it("put idle layers away until they are asked for, but leave model order alone", () => {
    const all = entries(["a", 0], ["flatten", Number.NaN, true], ["b", 1]);
    const folded = layerLines(all, WORST, []);
    expect(text(folded)).toEqual(["b", "a", "(1)"]);
    const group = folded.at(-1);
    const id = group?.kind === "idle" ? group.id : "";
    expect(text(layerLines(all, WORST, [id]))).toEqual(["b", "a", "(1)", "  flatten"]);
    const ordered = entries(["a", 0], ["flatten", 1, true], ["b", 2]);
    expect(text(layerLines(ordered, MODEL, []))).toEqual(["a", "flatten", "b"]);
  });

  it("tell a layer from the module of the same name", () => {
    const all = entries(["rnn", 1], ["rnn/gate", 0], ["rnn/state", 0]);
    expect(text(layerLines(all, MODEL, []))).toEqual(["[rnn]", "  gate", "  state", "rnn"]);
  });

  it("of a thousand layers are made in less than a frame or two", () => {
    const all = entries(...Array.from({ length: 1000 }, (_, n) => [`block_${n % 50}/part_${n % 7}/layer_${n}`, n % 13] as const));
    const start = performance.now();
    const lines = layerLines(all, WORST, []);
    expect(performance.now() - start).toBeLessThan(200);
    expect(lines.filter((line) => line.kind === "layer")).toHaveLength(1000);
  });
});

describe("the lines in view", () => {
  const lines = layerLines(entries(...Array.from({ length: 1000 }, (_, n) => [`l${n}`, n] as const)), MODEL, []);
  const tops = lineTops(lines, () => 48);

  it("are those that anything of is between top and bottom", () => {
    for (const top of [0, 1, 47, 48, 49, 4800, 47_950]) {
      const bottom = top + 600;
      const [from, to] = linesBetween(tops, top, bottom);
      const shown = lines.flatMap((_, at) => ((tops[at + 1] as number) > top && (tops[at] as number) <= bottom ? [at] : []));
      expect([from, to], String(top)).toEqual([shown[0], (shown.at(-1) as number) + 1]);
    }
  });

  it("above the first are the first ones", () => {
    expect(linesBetween(tops, -240, 100)[0]).toBe(0);
    expect(linesBetween(new Float64Array(1), 0, 600)).toEqual([0, 0]);
  });
});
