/** The server's definitions of figures (nnviz_tb/definitions.py) in Simplified Chinese. */

interface Translated {
  readonly label: string;
  readonly text: string;
}

export const zhDefinitions: Readonly<Record<string, Translated>> = {
  weight_norm: { label: "权重范数", text: "进入该神经元的权重的欧几里得范数 ‖w‖₂。" },
  bias: { label: "偏置", text: "该神经元的偏置。" },
  displacement: {
    label: "位移",
    text: "‖w_t − w_p‖ / ‖w_p‖：自上一个记录步 p 以来权重移动了多远。其间可能有许多优化器步骤，因此它不是更新比。",
  },
  distance: { label: "离起点距离", text: "‖w_t − w_0‖ / ‖w_0‖：权重离第一个记录步有多远。" },
  activity: {
    label: "活跃度",
    text: "到达该神经元的样本中落在激活函数死区之外的比例（对 ReLU 即正输入的比例）。仅适用于有死区的函数。",
  },
  weight_mean: { label: "权重均值", text: "该神经元输入权重的算术平均值。" },
  weight_std: { label: "权重标准差", text: "该神经元输入权重的总体标准差。" },
  weight_min: { label: "权重最小值", text: "该神经元输入权重中的最小值。" },
  weight_max: { label: "权重最大值", text: "该神经元输入权重中的最大值。" },
  gradient_norm: { label: "梯度范数", text: "进入的权重的梯度范数 ‖∂L/∂w‖₂，来自给出或观察到的梯度。" },
  update_ratio: {
    label: "更新比",
    text: "一次优化器步骤的 ‖Δw‖ / ‖w‖，由该步骤前后的权重得出。约 1e-3 为健康；高于 1e-1 或低于 1e-4 会被标出。",
  },
  dormancy: {
    label: "休眠分数",
    text: "s = E|h| / 该层神经元 E|h| 的平均值。s ≤ 0.025 的神经元处于休眠。",
  },
  saturation: { label: "饱和度", text: "|f′(x)| < 0.05·max|f′| 的样本比例，死亡区内的除外。仅适用于有界函数。" },
  gradient_nonfinite_count: { label: "非有限梯度", text: "梯度中有多少元素为 NaN 或无穷。" },
  dead_share: {
    label: "死亡",
    text: "在最近记录步的窗口内，对全部样本活跃不到 1 % 的神经元所占比例。超过 20 % 警告，超过 50 % 标出。",
  },
  saturated_share: {
    label: "饱和",
    text: "所有神经元的全部样本中 |f′(x)| < 0.05·max|f′| 的比例，死亡区内的除外。仅适用于有界函数。",
  },
  dormant_share: { label: "休眠", text: "休眠分数 ≤ 0.025 的神经元所占比例。" },
  entropy: {
    label: "熵",
    text: "softmax 输出的平均香农熵 −Σ p·ln p 除以类别数的自然对数：0 为确定，1 为均匀。仅适用于 softmax。",
  },
  sample_count: { label: "样本数", text: "该步看到的激活函数输入个数。" },
  input_nonfinite_count: { label: "非有限输入", text: "激活函数的输入中有多少为 NaN 或无穷。" },
  weight_nan_count: { label: "权重：NaN 个数", text: "核的全部权重中 NaN 的个数。" },
  overhead_share: { label: "开销", text: "自第一步以来用于记录的时间占全部时间的比例。" },
  cost_seconds: { label: "记录耗时", text: "这个记录步花费的实际时间。" },
};
