"""Named arrays as layers, by the names people give them: ``kernel`` and ``bias``, ``W1``, ``b1``.

In a plain pytree, whose names may say nothing, also by their shapes: ``[(W, b), …]``.

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
_NO_BIAS = re.compile(r"(?:.*_)?(?:scale|gamma|g|mean|var|variance|std|mask|count)", re.IGNORECASE)

Axes = tuple[int, ...]

LAST_AXIS_NOTE = "the last axis of its weights is taken as the neurons"
FIRST_AXIS_NOTE = (
    "the first axis of its weights is taken as the neurons, for its bias is as long as that one"
)
AS_OTHERS_NOTE = (
    "the first axis of its weights is taken as the neurons, as the biases of other layers say"
)


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


def layers_of_arrays(
    arrays: Iterable[NamedArray], kind: str, *, by_shape: bool = False, first_axis: bool = False
) -> list[Layer]:
    """One layer for every kernel, with the bias beside it, in the order of the kernels.

    Arrays that are neither are a layer of their own when they have two axes or more, and otherwise
    belong to the one kernel beside them, or else stand alone in ``others``.

    Args:
      arrays: each under a path of its own.
      kind: what ``Layer.type`` is to say.
      by_shape: the only kernel and the only vector beside each other belong together whatever they
        are called, if that fits; and a bias of a matrix says which of its axes are neurons.
      first_axis: it is the first axis of a matrix whose bias does not say, see
        :func:`has_neurons_first`.
    """
    layers = []
    for prefix, members in _by_module(arrays).items():
        pairs = _kernels_with_biases(members, by_shape)
        layers.extend(_layers_of_group("/".join(prefix), members, pairs, kind, first_axis))
    return layers


def has_neurons_first(arrays: Iterable[NamedArray]) -> bool:
    """Whether biases say so of some matrices of a net, and the contrary of none."""
    firsts = {
        bias.value.size != kernel.value.shape[-1]
        for members in _by_module(arrays).values()
        for kernel, bias in _kernels_with_biases(members, by_shape=True)
        if bias and len({*kernel.value.shape}) == kernel.value.ndim == 2
        if not _is_embedding(kernel)
    }
    return firsts == {True}


def _by_module(arrays: Iterable[NamedArray]) -> dict[tuple[str, ...], list[NamedArray]]:
    groups: dict[tuple[str, ...], list[NamedArray]] = {}
    for array in arrays:
        groups.setdefault(array.path[:-1], []).append(array)
    return groups


def _kernels_with_biases(
    members: list[NamedArray], by_shape: bool
) -> list[tuple[NamedArray, NamedArray | None]]:
    kernels = [array for array in members if array.value.ndim >= 2]
    if not kernels:
        # Normalisation: a scale for every neuron, which is a kernel of one incoming weight.
        scales = [
            array for array in members if array.value.ndim == 1 and _SCALE.fullmatch(array.leaf)
        ]
        kernels = scales if len(scales) == 1 else []
    pairs = [(kernel, _bias_of(kernel, members, by_shape)) for kernel in kernels]
    if by_shape and len(kernels) == 1 and not pairs[0][1]:
        return [(kernels[0], _only_vector(kernels[0], members))]
    return pairs


def _layers_of_group(
    prefix: str,
    members: list[NamedArray],
    pairs: list[tuple[NamedArray, NamedArray | None]],
    kind: str,
    first_axis: bool,
) -> list[Layer]:
    taken = {array.path for pair in pairs for array in pair if array}
    rest = {array.leaf: array.value for array in members if array.path not in taken}
    main = _main_kernel([kernel for kernel, _ in pairs])
    layers = []
    for kernel, bias in pairs:
        is_main = kernel is main
        name = prefix if is_main and prefix else _joined(prefix, kernel.leaf)
        layers.append(_layer(name, kind, kernel, bias, rest if is_main else {}, first_axis))
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


def _bias_of(kernel: NamedArray, members: list[NamedArray], by_shape: bool) -> NamedArray | None:
    """The bias by its name."""
    pattern, counterpart = (_KERNEL, _BIAS) if kernel.value.ndim >= 2 else (_SCALE, _SHIFT)
    match = pattern.fullmatch(kernel.leaf)
    if match is None:
        return None
    for count in _neuron_counts(kernel, by_shape):
        for array in members:
            other = counterpart.fullmatch(array.leaf)
            if other and other.group(1) == match.group(1) and array.value.shape == (count,):
                return array
    return None


def _only_vector(kernel: NamedArray, members: list[NamedArray]) -> NamedArray | None:
    """The vector beside the kernel, if there is one only and its name does not speak against it."""
    vectors = [array for array in members if array.value.ndim == 1]
    if len(vectors) != 1 or kernel.value.ndim < 2 or _is_embedding(kernel):
        return None
    (vector,) = vectors
    fits = vector.value.size in _neuron_counts(kernel, by_shape=True)
    named_otherwise = _NO_BIAS.fullmatch(vector.leaf) or vector.trainable != kernel.trainable
    return vector if fits and not named_otherwise else None


def _neuron_counts(kernel: NamedArray, by_shape: bool) -> tuple[int, ...]:
    """As long a bias of the kernel may be; the likeliest length first."""
    shape = kernel.value.shape
    if _is_embedding(kernel):
        return (shape[0],)
    return (shape[-1], shape[0]) if by_shape and len(shape) == 2 else (shape[-1],)


def _neuron_axes(kernel: NamedArray, bias: NamedArray | None, first_axis: bool) -> Axes:
    """The last holds the neurons, of an embedding the first, unless the bias says otherwise."""
    shape = kernel.value.shape
    is_first = (
        _is_embedding(kernel)
        or (bias is not None and bias.value.size != shape[-1])
        or (first_axis and len(shape) == 2 and (bias is None or shape[0] == shape[1]))
    )
    return (0,) if is_first else (len(shape) - 1,)


def _is_embedding(array: NamedArray) -> bool:
    return array.value.ndim == 2 and _EMBEDDING.fullmatch(array.leaf) is not None


def _layer(
    name: str,
    kind: str,
    kernel: NamedArray,
    bias: NamedArray | None,
    others: dict[str, Array],
    first_axis: bool,
) -> Layer:
    size = kernel.value.size + sum(array.size for array in others.values())
    axes = _neuron_axes(kernel, bias, first_axis)
    return Layer(
        name=name,
        type=kind,
        kernel=with_neurons(kernel.value, axes),
        kernel_name=kernel.leaf,
        kernel_shape=kernel.value.shape,
        bias=None if bias is None else vector(bias.value),
        bias_name="bias" if bias is None else bias.leaf,
        gradient=None if kernel.gradient is None else with_neurons(kernel.gradient, axes),
        update=None if kernel.update is None else with_neurons(kernel.update, axes),
        bias_gradient=None if bias is None or bias.gradient is None else vector(bias.gradient),
        others=others,
        parameters=size + (0 if bias is None else bias.value.size),
        trainable=kernel.trainable,
        notes=_notes(kernel, bias, axes),
    )


def _notes(kernel: NamedArray, bias: NamedArray | None, axes: Axes) -> tuple[str, ...]:
    """What was guessed."""
    if kernel.value.ndim < 2 or _is_embedding(kernel):
        return ()
    says_so = bias is not None and bias.value.size != kernel.value.shape[-1]
    axis_note = LAST_AXIS_NOTE
    if axes == (0,):
        axis_note = FIRST_AXIS_NOTE if says_so else AS_OTHERS_NOTE
    if bias is None or _BIAS.fullmatch(bias.leaf) or _SHIFT.fullmatch(bias.leaf):
        return (axis_note,)
    return (axis_note, f"{bias.leaf!r} is taken as its bias")


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


def key_name(key: object) -> str:
    """A dict's key as text; a tuple, as ``flax.traverse_util.flatten_dict`` makes, is a path."""
    return "/".join(str(part) for part in key) if type(key) is tuple else str(key)


def _joined(prefix: str, leaf: str) -> str:
    return f"{prefix}/{leaf}" if prefix else leaf
