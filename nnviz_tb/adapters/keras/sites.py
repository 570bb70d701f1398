"""The places in a Keras layer where an activation function is called."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnviz_tb.adapters.activations import kind_of, name_of
from nnviz_tb.adapters.keras import einsum
from nnviz_tb.adapters.keras.kinds import is_keras_own, keras_kinds, keras_module
from nnviz_tb.adapters.keras.variables import own_variables, to_numpy
from nnviz_tb.layers import Array

_ACTIVATION_LAYERS = ("PReLU", "LeakyReLU", "ELU", "ReLU", "Softmax")
_GATED_CELLS = ("LSTMCell", "GRUCell", "ConvLSTMCell")
_PARAMETERS = ("negative_slope", "alpha", "max_value", "threshold")
_PLAIN: dict[str, dict[str, float | None]] = {
    "ReLU": {"negative_slope": 0.0, "max_value": None, "threshold": 0.0},
    "LeakyReLU": {"negative_slope": None},
    "ELU": {"alpha": 1.0},
}


@dataclass(frozen=True)
class Site:
    """One activation function of a layer.

    Attributes:
      owner: the object whose attribute is called.
      attribute: the attribute, ``call`` when the owner is itself an activation.
      name: the function's own name.
      key: what stands for the function, see ``activations.kind_of``.
      columns: maps the rank of its inputs to the axes that are neurons, in order.
      apart: it is no neuron-for-neuron continuation of the layer's kernel.
    """

    owner: Any
    attribute: str
    name: str
    key: Any
    columns: Callable[[int], tuple[int, ...]]
    apart: bool = False

    @property
    def identity(self) -> tuple[int, str]:
        """Tells sites of a model apart."""
        return id(self.owner), self.attribute

    def function(self, values: Array) -> Array:
        """The function on an array; float32 inside."""
        tensor = keras_module().ops.convert_to_tensor(np.asarray(values, dtype=np.float32))
        return to_numpy(getattr(self.owner, self.attribute)(tensor))


def sites_of(operation: Any) -> list[Site]:
    """The activation functions that the operation calls itself, the main one first.

    ``linear`` is none. An activation that is a layer of its own, as in
    ``Dense(activation=LeakyReLU())``, is found there.
    """
    kinds = set(keras_kinds(operation))
    if not isinstance(operation, keras_module().Layer):
        return _operation_sites(operation)
    if kinds.intersection(_ACTIVATION_LAYERS) or _is_learnable_function(operation):
        return [Site(operation, "call", _layer_name(operation), operation, _axes(operation))]
    apart = bool(kinds.intersection(_GATED_CELLS))
    columns = _axes(operation)
    found = []
    for attribute, value in vars(operation).items():
        if not _is_function(attribute, value):
            continue
        found.append(Site(operation, attribute, name_of(value), value, columns, apart))
    return sorted(found, key=lambda site: site.attribute != "activation")


def _is_function(attribute: str, value: object) -> bool:
    keras = keras_module()
    if not callable(value) or isinstance(value, (type, keras.Layer)):
        return False
    if value is keras.activations.linear:
        return False
    named = attribute == "activation" or attribute.endswith("_activation")
    return named or getattr(keras.activations, getattr(value, "__name__", ""), None) is value


def _operation_sites(operation: Any) -> list[Site]:
    """``keras.ops.relu(x)`` in a functional model is an operation of class ``Relu``."""
    if not is_keras_own(operation):
        return []
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(operation).__name__).lower()
    if name == "linear" or not callable(getattr(keras_module().activations, name, None)):
        return []
    return [Site(operation, "call", name, operation, _last_axis)]


def _is_learnable_function(layer: Any) -> bool:
    """A layer of the user's own with nothing but trainable scalars, that maps every value alone.

    It has to be called to find out, so a layer that may count or collect something is left alone.
    """
    if is_keras_own(layer) or not layer.built or layer._flatten_layers(include_self=False):
        return False
    variables = own_variables(layer)
    scalars = all(v.trainable and math.prod(v.shape) == 1 for v in variables)
    if not variables or not scalars or len(layer.variables) > len(variables):
        return False

    def call(values: Array) -> Array:
        return to_numpy(layer.call(keras_module().ops.convert_to_tensor(values)))

    return kind_of(call, layer).elementwise


def _layer_name(layer: Any) -> str:
    """The class name, with the parameters that are not the usual ones."""
    name = type(layer).__name__
    usual = _PLAIN.get(name, {})
    given = {
        key: getattr(layer, key)
        for key in _PARAMETERS
        if key in usual and getattr(layer, key, usual[key]) != usual[key]
    }
    listed = ", ".join(f"{key}={value:g}" for key, value in given.items() if value is not None)
    return f"{name}({listed})" if listed else name


def _last_axis(rank: int) -> tuple[int, ...]:
    return (rank - 1,)


def _axes(layer: Any) -> Callable[[int], tuple[int, ...]]:
    kinds = set(keras_kinds(layer))
    if "EinsumDense" in kinds:
        return einsum.Contraction(layer.equation).neuron_axes
    if "PReLU" in kinds:
        shared = set(layer.shared_axes or ())
        return lambda rank: tuple(axis for axis in range(1, rank) if axis not in shared)
    if "Softmax" in kinds:
        axis = layer.axis
        axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
        return lambda rank: tuple(sorted(axis % rank for axis in axes))
    data_format = getattr(layer, "data_format", None) or keras_module().config.image_data_format()
    if data_format != "channels_first":
        return _last_axis
    if "Dense" in kinds or kinds.intersection(("RNN", "SimpleRNNCell", "LSTMCell", "GRUCell")):
        return _last_axis
    return lambda rank: (1,) if rank >= 3 and _is_spatial(layer, rank) else (rank - 1,)


def _is_spatial(layer: Any, rank: int) -> bool:
    """Whether a tensor of this rank is a feature map; where the layer does not say, from 4 axes."""
    return getattr(layer, "data_format", None) is not None or rank >= 4
