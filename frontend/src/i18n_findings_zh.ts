/** Kinds of findings, thresholds and sentences in Simplified Chinese. */

import type { Phrase } from "./i18n_findings";

interface KindText {
  readonly label: string;
  readonly text: string;
  readonly advice: string;
}

const WHAT: Readonly<Record<string, string>> = {
  inputs: "输入",
  outputs: "输出",
  gradient: "梯度",
  weights: "权重",
  loss: "损失",
};

export const zhShort: Readonly<Record<string, Phrase>> = {
  nonfinite: ({ text }) => `${WHAT[text("what")] ?? text("what")}出现 NaN 或无穷`,
  dead_units: ({ share }) => `${share("figure")} 死亡`,
  saturated_units: ({ share }) => `${share("figure")} 饱和`,
  dormant_units: ({ share }) => `${share("figure")} 休眠`,
  inputs_out_of_range: ({ share }) => `${share("figure")} 的输入落在平坦区`,
  unscaled_inputs: ({ text }) => `输入大小为 ${text("figure")} 而非 1`,
  update_too_large: ({ text, is }) => (is("leap", 1) ? `单次更新达权重的 ${text("figure")} 倍` : `更新过大：${text("figure")}`),
  update_too_small: ({ text }) => `更新过小：${text("figure")}`,
  frozen_layer: () => "不再移动",
  zero_weights: () => "权重全为零",
  vanishing_gradient: () => "梯度消失",
  exploding_gradient: () => "梯度爆炸",
  weights_growing: ({ text }) => `权重增至 ${text("figure")} 倍`,
  duplicate_neurons: ({ share }) => `${share("figure")} 近似重复`,
  constant_output: () => "输出无法变化",
  loss_diverged: ({ text }) => `${text("tag")} 已发散`,
  loss_oscillates: ({ text }) => `${text("tag")} 振荡`,
  loss_stalled: ({ text }) => `${text("tag")} 停滞`,
};

