"""Weights of torch modules as ``[fan_in, neurons]``, biases as ``[neurons]``.

Each kind of module has one function here that knows its axis order. torch keeps the outputs first
nearly everywhere, so most views are transpositions that copy nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from nnviz_tb.adapters.grouping import matrix
from nnviz_tb.adapters.torch.axis_view import (
    BIAS,
    EVERY_ENTRY,
    INPUTS_FIRST,
    OUTPUTS_FIRST,
    AxisView,
)
from nnviz_tb.adapters.torch.modules import is_torch_own, torch_kinds
from nnviz_tb.layers import Array

View = Callable[[Array], Array]

LOW_RANK_NOTE = (
    "one of two factors of a low-rank term; what it adds to the weight beside it is not computed"
)
PROJECTION_NOTE = "projects the hidden state of the cell to what it hands on"
FIRST_AXIS_NOTE = "unknown kind of module: the first axis of its weights is taken as the neurons"

_NORMS = ("_NormBase", "LayerNorm", "GroupNorm", "RMSNorm")
_GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3}


@dataclass(frozen=True)
class Part:
    """One kernel of a module with what belongs to it.

    Attributes:
      suffix: what is added to the module's path, empty for the main kernel.
      kernel: name of the kernel in the module, empty when there is none.
      view: kernel or its gradient to ``[fan_in, neurons]``.
      bias: name of the bias in the module, empty when there is none.
      bias_view: bias or its gradient to ``[neurons]``.
      notes: sentences on how it is to be read.
    """

    suffix: str
    kernel: str
    view: View
    bias: str = ""
    bias_view: View = BIAS
    notes: tuple[str, ...] = ()


def parts_of(module: nn.Module, names: dict[str, torch.Tensor]) -> list[Part]:
    """The kernels of a module, the main one first.

    Args:
      module: a module of any kind.
      names: its own parameters and computed weights, by name.
    """
    for kind in torch_kinds(module):
        if kind in _PARTS:
            try:
                parts = _PARTS[kind](module, names)
            except AttributeError:
                break  # a traced module has lost its numbers, as those of groups and heads
            return parts if is_torch_own(module) else [*parts, *_further(names, parts)]
    if type(module).__name__ == "Conv1D" and "weight" in names:
        # Hugging Face's linear layer of GPT-2: the inputs come first.
        return [Part("", "weight", INPUTS_FIRST, "bias" if "bias" in names else "")]
    return _guessed(module, names)


def _further(names: dict[str, torch.Tensor], parts: list[Part]) -> list[Part]:
    """Kernels that a class of the user's own added to a kind of torch's."""
    taken = {part.kernel for part in parts} | {part.bias for part in parts}
    left = [name for name, value in names.items() if value.dim() >= 2 and name not in taken]
    view, note = _factors(names.get("weight"), [names[name] for name in left])
    return [Part(name, name, view, notes=(note,)) for name in left]


def _factors(weight: torch.Tensor | None, pair: list[torch.Tensor]) -> tuple[AxisView, str]:
    """How two factors of a low-rank term are viewed, and a word; as unknown ones if they are none.

    Args:
      weight: ``[outputs, inputs]`` beside which they stand, or None.
      pair: tensors in the order in which the module has them.
    """
    if weight is not None and weight.dim() == 2 and len(pair) == 2:
        first, second = tuple(pair[0].shape), tuple(pair[1].shape)
        outputs, inputs = weight.shape
        for rank in first:
            if (first, second) == ((rank, inputs), (outputs, rank)):
                return OUTPUTS_FIRST, LOW_RANK_NOTE
            if (first, second) == ((inputs, rank), (rank, outputs)):
                return INPUTS_FIRST, LOW_RANK_NOTE
    return OUTPUTS_FIRST, FIRST_AXIS_NOTE


def _plain(view: View) -> Callable[[nn.Module, dict[str, torch.Tensor]], list[Part]]:
    def parts(module: nn.Module, names: dict[str, torch.Tensor]) -> list[Part]:
        return [Part("", "weight", view, "bias" if "bias" in names else "")]

    return parts


def _transposed_convolution(module: nn.Module, names: dict[str, torch.Tensor]) -> list[Part]:
    groups = int(module.groups)  # type: ignore[arg-type]
    if groups == 1:
        return [Part("", "weight", AxisView((1,)), "bias" if "bias" in names else "")]

    def view(kernel: Array) -> Array:
        # [inputs, outputs / groups, *space]; every group of inputs feeds its own outputs.
        inputs, outputs = kernel.shape[0] // groups, kernel.shape[1]
        grouped = kernel.reshape(groups, inputs, outputs, -1).transpose(1, 3, 0, 2)
        flat: Array = grouped.reshape(-1, groups * outputs)
        return flat

    return [Part("", "weight", view, "bias" if "bias" in names else "")]


def _recurrent(module: nn.Module, names: dict[str, torch.Tensor]) -> list[Part]:
    gates = next((_GATES[kind] for kind in torch_kinds(module) if kind in _GATES), 1)
    notes: tuple[str, ...] = (
        "its gates are computed inside one operation of torch, so their inputs are not seen",
    )
    if gates > 1:
        notes = (f"its neurons are those of {gates} gates, one gate after another", *notes)
    parts = []
    for name in names:
        if name.startswith("weight_"):
            bias = name.replace("weight_", "bias_", 1)
            if "_hr" in name:
                parts.append(Part(name, name, OUTPUTS_FIRST, notes=(PROJECTION_NOTE,)))
            else:
                own_bias = bias if bias in names else ""
                parts.append(Part(name, name, OUTPUTS_FIRST, own_bias, notes=notes))
    return parts


def _attention(module: nn.Module, names: dict[str, torch.Tensor]) -> list[Part]:
    size = int(module.embed_dim)  # type: ignore[arg-type]
    notes = ("its attention weights are computed inside one operation of torch, not seen here",)
    bias = "in_proj_bias" if "in_proj_bias" in names else ""

    parts = []
    for place, letter in enumerate("qkv"):
        name = f"{letter}_proj"
        third = place * size, (place + 1) * size
        if "in_proj_weight" in names:
            kernel, view = "in_proj_weight", AxisView((0,), *third)
        else:
            kernel, view = f"{name}_weight", OUTPUTS_FIRST
        parts.append(Part(name, kernel, view, bias, AxisView(None, *third, flat=True), notes))
    return parts


def _normalisation(module: nn.Module, names: dict[str, torch.Tensor]) -> list[Part]:
    bias = "bias" if "bias" in names else ""
    return [Part("", "weight" if "weight" in names else "", EVERY_ENTRY, bias)]


def _no_kernel(module: nn.Module, names: dict[str, torch.Tensor]) -> list[Part]:
    """All weights are parameters of an activation function, not incoming weights of neurons."""
    return [Part("", "", matrix)]


def _guessed(module: nn.Module, names: dict[str, torch.Tensor]) -> list[Part]:
    """Parameters of a kind of module that nobody knows, by their names and shapes."""
    kernels = [name for name, value in names.items() if value.dim() >= 2]
    if not kernels:
        return [Part("", "", matrix)] if names else []
    parts = []
    inside = [child for child in module.children() if isinstance(child, nn.Linear)]
    weight = inside[0].weight if len(inside) == 1 else None
    view, note = _factors(weight, [names[name] for name in kernels])
    main = "weight" if "weight" in kernels else kernels[0] if len(kernels) == 1 else ""
    for name in kernels:
        bias = name.replace("weight", "bias") if "weight" in name else ""
        fits = bias in names and tuple(names[bias].shape) == (names[name].shape[0],)
        suffix = "" if name == main else name
        parts.append(Part(suffix, name, view, bias if fits else "", notes=(note,)))
    return sorted(parts, key=lambda part: part.suffix != "")


_PARTS: dict[str, Callable[[nn.Module, dict[str, torch.Tensor]], list[Part]]] = {
    "Linear": _plain(OUTPUTS_FIRST),
    "Bilinear": _plain(OUTPUTS_FIRST),
    "_ConvTransposeNd": _transposed_convolution,
    "_ConvNd": _plain(OUTPUTS_FIRST),
    "Embedding": _plain(OUTPUTS_FIRST),
    "EmbeddingBag": _plain(OUTPUTS_FIRST),
    "RNNBase": _recurrent,
    "RNNCellBase": _recurrent,
    "MultiheadAttention": _attention,
    **dict.fromkeys(_NORMS, _normalisation),
    "PReLU": _no_kernel,
}
