"""Kernels of Flax and Equinox modules as ``[fan_in, neurons]``, biases as ``[neurons]``.

Flax keeps neurons in the last axes of a kernel, Equinox in the first; both keep an embedding's
vectors in rows. No view is a copy, but for transposed convolutions with ``transpose_kernel``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnviz_tb.adapters.grouping import matrix
from nnviz_tb.layers import Array

View = Callable[[Array], Array]


@dataclass(frozen=True)
class Part:
    """One kernel of a module.

    Attributes:
      kernel: its name in the module; None when the module has none.
      view: kernel or its gradient to ``[fan_in, neurons]``.
      bias: name of what is added to its neurons, or None.
      own_layer: a further kernel of the module, that gets a layer of its own.
    """

    kernel: str | None
    view: View = matrix
    bias: str | None = None
    own_layer: bool = False


def module_kinds(module: object) -> Iterator[str]:
    """``package:Class`` of Flax's and Equinox's classes that it is one of, most special first."""
    for kind in type(module).__mro__:
        package = kind.__module__.split(".")[0]
        if package in ("flax", "equinox"):
            yield f"{package}:{kind.__name__}"


def parts_of(module: object | None, arrays: Mapping[str, Array]) -> list[Part] | None:
    """The kernels of a module of a known kind, the main one first; None when it is unknown."""
    for kind in module_kinds(module):
        if kind in _PARTS:
            parts = _PARTS[kind](module)
            known = [part for part in parts if part.kernel is None or part.kernel in arrays]
            return known or None
    return None


def flax_parts(arrays: Mapping[str, Array]) -> list[Part] | None:
    """The same of a Flax module of which only the arrays are known, by its names for them."""
    if "kernel" in arrays:
        kernel, bias = arrays["kernel"], arrays.get("bias")
        neuron_axes = 1 if bias is None else max(1, bias.ndim)
        fits = bias is None or kernel.shape[-neuron_axes:] == bias.shape
        return [Part("kernel", _last_axes(neuron_axes if fits else 1), "bias" if fits else None)]
    if "embedding" in arrays and arrays["embedding"].ndim == 2:
        return [Part("embedding", np.transpose)]
    if "scale" in arrays:
        return [Part("scale", _row, "bias")]
    return [Part(None)] if "negative_slope" in arrays else None


def _row(scale: Array) -> Array:
    """A scale for every neuron is a kernel of one incoming weight."""
    return scale.reshape(1, -1)


def _last_axes(count: int) -> View:
    def view(kernel: Array) -> Array:
        split = kernel.ndim - count
        return kernel.reshape(math.prod(kernel.shape[:split]), math.prod(kernel.shape[split:]))

    return view


def _first_axis(kernel: Array) -> Array:
    """``[neurons, …]``: one row for each neuron."""
    view: Array = kernel.reshape(kernel.shape[0], math.prod(kernel.shape[1:])).T
    return view


def _swapped(kernel: Array) -> Array:
    return matrix(np.swapaxes(kernel, -1, -2))


def _dense(_: Any) -> list[Part]:
    return [Part("kernel", matrix, "bias")]


def _general(module: Any) -> list[Part]:
    return [Part("kernel", _last_axes(len(module.out_features)), "bias")]


def _transposed_convolution(module: Any) -> list[Part]:
    return [Part("kernel", _swapped if module.transpose_kernel else matrix, "bias")]


def _flax_embedding(_: Any) -> list[Part]:
    return [Part("embedding", np.transpose)]


def _flax_scale(_: Any) -> list[Part]:
    return [Part("scale", _row, "bias")]


def _lora(_: Any) -> list[Part]:
    return [Part("lora_b"), Part("lora_a", own_layer=True)]


def _weight(_: Any) -> list[Part]:
    return [Part("weight", _first_axis, "bias")]


def _embedding(_: Any) -> list[Part]:
    return [Part("weight", np.transpose)]


def _weight_scale(_: Any) -> list[Part]:
    return [Part("weight", _row, "bias")]


def _recurrent_cell(_: Any) -> list[Part]:
    return [
        Part("weight_ih", _first_axis, "bias"),
        Part("weight_hh", _first_axis, own_layer=True),
    ]


def _no_kernel(_: Any) -> list[Part]:
    """All arrays are parameters of an activation function, not incoming weights of neurons."""
    return [Part(None)]


_PARTS: dict[str, Callable[[Any], list[Part]]] = {
    "flax:Linear": _dense,
    "flax:LinearGeneral": _general,
    "flax:Conv": _dense,
    "flax:ConvTranspose": _transposed_convolution,
    "flax:Embed": _flax_embedding,
    "flax:BatchNorm": _flax_scale,
    "flax:LayerNorm": _flax_scale,
    "flax:RMSNorm": _flax_scale,
    "flax:GroupNorm": _flax_scale,
    "flax:InstanceNorm": _flax_scale,
    "flax:LoRA": _lora,
    "flax:PReLU": _no_kernel,
    "equinox:Linear": _weight,
    "equinox:Conv": _weight,
    "equinox:ConvTranspose": _weight,
    "equinox:Embedding": _embedding,
    "equinox:BatchNorm": _weight_scale,
    "equinox:LayerNorm": _weight_scale,
    "equinox:RMSNorm": _weight_scale,
    "equinox:GroupNorm": _weight_scale,
    "equinox:GRUCell": _recurrent_cell,
    "equinox:LSTMCell": _recurrent_cell,
    "equinox:PReLU": _no_kernel,
}