export const zhSentences: Readonly<Record<string, Phrase>> = {
  nonfinite: ({ layer, text, is }) =>
    `第 ${text("first_step")} 步出现 NaN 或无穷，最先在${is("what", "loss") ? "损失" : ` ${layer} 的${WHAT[text("what")] ?? text("what")}`}中${is("last_clean_step", -1) ? "" : `；第 ${text("last_clean_step")} 步仍然正常`}。`,
  dead_units: ({ layer, share, text }) =>
    `自第 ${text("first_step")} 步起，${layer} 的 ${share("figure")} 的单元死亡，活跃样本不到 1 %（阈值 ${share("threshold")}）。`,
  saturated_units: ({ layer, share, text, is }) =>
    `自第 ${text("first_step")} 步起，${share("figure")} 的样本使 ${layer} 饱和（阈值 ${share("threshold")}）${is("output", 1) ? "：除非损失是交叉熵，几乎没有梯度能通过" : "，几乎没有梯度能通过"}。`,
  dormant_units: ({ layer, share, text }) =>
    `自第 ${text("first_step")} 步起，${layer} 的 ${share("figure")} 的神经元休眠（阈值 ${share("threshold")}）：与同层其他神经元相比几乎没有输出。`,
  inputs_out_of_range: ({ layer, share, text }) =>
    `自第 ${text("first_step")} 步起，${layer} 的激活函数有 ${share("figure")} 的输入落在平坦区（阈值 ${share("threshold")}）。`,
  unscaled_inputs: ({ layer, text }) =>
    `由预激活值和权重估计，进入 ${layer} 的数据均方根约为 ${text("figure")}（阈值 ${text("threshold")}）；均值为 0、方差为 1 的输入为 1。`,
  update_too_large: ({ layer, text, is }) =>
    is("leap", 1)
      ? `第 ${text("first_step")} 至 ${text("last_step")} 步之间，单次优化器步骤使 ${layer} 的权重改变了其范数的 ${text("figure")} 倍：原来的权重已不复存在。`
      : `自第 ${text("first_step")} 步起，一次优化器步骤使 ${layer} 的权重改变其范数的 ${text("figure")}；约 0.001 为健康，阈值为 ${text("threshold")}。`,
  update_too_small: ({ layer, text, is }) =>
    `自第 ${text("first_step")} 步起，一次优化器步骤仅使 ${layer} 的权重改变其范数的 ${text("figure")}；约 0.001 为健康，阈值为 ${text("threshold")}。${is("from_start", 1) ? "" : "它之前移动过：在学习率计划末尾这很常见。"}`,
  frozen_layer: ({ layer, text }) =>
    layer === ""
      ? `自第 ${text("first_step")} 步起，全部 ${text("layers")} 个可训练层都没有移动。`
      : `${layer} 可训练，但自第 ${text("first_step")} 步起没有移动，而其他 ${text("moving_layers")} 层有移动。`,
  zero_weights: ({ layer, text }) => `自第 ${text("first_step")} 步起，${layer} 的全部 ${text("weights")} 个权重为零。`,
  vanishing_gradient: ({ layer, text }) =>
    `自第 ${text("first_step")} 步起，梯度在到达 ${layer} 的途中消失：其范数为 ${text("norm")}，是 ${text("last_layer")} 的 ${text("figure")}（阈值 ${text("threshold")}）。`,
  exploding_gradient: ({ layer, text, is }) =>
    `自第 ${text("first_step")} 步起，${layer} 的梯度爆炸：其范数是${is("of_weights", 1) ? "其权重范数的" : ` ${text("last_layer")} 的`} ${text("figure")} 倍（阈值 ${text("threshold")}）。`,
  weights_growing: ({ layer, text }) =>
    `${layer} 的权重范数增长到原来的 ${text("figure")} 倍，从 ${text("start")} 到 ${text("end")}，且没有放缓（阈值 ${text("threshold")} 倍）。`,
  duplicate_neurons: ({ layer, share, text }) =>
    `自第 ${text("first_step")} 步起，${layer} 的 ${text("compared")} 个神经元中有 ${text("twins")} 个近似重复（阈值 ${share("threshold")}）。`,
  constant_output: ({ layer }) => `${layer} 对单个神经元使用 softmax，对任何输入都是 1。`,
  loss_diverged: ({ text }) =>
    `${text("tag")} 已发散：自第 ${text("first_step")} 步起从 ${text("start")} 升至 ${text("highest")}，在第 ${text("last_step")} 步为 ${text("now")}。`,
  loss_oscillates: ({ text }) =>
    `自第 ${text("first_step")} 步起，${text("tag")} 在 ${text("level")} 附近摆动 ${text("swing")}：超过自开始以来的下降量（${text("gained")}）。`,
  loss_stalled: ({ text, share }) =>
    `${text("tag")} 仅下降了 ${share("figure")}，从 ${text("start")} 到 ${text("lowest")}（阈值 ${share("threshold")}）。`,
};

