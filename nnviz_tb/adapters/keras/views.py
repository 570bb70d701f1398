"""Kernels of Keras layers as ``[fan_in, neurons]``, biases as ``[neurons]``.

Each kind of layer has one function here that knows its axis order. A view is made without copying
wherever the strides allow one: everywhere but in transposed convolutions and in ``EinsumDense``
equations that interleave summed axes with neurons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnviz_tb.adapters.grouping import matrix
from nnviz_tb.adapters.keras.einsum import Contraction
from nnviz_tb.adapters.keras.kinds import keras_kinds
from nnviz_tb.layers import Array

View = Callable[[Array], "Array | None"]


def _flat(bias: Array) -> Array:
    return bias.reshape(-1)


@dataclass(frozen=True)
class Part:
    """One kernel of a layer with what belongs to it.

    Attributes:
      suffix: what is added to the layer's path, empty for the main kernel.
      kernel: the variable, or the effective kernel when a layer computes it (LoRA, int4).
      kernel_variable: the variable that is trained, None when there is none.
      view: kernel or its gradient to ``[fan_in, neurons]``.
      bias: variable or None.
      bias_view: bias or its gradient to ``[neurons]``, or None when it has no place there.
      name: the kernel's own name.
    """

    suffix: str
    kernel: Any
    kernel_variable: Any
    view: Callable[[Array], Array]
    bias: Any = None
    bias_view: View = _flat
    name: str = "kernel"


def parts_of(layer: Any) -> list[Part] | None:
    """The kernels of a layer of a known kind, the main one first; None when the kind is unknown."""
    for kind in keras_kinds(layer):
        if kind in _PARTS:
            return _PARTS[kind](layer)
    return None


def _kernel(layer: Any, view: Callable[[Array], Array], bias_view: View = _flat) -> list[Part]:
    """The kernel of layers that may compute it from others: LoRA, packed int4."""
    stored = getattr(layer, "_kernel", None)
    variable = layer.kernel if stored is None else stored
    effective = layer.kernel if _is_computed(layer) else variable
    return [Part("", effective, variable, view, getattr(layer, "bias", None), bias_view)]


def _is_computed(layer: Any) -> bool:
    mode = getattr(layer, "quantization_mode", None)
    return bool(getattr(layer, "lora_enabled", False)) or mode in ("int4", "gptq", "awq")


def _dense(layer: Any) -> list[Part]:
    return _kernel(layer, matrix)


def _einsum_dense(layer: Any) -> list[Part]:
    contraction = Contraction(layer.equation, layer.bias_axes)
    kernel_shape = tuple(layer.kernel.shape)
    return _kernel(
        layer,
        contraction.kernel_view,
        lambda bias: contraction.bias_view(bias, kernel_shape),
    )


def _transposed_convolution(layer: Any) -> list[Part]:
    # [*space, filters, channels], the other way round than a convolution.
    return _kernel(layer, lambda kernel: matrix(np.swapaxes(kernel, -1, -2)))


def _pairs(kernel: Array) -> Array:
    """``[*space, channels, multiplier]``: every pair of the last two is one output channel."""
    return kernel.reshape(-1, kernel.shape[-2] * kernel.shape[-1])


def _depthwise_convolution(layer: Any) -> list[Part]:
    return [Part("", layer.kernel, layer.kernel, _pairs, layer.bias)]


def _separable_convolution(layer: Any) -> list[Part]:
    depthwise, pointwise = layer.depthwise_kernel, layer.pointwise_kernel
    return [
        Part("", pointwise, pointwise, matrix, layer.bias, name="pointwise_kernel"),
        Part("depthwise_kernel", depthwise, depthwise, _pairs, name="depthwise_kernel"),
    ]


def _embedding(layer: Any) -> list[Part]:
    stored = getattr(layer, "_embeddings", None)
    variable = layer.embeddings if stored is None else stored
    effective = layer.embeddings if _is_computed(layer) else variable
    return [Part("", effective, variable, np.transpose, name="embeddings")]


def _recurrent_cell(layer: Any) -> list[Part]:
    bias = layer.bias
    if bias is None or len(bias.shape) == 1:
        views: tuple[View, View] = (_flat, _flat)
        recurrent_bias = None
    else:
        # GRU with reset_after adds one bias to each of the two products.
        views = (lambda value: value[0], lambda value: value[1])
        recurrent_bias = bias
    recurrent = layer.recurrent_kernel
    return [
        Part("", layer.kernel, layer.kernel, matrix, bias, views[0]),
        Part(
            "recurrent_kernel", recurrent, recurrent, matrix, recurrent_bias, views[1],
            name="recurrent_kernel",
        ),
    ]  # fmt: skip


def _normalisation(scale: str, shift: str) -> Callable[[Any], list[Part]]:
    """A scale for every neuron is a kernel of one incoming weight."""

    def parts(layer: Any) -> list[Part]:
        gamma, beta = getattr(layer, scale, None), getattr(layer, shift, None)
        if gamma is None:
            return [Part("", None, None, matrix, beta)]
        return [Part("", gamma, gamma, lambda value: value.reshape(1, -1), beta, name=scale)]

    return parts


def _no_kernel(layer: Any) -> list[Part]:
    """All weights are parameters of an activation function, not incoming weights of neurons."""
    return [Part("", None, None, matrix)]


_PARTS: dict[str, Callable[[Any], list[Part]]] = {
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "BaseConv": _dense,
    "BaseConvTranspose": _transposed_convolution,
    "BaseDepthwiseConv": _depthwise_convolution,
    "BaseSeparableConv": _separable_convolution,
    "Embedding": _embedding,
    "SimpleRNNCell": _recurrent_cell,
    "LSTMCell": _recurrent_cell,
    "GRUCell": _recurrent_cell,
    "ConvLSTMCell": _recurrent_cell,
    "BatchNormalization": _normalisation("gamma", "beta"),
    "LayerNormalization": _normalisation("gamma", "beta"),
    "GroupNormalization": _normalisation("gamma", "beta"),
    "RMSNormalization": _normalisation("scale", "beta"),
    "PReLU": _no_kernel,
}
