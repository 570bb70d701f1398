import { describe, expect, it } from "vitest";
import type { LayerInfo, RunInfo } from "../src/api";
import { DICTIONARIES, preferredLanguage, Words, type Key } from "../src/i18n";
import { defaultScalars, firstRuns, matcher, search, unionOfLayers, unionOfSteps } from "../src/selection";

function layer(name: string): LayerInfo {
  return {
    name,
    type: "Dense",
    order: 0,
    neurons: 1,
    fan_in: 1,
    kernel_shape: [1, 1],
    parameters: 2,
    trainable: true,
    notes: [],
    activation: null,
    series: {},
    summaries: [],
  };
}

function run(name: string, layers: readonly string[], tags: readonly string[] = [], wallTime = 0): RunInfo {
  return {
    name,
    recorded: layers.length > 0,
    full: true,
    scalars: tags.map((tag) => ({ tag, last_step: 1, last_wall_time: 1 })),
    last_step: 1,
    last_wall_time: wallTime,
    start_time: null,
    writer: null,
    frameworks: {},
    notes: [],
    layers: layers.map(layer),
    problems: [],
  };
}

describe("a fresh panel", () => {
  it("shows the run written last among those with our data", () => {
    const runs = [run("old", ["a"], [], 1), run("new", ["a"], [], 5), run("foreign", [], [], 9)];
    expect(firstRuns({ runs })).toEqual(["new"]);
    expect(firstRuns({ runs: [run("foreign", [])] })).toBeNull();
  });

  it("puts the loss on the timeline, by whatever name it goes", () => {
    expect(defaultScalars([run("r", [], ["accuracy", "val_loss", "loss"])])).toEqual(["loss"]);
    expect(defaultScalars([run("r", [], ["accuracy", "epoch_loss"])])).toEqual(["epoch_loss"]);
    expect(defaultScalars([run("r", [], ["accuracy"])])).toEqual(["accuracy"]);
    expect(defaultScalars([run("r", [])])).toEqual([]);
  });
});

describe("filters", () => {
  it("are regular expressions, and say when they are not", () => {
    expect(matcher("^digits/.*adam")?.("digits/Adam-fast")).toBe(true);
    expect(matcher("(")).toBeNull();
    expect(search("(")("conv(1)")).toBe(true);
    expect(search("(")("conv")).toBe(false);
  });
});

describe("layers of several runs", () => {
  it("are listed once each, where the run that has them has them", () => {
    const union = unionOfLayers([run("a", ["in", "mid", "out"]), run("b", ["in", "extra", "out", "tail"])]);
    expect([...union.keys()]).toEqual(["in", "extra", "mid", "out", "tail"]);
  });
});

describe("steps of several runs", () => {
  it("are ascending and unique", () => {
    const union = unionOfSteps([Float64Array.of(0, 10, 20), Float64Array.of(5, 10, 30)]);
    expect([...union]).toEqual([0, 5, 10, 20, 30]);
    expect([...unionOfSteps([])]).toEqual([]);
  });
});

describe("words", () => {
  it("follow the first language of the browser that we speak", () => {
    expect(preferredLanguage(["fr", "zh-TW", "en"])).toBe("zh");
    expect(preferredLanguage(["en-GB", "zh"])).toBe("en");
    expect(preferredLanguage([])).toBe("en");
  });

  it("never round something to nothing or nearly all to all", () => {
    const words = new Words("en");
    expect(words.share(0)).toBe("0 %");
    expect(words.share(0.0004)).toBe("< 0.1 %");
    expect(words.share(0.031)).toBe("3.1 %");
    expect(words.share(0.41)).toBe("41 %");
    expect(words.share(0.9999)).toBe("> 99.9 %");
    expect(words.share(1)).toBe("100 %");
    expect(words.share(Number.NaN)).toBe("—");
  });

  it("fill in names literally, and numbers as the language writes them", () => {
    const words = new Words("en");
    expect(words.t("neurons.sample", { tracked: 256, n: 16_384 })).toBe("256 of 16,384 neurons");
    expect(words.t("runs.only.title", { run: "{n} $& <b>" })).toBe("Show only {n} $& <b>");
  });

  it("have the same places to fill in both languages, everywhere", () => {
    const holes = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    const { en, zh } = DICTIONARIES;
    const differing = (Object.keys(en) as Key[]).filter(
      (key) => holes(en[key]).join() !== holes(zh[key]).join(),
    );
    expect(differing).toEqual([]);
  });
});