export const zhKinds: Readonly<Record<string, KindText>> = {
  nonfinite: {
    label: "NaN 或无穷",
    text: "权重、梯度、激活函数的输入或输出，或损失不是有限值。指出最先出现的步和层：向前看，是权重仍有限而激活不再有限的第一层；否则向后看，是梯度或权重不再有限的最后一层。若下一次记录时各层仍正常，则只指出损失。仅梯度如此时为警告，持续 `window` 个记录步后为严重：损失缩放会以溢出寻找其比例。softmax 用 −∞ 做的掩码，以及 log-softmax 由此得到的 −∞，是有意为之。持续的 NaN 之后不再判断。",
    advice: "查看该层在该步之前的情况：接近零的对数和除法、过高的学习率、没有损失缩放的半精度、数据中的 NaN。裁剪梯度、加 epsilon、降低学习率。",
  },
  dead_units: {
    label: "死亡单元",
    text: "在最近记录步的窗口内（至少 `samples` 个样本），单元活跃的样本不到 1 % 即为死亡。该层死亡单元比例高于 `dead_units` 时警告，高于 `dead_units_severe` 为严重。",
    advice: "降低学习率，检查偏置和初始化（ReLU 用 He），归一化输入，或改用 LeakyReLU、ELU、GELU。",
  },
  saturated_units: {
    label: "饱和单元",
    text: "对有界函数，|f′(x)| < 0.05·max|f′| 的样本即为饱和，有死区的一侧除外。比例高于 `saturated_units` 时警告，高于 `saturated_units_severe` 为严重。输出层最多为警告，因为交叉熵的梯度仍能通过；仅在训练开始后才饱和的输出层是确定而非病态：仅供参考。",
    advice: "缩放输入，用较小的权重初始化（Glorot），在激活之前归一化，降低学习率，或改用不会饱和的函数。",
  },
  dormant_units: {
    label: "休眠单元",
    text: "平均绝对输出不超过该层平均值的 0.025 的神经元处于休眠。比例高于 `dormant_units` 时警告；不判断输出层。",
    advice: "更小的层也能做到同样的事；要唤回这些神经元，可重新初始化它们（ReDo）或降低学习率。",
  },
  inputs_out_of_range: {
    label: "输入超出范围",
    text: "激活函数的全部输入中落在死区或饱和区（函数不再灵敏之处）的比例高于 `inputs_out_of_range`；高于 `inputs_out_of_range_severe` 为严重。输出层由“饱和单元”判断。",
    advice: "在激活之前归一化，检查偏置和初始化，缩放输入。",
  },
  unscaled_inputs: {
    label: "输入缩放不当",
    text: "由第一个记录步估计的进入第一层的均方根：std(z) / (rms(w)·√fan_in)。这是估计：微调等先前训练过的权重与数据相关；所有特征合在一起计算，千分之一的异常特征可能看不出来。高于 `unscaled_inputs` 或低于 `unscaled_inputs_small` 时警告；高于 `unscaled_inputs_severe` 为严重。不判断循环层。",
    advice: "让每个输入的均值为 0、方差为 1，或把归一化层放在最前。",
  },
  update_too_large: {
    label: "更新过大",
    text: "一次优化器步骤的 ‖ΔW‖/‖W‖ 高于 `update_too_large`；高于 `update_too_large_severe` 为严重。单步高于 `update_leap` 单独警告。‖W‖ 至少取 `near_zero` 对应的长度：从零开始的层先要离开零。",
    advice: "降低学习率，使用预热，裁剪梯度。",
  },
  update_too_small: {
    label: "更新过小",
    text: "一次优化器步骤的 ‖ΔW‖/‖W‖ 低于 `update_too_small`。从一开始就如此时警告；之前移动过则仅供参考。该比值仍在上升时（如预热）不指出。",
    advice: "提高学习率，检查梯度是否到达该层；在学习率计划末尾这很正常。",
  },
  frozen_layer: {
    label: "冻结的层",
    text: "可训练但完全没有移动的层：在连续 `window` 个看到优化器步骤的记录步上，位移低于 `frozen_layer`，且全部权重的均值、标准差和范数都未变。没有看到优化器步骤时需要 `frozen_rows` 个记录步，`frozen_rows_severe` 个为严重，以便累积梯度。所有层都不动时，对整个运行给出。",
    advice: "检查该层是否在通往损失的路径上、梯度是否在其之前被截断、优化器是否得到它的权重、学习率是否为 0。",
  },
  zero_weights: {
    label: "权重全为零",
    text: "可训练层的每个权重在窗口内都恰好为零：它的神经元都相同，也不传递梯度。若该层仍得到梯度、因而可能离开零，则为警告。",
    advice: "用随机权重初始化（Glorot、He）；零只用于偏置。",
  },
  vanishing_gradient: {
    label: "梯度消失",
    text: "‖g_first‖/‖g_last‖ < `vanishing_ratio` 且 ‖g_first‖ < `vanishing_norm`，按模型顺序，在该步有梯度的第一个与最后一个可训练层。从零开始的层（如 LoRA 的第二个因子）仍低于 `near_zero` 时不判断。",
    advice: "用 ReLU 或 GELU 代替 sigmoid 或 tanh，使用跳跃连接、归一化、He 或 Glorot 初始化，或减少层数。",
  },
  exploding_gradient: {
    label: "梯度爆炸",
    text: "可训练层的 ‖g‖/‖w‖ > `exploding_length`；或 ‖g_layer‖/‖g_last‖ > `exploding_ratio`，其中 last 是按模型顺序在该步有梯度的最后一层。‖g‖/‖w‖ > `exploding_length_severe` 为严重。‖w‖ 至少取 `near_zero` 对应的长度。指出最严重的层。",
    advice: "按范数裁剪梯度，用较小的权重初始化（循环权重用正交），使用门控单元，归一化，缩放输入，降低学习率。",
  },
  weights_growing: {
    label: "权重无限增长",
    text: "‖W‖ 超过原来的 `weights_growing` 倍，且后一半步数的增量至少为前一半的 `growth_kept`。高于 `weights_growing_severe` 为严重。原来的 ‖W‖ 至少取 `near_zero` 对应的长度。",
    advice: "加入权重衰减或检查其符号，降低学习率，检查损失是否有最小值。",
  },
  duplicate_neurons: {
    label: "近似重复的神经元",
    text: "两个神经元的随机投影相差小于其长度的 `duplicate_distance` 即为近似重复。被跟踪神经元中有重复者的比例高于 `duplicate_neurons` 时警告，高于 `duplicate_neurons_severe` 为严重。",
    advice: "起点相同的神经元会一直相同：用随机权重初始化，每层一个种子。",
  },
  constant_output: {
    label: "输出无法变化",
    text: "对单个神经元的 softmax 对任何输入都是 1，因此什么也学不到。",
    advice: "每个类别用一个神经元，或用 sigmoid 配二元交叉熵。",
  },
  loss_diverged: {
    label: "损失发散",
    text: "窗口内损失的中位数高出起点，超过 `loss_diverged` 乘以起点大小、最初 `loss_samples` 个值的摆动或已获得的下降量（取最大者），且此后未回到起点以下。起点是第一个窗口的中位数；若在该窗口内跃升到四倍以上，则为跃升之前的中位数。记录了总损失时，其各部分最多仅供参考；博弈双方的损失和散度项总是如此；反复穿过零的损失不作判断。其他关于损失的发现亦同。",
    advice: "降低学习率，使用预热，裁剪梯度；查找更新比最大的层。",
  },
  loss_oscillates: {
    label: "损失振荡",
    text: "在至少 `loss_samples` 个值的后一半中，去掉趋势后损失的摆动（5 至 95 %）超过其中位数的 `loss_oscillates`，且超过自开始以来的下降量。高于 `loss_oscillates_severe` 为严重，除非其中位数比最初 `loss_samples` 个值的中位数低 `loss_stalled` 以上：那说明它在下降。",
    advice: "降低学习率，使用更大的批次，打乱数据。",
  },
  loss_stalled: {
    label: "损失停滞",
    text: "在至少 `loss_samples` 个值之后，窗口中位数的最低值比起点低不到 `loss_stalled`；在 `loss_samples_severe` 个值之后低于 `loss_stalled_severe` 为严重。多数层的更新仍在增大时（如预热）仅供参考。下降后趋稳的损失是收敛，不会被指出。",
    advice: "若更新很小则提高学习率，检查标签、损失与最后激活是否匹配，查找死亡、饱和或冻结的层。",
  },
};

