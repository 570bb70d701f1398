import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { placeOf, pinNeurons } from "../src/finding_places";
import {
  aboutField,
  alarmCount,
  healthByLayer,
  holdsAt,
  limitsText,
  parseAssessment,
  type Assessment,
  type Finding,
} from "../src/findings";
import { Words } from "../src/i18n";
import { kindLabel, notMeasuredText, sentenceOf, shortFinding, thresholdText } from "../src/i18n_findings";
import { INITIAL, MAX_PINS } from "../src/state";

const FINDING: Finding = {
  kind: "dead_units",
  severity: "severe",
  run: "digits/adam",
  layer: "dense",
  neurons: [2, 5],
  first_step: 120,
  last_step: 4200,
  ongoing: true,
  figure: 0.61,
  threshold: 0.2,
  field: "dead_share",
  sentence: "61 % of the units of dense are dead.",
  advice: "Lower the learning rate.",
  source: "ours",
  figures: { figure: 0.61, threshold: 0.2, first_step: 120, last_step: 4200 },
};

function assessed(findings: readonly Finding[], judged: Record<string, string[]> = {}): Assessment {
  return { run: "digits/adam", findings, notMeasured: [], judged: new Map(Object.entries(judged)) };
}

describe("an assessment", () => {
  it("has numbers where JSON can only write their names", () => {
    const { findings } = parseAssessment({
      run: "r",
      findings: [{ ...FINDING, figure: "Infinity", threshold: "NaN" }],
      not_measured: [],
      judged: { dense: ["dead_units"] },
    });
    expect(findings[0]?.figure).toBe(Number.POSITIVE_INFINITY);
    expect(findings[0]?.threshold).toBeNaN();
  });

  it("of another shape is refused", () => {
    expect(() => parseAssessment({ error: "x" })).toThrow(TypeError);
  });
});

describe("health", () => {
  it("is said of no layer that was not judged, and healthy only of one that was", () => {
    const health = healthByLayer([assessed([], { dense: ["dead_units"], flatten: [] })], null);
    expect(health.get("dense")).toEqual({ status: "healthy", findings: [] });
    expect(health.has("flatten")).toBe(false);
  });

  it("is that of the step looked at", () => {
    const over = { ...FINDING, ongoing: false, last_step: 200 };
    expect([119, 120, 200, 201, null].map((step) => holdsAt(over, step))).toEqual([false, true, true, false, false]);
    expect(holdsAt(FINDING, 1e9)).toBe(true);
    const health = healthByLayer([assessed([FINDING], { dense: ["dead_units"] })], 60);
    expect(health.get("dense")?.status).toBe("healthy");
  });

  it("is the worst of several findings and runs, worst first", () => {
    const mild: Finding = { ...FINDING, kind: "update_too_small", severity: "info", field: "update_ratio" };
    const health = healthByLayer([assessed([mild]), assessed([FINDING])], null).get("dense");
    expect(health?.status).toBe("severe");
    expect(health?.findings.map((item) => item.severity)).toEqual(["severe", "info"]);
    expect(health === undefined ? null : aboutField(health, "update_ratio")?.kind).toBe("update_too_small");
  });

  it("alarms by warnings and severe findings, not by what is worth knowing", () => {
    const info: Finding = { ...FINDING, severity: "info" };
    expect(alarmCount([assessed([FINDING, info]), assessed([{ ...FINDING, severity: "warning" }])])).toBe(2);
  });
});

describe("changed limits", () => {
  it("are one question whatever the order in which they were changed", () => {
    expect(limitsText({ window: 7, dead_units: 0.3 })).toBe("dead_units:0.3,window:7");
    expect(limitsText({ dead_units: 0.3, window: 7 })).toBe("dead_units:0.3,window:7");
    expect(limitsText({})).toBeNull();
  });
});

describe("a click on a finding", () => {
  it("goes to the layer and the step, and drops a zoom that would hide it", () => {
    const state = placeOf({ ...INITIAL, zoom: [0, 100] }, FINDING, 120, []);
    expect(state).toMatchObject({ view: "activations", layer: "dense", cursor: 120, zoom: null, focus: "digits/adam" });
  });

  it("chooses the statistic in which it shows, where that was recorded", () => {
    const update: Finding = { ...FINDING, kind: "update_too_large", field: "update_ratio" };
    expect(placeOf(INITIAL, update, 120, ["update_ratio"])).toMatchObject({ view: "neurons", statistic: "update_ratio" });
    expect(placeOf(INITIAL, update, 120, [])).toMatchObject({ view: "neurons", statistic: "weight_norm" });
  });

  it("of a loss brings that loss onto the timeline", () => {
    const loss: Finding = { ...FINDING, kind: "loss_diverged", layer: "", field: "train/loss" };
    expect(placeOf(INITIAL, loss, 120, []).scalars).toEqual(["train/loss"]);
  });

  it("pins no more neurons than there are colours", () => {
    const many: Finding = { ...FINDING, neurons: Array.from({ length: 40 }, (_, neuron) => neuron) };
    expect(pinNeurons(INITIAL, many).pins.map((pin) => pin.neuron)).toEqual([...Array(MAX_PINS).keys()]);
  });
});

/** Names that stand at the beginning of a line in the Python source, as `    "dead_units": Kind(`. */
function named(file: string, pattern: RegExp): string[] {
  const source = readFileSync(new URL(`../../nnviz_tb/health/${file}`, import.meta.url), "utf8");
  return [...source.matchAll(pattern)].map((match) => match[1] as string);
}

describe("words", () => {
  const english = new Words("en");
  const chinese = new Words("zh");
  const chineseText = /\p{Script=Han}/u;

  it("name every kind that the rules know, in both languages", () => {
    const kinds = named("kinds.py", /^ {4}"(\w+)": Kind\(/gm);
    expect(kinds.length).toBeGreaterThan(10);
    for (const kind of kinds) {
      const finding = { ...FINDING, kind };
      expect(shortFinding(english, finding), kind).toMatch(/ since step 120$/);
      expect(shortFinding(english, finding), kind).not.toContain(kind.includes("_") ? kind : "\0");
      for (const text of [shortFinding(chinese, finding), sentenceOf(chinese, finding), kindLabel(chinese, kind, undefined)]) {
        expect(text, kind).toMatch(chineseText);
      }
    }
  });

  it("explain every limit and every reason in Chinese too", () => {
    const limits = named("thresholds.py", /^ {4}(\w+): (?:int|float) = _limit\(/gm);
    expect(limits.length).toBeGreaterThan(20);
    for (const name of limits) {
      const text = thresholdText(chinese, name, { default: 1, text: "only English", source: "", below: false });
      expect(text, name).toMatch(chineseText);
    }
    for (const reason of named("kinds.py", /^ {4}"(\w+)": \(/gm)) {
      const item = { kind: "dead_units", run: "r", layers: ["a"], reason, sentence: "", advice: "" };
      expect(notMeasuredText(chinese, item).text, reason).toMatch(chineseText);
    }
  });

  it("say the server's own sentence in English, and one with the same figures in Chinese", () => {
    expect(sentenceOf(english, FINDING)).toBe(FINDING.sentence);
    expect(sentenceOf(chinese, FINDING)).toContain("61 %");
    expect(sentenceOf(chinese, FINDING)).toContain("120");
  });

  it("fall back to the server's sentence for a kind of a later release", () => {
    expect(sentenceOf(chinese, { ...FINDING, kind: "new_kind" })).toBe(FINDING.sentence);
  });
});
