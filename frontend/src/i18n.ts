/**
 * The panel's words in English and Simplified Chinese. A key that one language lacks, and a key
 * that nobody has written, do not compile.
 */

import type { Definition } from "./api";
import { zhDefinitions } from "./i18n_definitions";
import type { Language } from "./state";

const en = {
  "tab.activations": "Activations",
  "tab.neurons": "Neurons",
  "tabs": "Views",
  "runs": "Runs",
  "runs.filter": "Filter runs (regex)",
  "runs.filter.bad": "Not a regular expression",
  "runs.none.match": "No run matches.",
  "runs.only": "only",
  "runs.only.title": "Show only {run}",
  "runs.without": "no data of nnviz_tb",
  "layers": "Layers",
  "layers.search": "Search layers",
  "layers.none.match": "No layer matches.",
  "axis": "Axis",
  "axis.step": "step",
  "axis.time": "relative time",
  "language": "Language",
  "live.starting": "connecting …",
  "live.live": "live · step {step} · {age}",
  "live.idle": "at rest · step {step} · {age}",
  "live.paused": "paused · step {step} · {age}",
  "live.stale": "stale · no answer for {age}",
  "live.title.live": "New steps appear by themselves. Click to pause.",
  "live.title.idle": "No new step in the last minute: training is over, or waiting. New steps will appear by themselves. Click to pause.",
  "live.title.paused": "Updates are paused. Click to go on.",
  "live.title.stale": "TensorBoard does not answer; what you see may be out of date.",
  "live.nodata": "live · no step yet",
  "age.now": "just now",
  "age.seconds": "{n} s ago",
  "age.minutes": "{n} min ago",
  "age.hours": "{n} h ago",
  "age.days": "{n} d ago",
  "span.seconds": "{n} s",
  "span.minutes": "{n} min",
  "cost": "logging cost {share}",
  "link.copy": "Copy link",
  "link.copied": "Copied",
  "timeline": "Timeline",
  "timeline.scalars": "Scalars",
  "timeline.smoothing": "Smoothing",
  "timeline.hint": "drag to zoom every chart · ← → move the step · space plays",
  "timeline.play": "Play",
  "timeline.stop": "Stop",
  "timeline.reset": "Show all steps",
  "timeline.follow": "Follow the last step",
  "timeline.empty": "No scalars yet: give them to log_model, or write them with add_scalar.",
  "step": "step {step}",
  "step.last": "last step {step}",
  "step.label": "Step",
  "step.previous": "Previous step",
  "step.next": "Next step",
  "units.neurons": "{n} neurons",
  "units.one": "1 neuron",
  "legend.inputs": "inputs at the step",
  "legend.outputs": "outputs at the step",
  "legend.click": "click pins it",
  "badge.dead": "dead {share}",
  "badge.saturated": "saturated {share}",
  "badge.nonfinite": "{n} not finite",
  "badge.entropy": "entropy {value}",
  "health.unknown": "not measured",
  "health.healthy": "healthy",
  "health.warning": "warning",
  "health.flagged": "flagged",
  "card.samples": "{n} inputs at step {step}",
  "card.export": "Save",
  "card.png": "Picture (PNG, 2×)",
  "card.csv": "Numbers (CSV)",
  "card.neurons": "Neurons of this layer",
  "density.input": "inputs",
  "density.output": "outputs",
  "nocurve": "{name} is not an elementwise function: it has no curve, so its inputs and outputs stand side by side.",
  "learnable": "learned",
  "perchannel": "per channel",
  "neurons.statistic": "Statistic",
  "neurons.unrecorded": "not recorded",
  "neurons.sort": "Sort",
  "sort.index": "index",
  "sort.value": "value",
  "sort.movement": "movement",
  "sort.similarity": "similarity",
  "sort.index.title": "By the neuron's number",
  "sort.value.title": "By the value at the step of the cursor, highest first",
  "sort.movement.title": "By the distance between the lowest and the highest value over all steps, most first",
  "sort.similarity.title": "Neurons whose weights have moved alike stand together (from the path sketches)",
  "neurons.all": "{n} neurons",
  "neurons.sample": "{tracked} of {n} neurons",
  "neurons.sample.title": "The layer is wider than its share of the byte budget: a fixed, spread-out sample of neurons is tracked. Quantiles are over all neurons, and the most extreme ones of each step are kept as well.",
  "neurons.kept": "{steps} steps kept, {first}–{last}",
  "neurons.kernel": "kernel {shape}",
  "neurons.run": "Run",
  "heat.title": "Every neuron × step",
  "heat.hint": "rows by {sort} · click pins a neuron · drag zooms",
  "trajectories.title": "Trajectories",
  "trajectories.sub": "density of all, outliers and pinned as lines",
  "trajectories.hint": "fan: 5–95 % and 25–75 % of all {n} neurons, line: median",
  "path.title": "Paths through weight space",
  "path.sub": "PCA of {n} neurons · {share} of the variance",
  "weights.title": "Neuron {neuron}",
  "weights.titles": "Neurons {neurons}",
  "weights.sub": "{columns} of {fan} incoming weights, and bias",
  "weights.sub.all": "all {fan} incoming weights, and bias",
  "weights.release": "Release neuron {neuron}",
  "weights.clear": "Release all",
  "weights.bias": "bias",
  "weights.none.title": "No neuron pinned",
  "weights.none": "Click a row of the heat map, a bar of an activation card or a path, or type a neuron's number, to see its raw weights and bias over the steps.",
  "weights.add": "Pin neuron",
  "weights.add.label": "Number of a neuron",
  "weights.unkept": "The raw weights of neuron {neuron} were not kept: the layer is wider than its share of the byte budget. Its statistics are in the other charts.",
  "error.title": "Could not be shown",
  "error.retry": "Try again",
  "error.offline": "Check that TensorBoard is still running, then try again.",
  "loading": "Loading",
  "empty.runs.title": "Nothing to look at yet",
  "empty.runs": "No run in this log directory has been written by nnviz_tb. One call in the training loop fills this panel; it notices new data by itself:",
  "empty.select.title": "No run is selected",
  "empty.select": "Tick one or more runs on the left.",
  "empty.activations.title": "No activations in these runs",
  "empty.activations": "The selected runs hold weights but no activation functions. Pass the model itself, or name its functions and what reaches them:",
  "empty.activations.match": "No layer with an activation matches the search on the left.",
  "empty.density": "No inputs were recorded: the curve stands on the default grid. A probe batch shows what really reaches it:",
  "empty.layers.title": "No layer with neurons",
  "empty.layers": "The selected runs hold no layer with a kernel. Pass the model, or its arrays by name:",
  "empty.statistic": "“{statistic}” was not recorded for this layer.",
  "empty.gradient": "Gradients are recorded where they are given or seen:",
  "empty.update": "The update ratio needs the weights right before and right after one optimizer step, which only the callback sees:",
  "empty.activity": "Activity needs inputs, and an activation with a zone of death (as ReLU):",
  "empty.saturation": "Saturation needs inputs, and a bounded activation (as tanh):",
  "empty.samples": "This needs what reaches the activation:",
  "empty.bias": "The layer has no bias.",
  "empty.sketch": "No path sketches were kept for this layer.",
  "copy": "Copy",
  "copied": "Copied",
  "definition.source": "Source",
  "skipped": "{n} rows could not be read",
  "missing.run": "not in {runs}",
} as const;