const SEVERE = "同上，严重。";

export const zhThresholds: Readonly<Record<string, string>> = {
  window: "判断之前取中位数的记录步数。",
  leave: "中位数低于阈值的这一比例时发现结束（对下限：高于阈值除以它），以免闪烁。",
  samples: "神经元至少要见过这么多样本才能称为死亡：n 个样本中沉默的单元，以 95 % 的置信度活跃不到 3/n。",
  dead_units: "一层中死亡神经元的比例。",
  dead_units_severe: SEVERE,
  saturated_units: "一层中饱和样本的比例。",
  saturated_units_severe: SEVERE,
  dormant_units: "一层中休眠神经元的比例。",
  inputs_out_of_range: "激活函数的输入落在死区或饱和区的比例。",
  inputs_out_of_range_severe: SEVERE,
  unscaled_inputs: "进入第一层的均方根；均值 0、方差 1 的输入为 1。",
  unscaled_inputs_severe: SEVERE,
  unscaled_inputs_small: "进入第一层的均方根，下限。",
  near_zero: "‖W‖ 与方差为 1/fan_in 的权重的范数（√神经元数）之比。低于它时权重还没有自己的长度（如从零开始的层），更新、梯度和增长改与这一长度相比。",
  update_too_large: "一次优化器步骤的 ‖Δw‖/‖w‖。",
  update_too_large_severe: SEVERE,
  update_leap: "单独一步的同一比值，即使不再出现也会指出：原来的权重已不复存在。",
  update_too_small: "一次优化器步骤的 ‖Δw‖/‖w‖，下限。",
  frozen_layer: "自上一个记录步以来的位移，下限：小于 float32 的分辨率。",
  frozen_rows: "没有看到优化器步骤时，一层完全没有移动、且比以往都久的记录步达到此数才称为冻结：梯度可能在其间累积。看到步骤时，`window` 个即足够，且为严重。",
  frozen_rows_severe: SEVERE,
  vanishing_ratio: "‖g_first‖/‖g_last‖，下限。",
  vanishing_norm: "‖g_first‖，下限。",
  exploding_ratio: "‖g_layer‖/‖g_last‖，上限。",
  exploding_length: "一层的 ‖g‖/‖w‖：以 0.001 的学习率做一步梯度下降会使权重改变十分之一。",
  exploding_length_severe: "同上，严重：以 0.0001 的学习率，一步就会替换全部权重。",
  weights_growing: "末尾的 ‖W‖ 与开始的 ‖W‖ 之比，且增长没有放缓。",
  weights_growing_severe: SEVERE,
  growth_kept: "后一半步数的增量至少为前一半的这一比例时，‖W‖ 的增长没有放缓。",
  duplicate_neurons: "被跟踪的神经元中在同层有近似重复者的比例。",
  duplicate_neurons_severe: SEVERE,
  duplicate_distance: "两个随机投影的 ‖a−b‖ 与较大者之比，下限。",
  loss_samples: "判断损失之前需要的值的个数。",
  loss_samples_severe: "停滞可能为严重之前需要的损失值的个数；预热不止几步。",
  loss_diverged: "损失高出起点的量，与起点大小、最初 `loss_samples` 个值的摆动或已获得的下降量（取最大者）之比。",
  loss_oscillates: "损失后一半的摆动（5 至 95 %）与其中位数之比。",
  loss_oscillates_severe: SEVERE,
  loss_stalled: "损失自开始以来的下降与起点之比，下限。",
  loss_stalled_severe: SEVERE,
};

