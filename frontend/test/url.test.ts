import { describe, expect, it } from "vitest";
import { formatHash, parseHash, runColor } from "../src/host";
import { INITIAL, type State } from "../src/state";
import { fromParameters, isStation, toParameters } from "../src/url";

const FULL: State = {
  view: "neurons",
  runs: ["digits/adam", "a,b", "c\\d", "<script>alert(1)</script> 层 🙂"],
  runFilter: "^digits/(adam|sgd).*&x=1$",
  layerFilter: "conv",
  layer: "encoder/dense 1,2@3%41",
  focus: "a,b",
  cursor: 2750,
  zoom: [100, 4200.5],
  pins: [
    { layer: "encoder/dense 1,2@3%41", neuron: 17, slot: 3 },
    { layer: "conv", neuron: 0, slot: 0 },
  ],
  statistic: "gradient_norm",
  sort: "similarity",
  against: "c\\d",
  rows: { column: "dead", descending: false },
  folds: ["encoder/a,b", "encoder/ "],
  limits: { dead_units: 0.3, window: 7 },
  scalars: ["loss", "val_loss"],
  smoothing: 0.6,
  unit: "time",
  language: "zh",
};

describe("the address", () => {
  it("of a fresh panel says nothing", () => {
    expect(toParameters(INITIAL)).toEqual({});
    expect(fromParameters({})).toEqual(INITIAL);
  });

  it("brings back the whole state, whatever the names in it", () => {
    expect(fromParameters(toParameters(FULL))).toEqual(FULL);
    const hash = formatHash("#nnviz", toParameters(FULL));
    expect(fromParameters(parseHash(hash))).toEqual(FULL);
  });

  it("survives what a browser does to a hash that is set and read", () => {
    const url = new URL("http://localhost:6006/");
    url.hash = formatHash("#nnviz", toParameters(FULL));
    expect(fromParameters(parseHash(url.hash))).toEqual(FULL);
  });

  it("tells no run from runs not chosen yet", () => {
    const none = { ...INITIAL, runs: [] };
    expect(fromParameters(toParameters(none)).runs).toEqual([]);
    expect(fromParameters(toParameters(INITIAL)).runs).toBeNull();
  });

  it("takes every single malformed parameter as absent", () => {
    const broken = {
      view: "constructor",
      step: "1e999",
      zoom: "9..3",
      pins: "x,1.9@a,2.0@b,3.0@b,4.1@",
      sort: "__proto__",
      smoothing: "7",
      axis: "",
      lang: "tlh",
      rows: "-colour",
      limits: "dead_units:none,window:-3,:5,loss_stalled",
      layer: "x".repeat(5000),
    };
    expect(fromParameters(broken)).toEqual({
      ...INITIAL,
      smoothing: 0.99,
      pins: [{ layer: "b", neuron: 2, slot: 0 }],
    });
  });

  it("keeps what is not ours, and TensorBoard's own tab", () => {
    const before = "#nnviz&p.other.x=1&p.nnviz.view=neurons&tagFilter=loss";
    expect(formatHash(before, { step: "5" })).toBe("#nnviz&p.other.x=1&tagFilter=loss&p.nnviz.step=5");
  });

  it("with a broken percent sign loses only that parameter", () => {
    expect(parseHash("#nnviz&p.nnviz.layer=%E0%A4%A&p.nnviz.step=3")).toEqual({ step: "3" });
  });
});

describe("Back", () => {
  it("returns over changes of view, layer and zoom, not over every move of the cursor", () => {
    expect(isStation({ ...INITIAL, view: "neurons" }, INITIAL)).toBe(true);
    expect(isStation({ ...INITIAL, zoom: [1, 2] }, INITIAL)).toBe(true);
    expect(isStation({ ...INITIAL, cursor: 3 }, INITIAL)).toBe(false);
    expect(isStation({ ...INITIAL, smoothing: 0.3 }, INITIAL)).toBe(false);
    expect(isStation({ ...INITIAL, runFilter: "a" }, INITIAL)).toBe(false);
  });
});

describe("run colours", () => {
  it("repeat after seven and lighten the first in the dark", () => {
    expect(runColor(0, false)).toBe("#425066");
    expect(runColor(7, true)).toBe("#8e98a3");
    expect(runColor(8, true)).toBe(runColor(1, false));
  });
});
