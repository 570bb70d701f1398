import { describe, expect, it, vi } from "vitest";
import { ahead } from "../src/ahead";
import type { Catalogue, Client } from "../src/api";
import type { RunInfo } from "../src/api";
import { INITIAL } from "../src/state";

// The page that the modules find when they are loaded.
vi.stubGlobal("document", { baseURI: "http://localhost/prefix/data/plugin/nnviz/" });
const { lookAhead } = await import("../src/opening");

function brief(name: string, last_wall_time: number): RunInfo {
  return { name, recorded: true, full: false, last_step: 1, last_wall_time, scalars: [], layers: [] } as unknown as RunInfo;
}

const CATALOGUE: Catalogue = { runs: [brief("old", 1), brief("new & bold", 2)] };

function asked(state: Partial<typeof INITIAL>, catalogue = CATALOGUE): { contents: string[]; expected: unknown[] } {
  const contents: string[] = [];
  const ask = vi.spyOn(ahead, "ask").mockImplementation((address) => void contents.push(address.href));
  const expected: unknown[] = [];
  const client = { expect: (...question: unknown[]) => void expected.push(question) } as unknown as Client;
  lookAhead(catalogue, { ...INITIAL, ...state }, client);
  ask.mockRestore();
  return { contents, expected };
}

describe("before the panel is there", () => {
  it("the run is asked for that a fresh panel shows, and what the overview draws of it", () => {
    const { contents, expected } = asked({});
    expect(contents).toEqual(["http://localhost/prefix/data/plugin/nnviz/contents?run=new+%26+bold"]);
    expect(expected).toEqual([["overview", { run: "new & bold", steps: 100 }]]);
  });

  it("the runs of the address are, and no overview for another view", () => {
    const { contents, expected } = asked({ runs: ["old", "gone"], view: "neurons" });
    expect(contents.map((address) => new URL(address).searchParams.get("run"))).toEqual(["old", "gone"]);
    expect(expected).toEqual([]);
  });

  it("nothing is where there is no run of ours", () => {
    const foreign = { ...brief("foreign", 3), recorded: false };
    expect(asked({}, { runs: [foreign] })).toEqual({ contents: [], expected: [] });
  });
});