export const zhReasons: Readonly<Record<string, { readonly clause: string; readonly advice: string }>> = {
  no_layers: { clause: "没有记录任何层，仅凭标量和直方图无法判断", advice: "用 nnviz_tb 的 log_model、回调或 watch 记录模型。" },
  no_inputs: { clause: "没有记录激活函数的输入", advice: "向 log_model 传入 inputs=probe_batch，或监视训练过程。" },
  no_gradients: { clause: "没有记录梯度", advice: "向 log_model 传入 gradients=…，或给 Keras 回调 gradients=True（TensorFlow 后端），或在 PyTorch 中用 watch。" },
  no_updates: { clause: "没有记录更新比：没有人看到某一步前后的权重", advice: "使用能看到它的回调或钩子。" },
  no_weights: { clause: "没有记录权重统计量", advice: "用 log_model、回调或 watch 记录模型。" },
  no_sketches: { clause: "没有记录神经元的随机投影", advice: "用 log_model 记录模型；若字节预算耗尽，请提高每步的预算。" },
  no_loss: { clause: "没有记录名为损失的标量", advice: "向 log_model 传入 scalars={\"loss\": loss}，或调用 add_scalar(\"loss\", …)。" },
  loss_around_zero: { clause: "损失反复穿过零，没有可比的大小", advice: "请用它要改善的指标来判断这样的运行。" },
  too_few_steps: { clause: "到目前为止记录的步太少", advice: "请等待，或更频繁地记录。" },
  too_few_samples: { clause: "窗口内的样本太少", advice: "使用更大的探测批次。" },
};

export function zhNotMeasured(kind: string, layers: readonly string[], clause: string): string {
  const where = layers.length > 1 ? `${layers.length} 层` : (layers[0] ?? "该运行");
  return `未对${where}判断“${kind}”：${clause}。`;
}