export type Key = keyof typeof en;

const zh: Readonly<Record<Key, string>> = {
  "tab.activations": "激活函数",
  "tab.neurons": "神经元",
  "tabs": "视图",
  "runs": "运行",
  "runs.filter": "筛选运行（正则表达式）",
  "runs.filter.bad": "不是有效的正则表达式",
  "runs.none.match": "没有匹配的运行。",
  "runs.only": "仅此",
  "runs.only.title": "只显示 {run}",
  "runs.without": "没有 nnviz_tb 数据",
  "layers": "层",
  "layers.search": "搜索层",
  "layers.none.match": "没有匹配的层。",
  "axis": "横轴",
  "axis.step": "步",
  "axis.time": "相对时间",
  "language": "语言",
  "live.starting": "正在连接……",
  "live.live": "实时 · 第 {step} 步 · {age}",
  "live.idle": "静止 · 第 {step} 步 · {age}",
  "live.paused": "已暂停 · 第 {step} 步 · {age}",
  "live.stale": "已过时 · {age} 没有响应",
  "live.title.live": "新的步会自动出现。点击可暂停。",
  "live.title.idle": "最近一分钟没有新的步：训练已结束或在等待。新的步会自动出现。点击可暂停。",
  "live.title.paused": "更新已暂停。点击继续。",
  "live.title.stale": "TensorBoard 没有响应，所见内容可能已过时。",
  "live.nodata": "实时 · 还没有数据",
  "age.now": "刚刚",
  "age.seconds": "{n} 秒前",
  "age.minutes": "{n} 分钟前",
  "age.hours": "{n} 小时前",
  "age.days": "{n} 天前",
  "span.seconds": "{n} 秒",
  "span.minutes": "{n} 分钟",
  "cost": "记录开销 {share}",
  "link.copy": "复制链接",
  "link.copied": "已复制",
  "timeline": "时间线",
  "timeline.scalars": "标量",
  "timeline.smoothing": "平滑",
  "timeline.hint": "拖动以缩放所有图表 · ← → 移动步 · 空格播放",
  "timeline.play": "播放",
  "timeline.stop": "停止",
  "timeline.reset": "显示所有步",
  "timeline.follow": "跟随最后一步",
  "timeline.empty": "还没有标量：传给 log_model，或用 add_scalar 写入。",
  "step": "第 {step} 步",
  "step.last": "最后一步 {step}",
  "step.label": "步",
  "step.previous": "上一步",
  "step.next": "下一步",
  "units.neurons": "{n} 个神经元",
  "units.one": "1 个神经元",
  "legend.inputs": "该步的输入",
  "legend.outputs": "该步的输出",
  "legend.click": "点击可固定",
  "badge.dead": "死亡 {share}",
  "badge.saturated": "饱和 {share}",
  "badge.nonfinite": "{n} 个非有限值",
  "badge.entropy": "熵 {value}",
  "health.unknown": "未测量",
  "health.healthy": "健康",
  "health.warning": "警告",
  "health.flagged": "异常",
  "card.samples": "第 {step} 步的 {n} 个输入",
  "card.export": "保存",
  "card.png": "图片（PNG，2 倍）",
  "card.csv": "数据（CSV）",
  "card.neurons": "该层的神经元",
  "density.input": "输入",
  "density.output": "输出",
  "nocurve": "{name} 不是逐元素函数，没有曲线，因此并列显示它的输入和输出。",
  "learnable": "可学习",
  "perchannel": "逐通道",
  "neurons.statistic": "统计量",
  "neurons.unrecorded": "未记录",
  "neurons.sort": "排序",
  "sort.index": "编号",
  "sort.value": "数值",
  "sort.movement": "移动",
  "sort.similarity": "相似",
  "sort.index.title": "按神经元编号",
  "sort.value.title": "按光标所在步的数值，从高到低",
  "sort.movement.title": "按所有步中最低值与最高值之差，从大到小",
  "sort.similarity.title": "权重移动相似的神经元排在一起（由路径草图计算）",
  "neurons.all": "{n} 个神经元",
  "neurons.sample": "{n} 个神经元中的 {tracked} 个",
  "neurons.sample.title": "该层超出了它的字节预算份额：跟踪一组固定、均匀分布的神经元。分位数覆盖全部神经元，每一步最极端的神经元也会保留。",
  "neurons.kept": "保留 {steps} 步，{first}–{last}",
  "neurons.kernel": "核 {shape}",
  "neurons.run": "运行",
  "heat.title": "所有神经元 × 步",
  "heat.hint": "行按{sort}排序 · 点击固定神经元 · 拖动缩放",
  "trajectories.title": "轨迹",
  "trajectories.sub": "全部以密度表示，离群和固定的画成线",
  "trajectories.hint": "扇形：全部 {n} 个神经元的 5–95 % 与 25–75 %，线：中位数",
  "path.title": "权重空间中的路径",
  "path.sub": "{n} 个神经元的 PCA · 方差的 {share}",
  "weights.title": "神经元 {neuron}",
  "weights.titles": "神经元 {neurons}",
  "weights.sub": "{fan} 个输入权重中的 {columns} 个，以及偏置",
  "weights.sub.all": "全部 {fan} 个输入权重，以及偏置",
  "weights.release": "取消固定神经元 {neuron}",
  "weights.clear": "全部取消",
  "weights.bias": "偏置",
  "weights.none.title": "没有固定的神经元",
  "weights.none": "点击热图的一行、激活卡片的一根柱或一条路径，或输入神经元编号，即可查看它的原始权重和偏置随步的变化。",
  "weights.add": "固定神经元",
  "weights.add.label": "神经元编号",
  "weights.unkept": "没有保留神经元 {neuron} 的原始权重：该层超出了它的字节预算份额。它的统计量见其他图表。",
  "error.title": "无法显示",
  "error.retry": "重试",
  "error.offline": "请确认 TensorBoard 仍在运行，然后重试。",
  "loading": "正在加载",
  "empty.runs.title": "还没有可看的内容",
  "empty.runs": "此日志目录中没有由 nnviz_tb 写入的运行。在训练循环中加一次调用即可填充此面板；新数据会自动出现：",
  "empty.select.title": "没有选择运行",
  "empty.select": "请在左侧勾选一个或多个运行。",
  "empty.activations.title": "这些运行中没有激活函数",
  "empty.activations": "所选运行有权重，但没有激活函数。请传入模型本身，或给出函数名称及其输入：",
  "empty.activations.match": "没有带激活函数的层与左侧的搜索匹配。",
  "empty.density": "没有记录输入：曲线画在默认网格上。传入探测批次即可看到真实输入：",
  "empty.layers.title": "没有带神经元的层",
  "empty.layers": "所选运行没有带核的层。请传入模型，或按名称传入数组：",
  "empty.statistic": "该层没有记录“{statistic}”。",
  "empty.gradient": "给出或能看到梯度时才会记录：",
  "empty.update": "更新比需要一次优化器步骤前后的权重，只有回调能看到：",
  "empty.activity": "活跃度需要输入，以及带死区的激活函数（如 ReLU）：",
  "empty.saturation": "饱和度需要输入，以及有界的激活函数（如 tanh）：",
  "empty.samples": "这需要到达激活函数的输入：",
  "empty.bias": "该层没有偏置。",
  "empty.sketch": "没有为该层保留路径草图。",
  "copy": "复制",
  "copied": "已复制",
  "definition.source": "来源",
  "skipped": "{n} 行无法读取",
  "missing.run": "不在 {runs} 中",
};

