/** The words that charts write themselves, one set of objects per language. */

import type { CurveWords } from "../charts/curve_chart";
import type { Words } from "../i18n";
import type { Language } from "../state";

interface ChartWords {
  readonly curve: CurveWords;
  readonly bars: { readonly neuron: string; readonly below: string; readonly neurons: string };
}

const CHART_WORDS: Readonly<Record<Language, ChartWords>> = {
  en: {
    curve: {
      input: "input x",
      output: "output",
      curve: "f(x)",
      slope: "f′(x)",
      inputs: "inputs at the step",
      outputs: "outputs at the step",
      dead: "dead zone",
      saturated: "saturated",
      channels: "lowest to highest channel",
      share: "share of inputs within ±",
    },
    bars: { neuron: "neuron", below: "dead", neurons: "neurons" },
  },
  zh: {
    curve: {
      input: "输入 x",
      output: "输出",
      curve: "f(x)",
      slope: "f′(x)",
      inputs: "该步的输入",
      outputs: "该步的输出",
      dead: "死区",
      saturated: "饱和",
      channels: "从最低到最高的通道",
      share: "输入占比，范围 ±",
    },
    bars: { neuron: "神经元", below: "死亡", neurons: "神经元" },
  },
};

export function chartWords(words: Words): ChartWords {
  return CHART_WORDS[words.language];
}
