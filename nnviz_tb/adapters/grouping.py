"""Named arrays as layers, by the names people give them: ``kernel`` and ``bias``, ``W1``, ``b1``.

For code that has no layer objects, and for layers of a kind that no adapter knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nnviz_tb.layers import Array, DistantArray, Layer

_KERNEL = re.compile(r"(?:kernel|weights?|w|embeddings?)(_?\d*)", re.IGNORECASE)
_BIAS = re.compile(r"(?:bias|biases|b)(_?\d*)", re.IGNORECASE)
_SCALE = re.compile(r"(?:scale|gamma)()", re.IGNORECASE)
_SHIFT = re.compile(r"(?:bias|beta|offset)()", re.IGNORECASE)
_EMBEDDING = re.compile(r"embeddings?_?\d*", re.IGNORECASE)

Axes = tuple[int, ...]

LAST_AXIS_NOTE = "the last axis of its weights is taken as the neurons"


@dataclass(frozen=True)
class NamedArray:
    """One array of a model.

    Attributes:
      path: names from the root, ``("encoder", "kernel")``.
      value: real numbers of any shape.
      gradient: of the same shape, or None.
      update: its change in one optimizer step, of the same shape, or None.
      trainable: the optimizer may change it.
    """

    path: tuple[str, ...]
    value: Array
    gradient: Array | None = None
    update: Array | None = None
    trainable: bool = True

    @property
    def leaf(self) -> str:
        """The array's own name."""
        return self.path[-1]


def layers_of_arrays(arrays: Iterable[NamedArray], kind: str) -> list[Layer]:
    """One layer for every kernel, with the bias beside it, in the order of the kernels.

    Arrays that are neither are a layer of their own when they have two axes or more, and otherwise
    belong to the one kernel beside them, or else stand alone in ``others``.

    Args:
      arrays: each under a path of its own.
      kind: what ``Layer.type`` is to say.
    """
    groups: dict[tuple[str, ...], list[NamedArray]] = {}
    for array in arrays:
        groups.setdefault(array.path[:-1], []).append(array)
    layers = []
    for prefix, members in groups.items():
        layers.extend(_layers_of_group("/".join(prefix), members, kind))
    return layers


def _layers_of_group(prefix: str, members: list[NamedArray], kind: str) -> list[Layer]:
    kernels = [array for array in members if array.value.ndim >= 2]
    if not kernels:
        # Normalisation: a scale for every neuron, which is a kernel of one incoming weight.
        scales = [
            array for array in members if array.value.ndim == 1 and _SCALE.fullmatch(array.leaf)
        ]
        kernels = scales if len(scales) == 1 else []
    biases = {kernel.path: _bias_of(kernel, members) for kernel in kernels}
    taken = {bias.path for bias in biases.values() if bias} | {kernel.path for kernel in kernels}
    rest = {array.leaf: array.value for array in members if array.path not in taken}
    main = _main_kernel(kernels)
    layers = []
    for kernel in kernels:
        is_main = kernel is main
        name = prefix if is_main and prefix else _joined(prefix, kernel.leaf)
        layers.append(_layer(name, kind, kernel, biases[kernel.path], rest if is_main else {}))
    if main is None:
        layers.extend(
            Layer(
                name=_joined(prefix, array.leaf),
                type=kind,
                others={array.leaf: array.value},
                parameters=array.value.size,
                trainable=array.trainable,
            )
            for array in members
            if array.leaf in rest
        )
    return layers


def _main_kernel(kernels: list[NamedArray]) -> NamedArray | None:
    """The one kernel after which the group is named, if there is no doubt which one that is."""
    if len(kernels) == 1:
        return kernels[0]
    named = [kernel for kernel in kernels if _KERNEL.fullmatch(kernel.leaf)]
    return named[0] if len(named) == 1 else None


def _bias_of(kernel: NamedArray, members: list[NamedArray]) -> NamedArray | None:
    pattern, counterpart = (_KERNEL, _BIAS) if kernel.value.ndim >= 2 else (_SCALE, _SHIFT)
    match = pattern.fullmatch(kernel.leaf)
    if match is None:
        return None
    neurons = _view(kernel.leaf, kernel.value).shape[-1]
    for array in members:
        other = counterpart.fullmatch(array.leaf)
        if other and other.group(1) == match.group(1) and array.value.shape == (neurons,):
            return array
    return None


def _layer(
    name: str, kind: str, kernel: NamedArray, bias: NamedArray | None, others: dict[str, Array]
) -> Layer:
    size = kernel.value.size + sum(array.size for array in others.values())
    embedding = _EMBEDDING.fullmatch(kernel.leaf) is not None and kernel.value.ndim == 2
    guessed = kernel.value.ndim >= 2 and not embedding
    return Layer(
        name=name,
        type=kind,
        kernel=_view(kernel.leaf, kernel.value),
        kernel_name=kernel.leaf,
        kernel_shape=kernel.value.shape,
        bias=None if bias is None else vector(bias.value),
        bias_name="bias" if bias is None else bias.leaf,
        gradient=None if kernel.gradient is None else _view(kernel.leaf, kernel.gradient),
        update=None if kernel.update is None else _view(kernel.leaf, kernel.update),
        bias_gradient=None if bias is None or bias.gradient is None else vector(bias.gradient),
        others=others,
        parameters=size + (0 if bias is None else bias.value.size),
        trainable=kernel.trainable,
        notes=(LAST_AXIS_NOTE,) if guessed else (),
    )


def _view(leaf: str, value: Array) -> Array:
    """``[fan_in, neurons]`` ; the last axis holds the neurons, of an embedding the first."""
    if value.ndim == 2 and _EMBEDDING.fullmatch(leaf):
        transposed: Array = with_neurons(value, (0,))
        return transposed
    return matrix(value)


def matrix(value: Array) -> Array:
    """``[everything else, last axis]``; a view wherever the strides allow one."""
    view: Array = with_neurons(value, (value.ndim - 1,))
    return view


def with_neurons(value: Any, neuron_axes: Axes) -> Any:
    """``[fan_in, neurons]`` of NumPy's array, as a view where that can be, or of a distant one."""
    if isinstance(value, DistantArray):
        distant: Any = value
        return distant.matrix(neuron_axes)
    rest = [axis for axis in range(value.ndim) if axis not in neuron_axes]
    return value.transpose(*rest, *neuron_axes).reshape(
        math.prod(value.shape[axis] for axis in rest),
        math.prod(value.shape[axis] for axis in neuron_axes),
    )


def vector(value: Any) -> Any:
    """``[neurons]`` of an array of a number for each neuron, whatever its axes."""
    if isinstance(value, DistantArray):
        distant: Any = value
        return distant.vector()
    return value.reshape(-1)


def _joined(prefix: str, leaf: str) -> str:
    return f"{prefix}/{leaf}" if prefix else leaf
