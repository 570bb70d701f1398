"""Activation functions as the rest of the package wants them, whatever framework they come from.

A function arrives as a callable on NumPy arrays of any shape (adapters wrap their framework's
tensors). Whether it is elementwise is found out by calling it, not by its name: softmax, GLU,
batch statistics and random functions all give themselves away on a permuted, a shortened and a
reshaped vector.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnviz_tb.adapters.grouping import matrix
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Activation, Array, ElementwiseFunction, Layer

ArrayFunction = Callable[[Array], Array]

# Both signs, uneven, no two alike, small enough that no usual function overflows. The largest is
# the last, so a prefix changes what a softmax divides by.
_TRIAL_POINTS = np.array([0.3, -1.7, 0.9, -0.4, 2.1, -3.2, 1.3, 0.1, -0.8, 3.7], dtype=np.float32)
_PERMUTATION = np.array([9, 3, 0, 7, 1, 8, 2, 6, 5, 4])
_PREFIX = 6


@dataclass(frozen=True)
class FunctionKind:
    """How a function treats the values it is given.

    Attributes:
      elementwise: it maps every value on its own.
      softmax: it is not elementwise, and its outputs are probabilities over the last axis.
    """

    elementwise: bool
    softmax: bool


_kinds: weakref.WeakKeyDictionary[Any, FunctionKind] = weakref.WeakKeyDictionary()


def kind_of(function: ArrayFunction, key: object = None) -> FunctionKind:
    """What kind of function this is; one that cannot be called on a row of numbers is neither.

    Args:
      function: maps ``float32`` arrays to arrays.
      key: the object that stands for the function, under which the answer is remembered.
    """
    try:
        known = _kinds.get(key)
    except TypeError:  # not hashable, or cannot be referred to weakly
        return _tried(function)
    if known is None:
        known = _tried(function)
        try:
            _kinds[key] = known
        except TypeError:
            return known
    return known


def _tried(function: ArrayFunction) -> FunctionKind:
    row = _TRIAL_POINTS[np.newaxis, :]
    try:
        whole = np.asarray(function(row), dtype=np.float64)
    except Exception:
        return FunctionKind(elementwise=False, softmax=False)
    if whole.shape == row.shape and _same_on_other_shapes(function, whole):
        return FunctionKind(elementwise=True, softmax=False)
    probabilities = (
        whole.shape == row.shape
        and bool(np.all(whole >= 0))
        and bool(np.allclose(whole.sum(axis=-1), 1.0, atol=1e-4))
    )
    return FunctionKind(elementwise=False, softmax=probabilities)


def _same_on_other_shapes(function: ArrayFunction, whole: Array) -> bool:
    expected = whole[0]
    trials = (
        (_TRIAL_POINTS[np.newaxis, _PERMUTATION], expected[np.newaxis, _PERMUTATION]),
        (_TRIAL_POINTS[np.newaxis, :_PREFIX], expected[np.newaxis, :_PREFIX]),
        (_TRIAL_POINTS[:, np.newaxis], expected[:, np.newaxis]),
    )
    for given, wanted in trials:
        try:
            got = np.asarray(function(given), dtype=np.float64)
        except Exception:
            return False
        if got.shape != wanted.shape:
            return False
        # Vectorised loops and their tails may round differently in the last place.
        if not np.allclose(got, wanted, rtol=1e-5, atol=1e-6, equal_nan=True):
            return False
    return True


def elementwise(function: ArrayFunction) -> ElementwiseFunction:
    """``float64[n] -> float64[n]`` from a function that wants ``float32`` arrays with two axes."""

    def on_vector(x: Array) -> Array:
        row = np.asarray(x, dtype=np.float32).reshape(1, -1)
        return np.asarray(function(row), dtype=np.float64).reshape(np.shape(x))

    return on_vector


def name_of(function: object) -> str:
    """The function's own name: of a partial the wrapped one's, of an object its class's."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    return "lambda" if name == "<lambda>" else str(name)


def activation_from(
    name: str,
    function: ArrayFunction,
    *,
    key: object = None,
    learnable: bool = False,
    inputs: Array | None = None,
    outputs: Array | None = None,
) -> Activation:
    """The activation of a function that treats all channels alike, its kind found by trial.

    Args:
      name: the function's own name.
      function: maps ``float32`` arrays to arrays.
      key: see :func:`kind_of`.
      learnable: it has trainable parameters.
      inputs, outputs: ``float[samples, neurons]`` that really came.
    """
    kind = kind_of(function, key)
    return Activation(
        function_name=name,
        function=elementwise(function) if kind.elementwise else None,
        learnable=learnable,
        softmax=kind.softmax,
        inputs=inputs,
        outputs=outputs,
    )


def with_given_activations(
    layers: list[Layer], activations: Mapping[str, tuple[Callable[..., Any], Any]] | None
) -> list[Layer]:
    """The layers, each with what ``activations`` gives for its name; new names come last.

    Args:
      layers: as an adapter gave them.
      activations: ``{layer name: (function, pre-activations)}``; the last axis of the
        pre-activations is the neuron.

    Raises:
      ArgumentError: ``activations`` or an entry of it is not what is described here.
    """
    if activations is None:
        return layers
    if not isinstance(activations, Mapping):
        raise ArgumentError(
            f"activations must be a dict {{layer name: (function, pre-activations)}}, "
            f"got {type(activations).__name__}"
        )
    given = {name: _given_activation(name, entry) for name, entry in activations.items()}
    merged = [
        _with_activation(layer, given.pop(layer.name)) if layer.name in given else layer
        for layer in layers
    ]
    return merged + [
        _with_activation(Layer(name=name, type="activation", trainable=False), activation)
        for name, activation in given.items()
    ]


def _with_activation(layer: Layer, activation: Activation) -> Layer:
    return replace(layer, activation=activation, notes=(*layer.notes, *activation.notes))


def _given_activation(name: object, entry: object) -> Activation:
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"activations: a layer name must be a non-empty string, got {name!r}")
    if isinstance(entry, Activation):
        return entry
    if not isinstance(entry, tuple) or len(entry) != 2 or not callable(entry[0]):
        raise ArgumentError(
            f"activations[{name!r}] must be a pair (function, pre-activations), got {entry!r:.200}"
        )
    function, given = entry
    try:
        inputs = np.asarray(given)
    except Exception as error:
        raise ArgumentError(
            f"activations[{name!r}]: pre-activations of type {type(given).__name__} cannot be "
            f"read as an array: {error}"
        ) from error
    if inputs.ndim == 0 or not is_real(inputs):
        raise ArgumentError(
            f"activations[{name!r}]: pre-activations must be real numbers with at least one axis, "
            f"got {inputs.dtype} of shape {inputs.shape}"
        )
    try:
        outputs = np.asarray(function(given))
    except Exception as error:
        raise ArgumentError(
            f"activations[{name!r}]: {name_of(function)} failed on its pre-activations of shape "
            f"{inputs.shape}: {error}"
        ) from error
    usable = outputs.ndim > 0 and is_real(outputs)
    return activation_from(
        name_of(function),
        function,
        key=function,
        inputs=matrix(inputs),
        outputs=matrix(outputs) if usable else None,
    )


def is_real(values: Array) -> bool:
    """Whether these are real numbers: NumPy's, or bfloat16 and float8 as ``ml_dtypes`` has them."""
    if values.dtype.kind in "fiub":
        return True
    return values.dtype.kind == "V" and values.dtype.names is None and "float" in values.dtype.name
