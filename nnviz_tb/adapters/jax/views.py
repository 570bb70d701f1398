"""Which arrays of Flax and Equinox modules are kernels and biases, and where their neurons are.

Flax keeps neurons in the last axes of a kernel, Equinox in the first; both keep an embedding's
vectors in rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nnviz_tb.adapters.grouping import Axes
from nnviz_tb.layers import Array

NeuronAxes = Callable[[int], Axes]
"""From the number of axes of a kernel to those of its neurons."""


def _last(rank: int) -> Axes:
    return (rank - 1,)


def _last_axes(count: int) -> NeuronAxes:
    return lambda rank: tuple(range(rank - count, rank))


def _last_but_one(rank: int) -> Axes:
    return (rank - 2,)


def _first(rank: int) -> Axes:
    return (0,)


def _all(rank: int) -> Axes:
    """Of a scale for every neuron, which is a kernel of one incoming weight."""
    return tuple(range(rank))


@dataclass(frozen=True)
class Part:
    """One kernel of a module.

    Attributes:
      kernel: its name in the module; None when the module has none.
      neurons: the axes of the kernel's neurons; all others are its fan-in.
      bias: name of what is added to its neurons, or None.
      own_layer: a further kernel of the module, that gets a layer of its own.
      guessed: nothing says that the last axis alone is the neurons.
    """

    kernel: str | None
    neurons: NeuronAxes = _last
    bias: str | None = None
    own_layer: bool = False
    guessed: bool = False


def module_kinds(module: object) -> Iterator[str]:
    """``package:Class`` of Flax's and Equinox's classes that it is one of, most special first."""
    for kind in type(module).__mro__:
        package = kind.__module__.split(".")[0]
        if package in ("flax", "equinox"):
            yield f"{package}:{kind.__name__}"


def kernel_rank(module: object | None) -> tuple[str, int]:
    """The kernel of a module of a known kind, and how many axes it has; no name when unknown."""
    for kind in module_kinds(module):
        if kind in _RANKS:
            name, rank = _RANKS[kind]
            return name, rank(module)
    return "", 0


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
        neurons = _last_axes(neuron_axes if fits else 1)
        # A bias has the shape of the neurons; without it a DenseGeneral may have several axes.
        guessed = kernel.ndim > 2 and (bias is None or not fits)
        return [Part("kernel", neurons, "bias" if fits else None, guessed=guessed)]
    if "embedding" in arrays and arrays["embedding"].ndim == 2:
        return [Part("embedding", _first)]
    if "scale" in arrays:
        return [Part("scale", _all, "bias")]
    return [Part(None)] if "negative_slope" in arrays else None


def _dense(_: Any) -> list[Part]:
    return [Part("kernel", _last, "bias")]


def _general(module: Any) -> list[Part]:
    return [Part("kernel", _last_axes(len(module.out_features)), "bias")]


def _transposed_convolution(module: Any) -> list[Part]:
    return [Part("kernel", _last_but_one if module.transpose_kernel else _last, "bias")]


def _flax_embedding(_: Any) -> list[Part]:
    return [Part("embedding", _first)]


def _flax_scale(_: Any) -> list[Part]:
    return [Part("scale", _all, "bias")]


def _lora(_: Any) -> list[Part]:
    return [Part("lora_b"), Part("lora_a", own_layer=True)]


def _weight(_: Any) -> list[Part]:
    return [Part("weight", _first, "bias")]


def _embedding(_: Any) -> list[Part]:
    return [Part("weight", _first)]


def _weight_scale(_: Any) -> list[Part]:
    return [Part("weight", _all, "bias")]


def _recurrent_cell(_: Any) -> list[Part]:
    return [
        Part("weight_ih", _first, "bias"),
        Part("weight_hh", _first, own_layer=True),
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

_RANKS: dict[str, tuple[str, Callable[[Any], int]]] = {
    "flax:Linear": ("kernel", lambda _: 2),
    "flax:LinearGeneral": (
        "kernel",
        lambda m: len(m.batch_axis) + len(m.in_features) + len(m.out_features),
    ),
    "flax:Conv": ("kernel", lambda module: len(module.kernel_size) + 2),
    "flax:ConvTranspose": ("kernel", lambda module: len(module.kernel_size) + 2),
    "flax:Embed": ("embedding", lambda _: 2),
    "flax:BatchNorm": ("scale", lambda _: 1),
    "flax:LayerNorm": ("scale", lambda _: 1),
    "flax:RMSNorm": ("scale", lambda _: 1),
    "flax:GroupNorm": ("scale", lambda _: 1),
    "equinox:Linear": ("weight", lambda _: 2),
    "equinox:Conv": ("weight", lambda module: module.num_spatial_dims + 2),
    "equinox:ConvTranspose": ("weight", lambda module: module.num_spatial_dims + 2),
    "equinox:Embedding": ("weight", lambda _: 2),
    "equinox:LayerNorm": ("weight", lambda module: len(module.shape)),
    "equinox:RMSNorm": ("weight", lambda module: len(module.shape)),
    "equinox:GroupNorm": ("weight", lambda _: 1),
    "equinox:GRUCell": ("weight_ih", lambda _: 2),
    "equinox:LSTMCell": ("weight_ih", lambda _: 2),
}
"""Main kernels, and the axes that one has when no layers are stacked in it."""
