/** The words that charts write themselves, one set of objects per language. */

import type { CurveWords, HeatMap, PathChart, Trajectories, WeightsChart } from "../charts";
import type { Words } from "../i18n";
import type { Language } from "../state";

interface ChartWords {
  readonly curve: CurveWords;
  readonly heat: HeatMap["words"];
  readonly trajectories: Trajectories["words"];
  readonly path: PathChart["words"];
  readonly weights: WeightsChart["words"];
  readonly bars: BarWords;
  readonly dormancyBars: BarWords;
}

interface BarWords {
  readonly neuron: string;
  readonly below: string;
  readonly silent: string;
  readonly neurons: string;
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
    bars: { neuron: "neuron", below: "dead", silent: "silent at this step", neurons: "neurons" },
    dormancyBars: { neuron: "neuron", below: "dormant", silent: "", neurons: "neurons" },
    heat: { neuron: "neuron", notNumber: "not a number" },
    trajectories: {
      neuron: "neuron",
      median: "median",
      fan: "5–95 %",
      quartiles: "25–75 %",
      lines: "neurons",
      extremes: "most extreme",
    },
    path: {
      neuron: "neuron",
      step: "step",
      component: "PC",
      variance: "of the variance",
      drawn: "paths drawn",
      note: "A random walk looks smooth in its first components too: compare neurons, not shapes.",
    },
    weights: { neuron: "neuron", weight: "weight", bias: "bias" },
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
    bars: { neuron: "神经元", below: "死亡", silent: "该步未激活", neurons: "神经元" },
    dormancyBars: { neuron: "神经元", below: "休眠", silent: "", neurons: "神经元" },
    heat: { neuron: "神经元", notNumber: "非数值" },
    trajectories: {
      neuron: "神经元",
      median: "中位数",
      fan: "5–95 %",
      quartiles: "25–75 %",
      lines: "神经元",
      extremes: "最极端",
    },
    path: {
      neuron: "神经元",
      step: "步",
      component: "PC",
      variance: "的方差",
      drawn: "条路径",
      note: "随机游走的前几个主成分同样平滑：请比较神经元，而不是形状。",
    },
    weights: { neuron: "神经元", weight: "权重", bias: "偏置" },
  },
};

export function chartWords(words: Words): ChartWords {
  return CHART_WORDS[words.language];
}
