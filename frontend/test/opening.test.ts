import { describe, expect, it } from "vitest";
import type { Catalogue, RunInfo } from "../src/api";
import { wantedFirst } from "../src/opening";
import { INITIAL } from "../src/state";

const BASE = "http://localhost/prefix/data/plugin/nnviz/";

function brief(name: string, last_wall_time: number): RunInfo {
  return {
    name,
    recorded: true,
    full: false,
    scalars: [],
    last_step: 1,
    last_wall_time,
    start_time: null,
    writer: null,
    frameworks: {},
    notes: [],
    layers: [],
    problems: [],
  };
}

const CATALOGUE: Catalogue = { runs: [brief("old", 1), brief("new & bold", 2)] };

describe("before the panel is there", () => {
  it("the run is asked for that a fresh panel shows, and what the overview draws of it", () => {
    expect(wantedFirst(CATALOGUE, INITIAL, BASE)).toEqual([
      `${BASE}contents?run=new+%26+bold`,
      `${BASE}overview?run=new+%26+bold&steps=100`,
    ]);
  });

  it("the runs of the address are, and no overview for another view", () => {
    const state = { ...INITIAL, runs: ["old", "gone"], view: "neurons" } as const;
    expect(wantedFirst(CATALOGUE, state, BASE)).toEqual([`${BASE}contents?run=old`, `${BASE}contents?run=gone`]);
  });

  it("nothing is where there is no run of ours", () => {
    const foreign = { ...brief("foreign", 3), recorded: false };
    expect(wantedFirst({ runs: [foreign] }, INITIAL, BASE)).toEqual([]);
  });
});