export const DICTIONARIES: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, zh };
const LOCALES: Readonly<Record<Language, string>> = { en: "en", zh: "zh-CN" };

export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", zh: "中文" };

/** The browser's first language that we speak. */
export function preferredLanguage(languages: readonly string[]): Language {
  for (const language of languages) {
    const base = language.toLowerCase().split("-")[0];
    if (base === "zh") return "zh";
    if (base === "en") return "en";
  }
  return "en";
}

/** Words and numbers as one language writes them. */
export class Words {
  readonly #integer: Intl.NumberFormat;

  constructor(readonly language: Language) {
    this.#integer = new Intl.NumberFormat(LOCALES[language], { maximumFractionDigits: 0 });
  }

  /** Tag for `lang` attributes. */
  get locale(): string {
    return LOCALES[this.language];
  }

  readonly t = (key: Key, values: Readonly<Record<string, string | number>> = {}): string =>
    DICTIONARIES[this.language][key].replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? this.integer(value) : value;
    });

  /** 16,384 */
  integer(value: number): string {
    return this.#integer.format(value);
  }

  /** 41 %; a dash for what was not measured. */
  share(value: number): string {
    if (Number.isNaN(value)) return "—";
    const percent = value * 100;
    // Rounding must not turn something into nothing, nor nearly all into all.
    if (percent > 0 && percent < 0.1) return "< 0.1 %";
    if (percent > 99.9 && percent < 100) return "> 99.9 %";
    return `${percent >= 10 || percent === 0 ? Math.round(percent) : percent.toFixed(1)} %`;
  }

  /** Three significant digits, in powers of ten where they are shorter. */
  figure(value: number): string {
    if (Number.isNaN(value)) return "—";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const magnitude = Math.abs(value);
    if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e5)) {
      return value.toExponential(1).replace("-", "−").replace("e+", "e");
    }
    return String(Number(value.toPrecision(3))).replace("-", "−");
  }

  /** 2 s ago */
  age(seconds: number): string {
    if (seconds < 1) return this.t("age.now");
    if (seconds < 60) return this.t("age.seconds", { n: Math.floor(seconds) });
    if (seconds < 3600) return this.t("age.minutes", { n: Math.floor(seconds / 60) });
    if (seconds < 86_400) return this.t("age.hours", { n: Math.floor(seconds / 3600) });
    return this.t("age.days", { n: Math.floor(seconds / 86_400) });
  }

  /** 12 s */
  span(seconds: number): string {
    if (seconds < 120) return this.t("span.seconds", { n: Math.floor(seconds) });
    return this.t("span.minutes", { n: Math.floor(seconds / 60) });
  }

  /** A figure's definition in this language; the server's own where we have no translation. */
  definition(name: string, given: Definition | undefined): Definition | null {
    const translated = this.language === "zh" ? zhDefinitions[name] : undefined;
    if (given === undefined) return null;
    return translated === undefined ? given : { ...given, ...translated };
  }
}
