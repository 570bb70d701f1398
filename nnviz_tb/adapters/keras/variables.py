"""Keras variables and tensors as NumPy, and gradients laid beside the variables they belong to."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnviz_tb.adapters.activations import is_real
from nnviz_tb.adapters.keras.kinds import keras_module
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Array

ArrayOf = dict[int, Array]
"""Gradients or updates by ``id`` of the variable they belong to."""


def to_numpy(value: Any) -> Array:
    """A variable, tensor or array of any backend as NumPy, without a copy where the backend can.

    ``tf.IndexedSlices``, which embeddings have for gradients, are added up.
    """
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "indices") and hasattr(value, "values") and hasattr(value, "dense_shape"):
        rows = np.asarray(value.values)
        dense = np.zeros(tuple(np.asarray(value.dense_shape)), dtype=rows.dtype)
        np.add.at(dense, np.asarray(value.indices), rows)
        return dense
    keras = keras_module()
    tensor = value.value if isinstance(value, keras.Variable) else value
    if keras.backend.backend() == "torch" and hasattr(tensor, "detach"):
        # Keras's own conversion asks NumPy for what torch's __array__ warns of.
        host = tensor.detach().cpu()
        try:
            return np.asarray(host.numpy())
        except TypeError:  # bfloat16 and float8, of which NumPy knows nothing, fit in float32
            return np.asarray(host.float().numpy())
    if not hasattr(tensor, "__array__"):
        return np.asarray(keras.ops.convert_to_numpy(tensor))
    if keras.backend.backend() == "tensorflow":
        # TensorFlow's __array__ copies. A variable that is changed while such a view of it lives
        # is given other memory, so the view keeps what it shows.
        tensor = tensor.value() if hasattr(tensor, "read_value") else tensor
        with contextlib.suppress(TypeError, ValueError):  # of bfloat16 there are no buffers
            return np.asarray(memoryview(tensor))
    return np.asarray(tensor)


def own_variables(layer: Any) -> list[Any]:
    """The weights of a layer that none of the layers inside it owns."""
    inner = {id(weight) for child in child_layers(layer) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


def child_layers(layer: Any) -> list[Any]:
    """The layers directly inside a layer or model, in order."""
    if isinstance(layer, keras_module().Model):
        return list(layer.layers)
    return list(layer._flatten_layers(include_self=False, recursive=False))


def by_variable(model: Any, given: Any, argument: str) -> ArrayOf:
    """The given arrays by the variable they belong to; entries that are None are left out.

    Args:
      model: a built Keras model or layer.
      given: None, a list in the order of ``model.trainable_variables``, or a dict by the
        variables' paths, or names where a name is unique.
      argument: what the caller calls it, for messages.

    Raises:
      ArgumentError: another length, an unknown or ambiguous name, another shape than the
        variable's, or no numbers.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        pairs = [(_named(model, name, argument), value) for name, value in given.items()]
    elif isinstance(given, (list, tuple)):
        variables = model.trainable_variables
        if len(given) != len(variables):
            raise ArgumentError(
                f"{argument}: {len(given)} given, but model {model.name!r} has "
                f"{len(variables)} trainable variables; entries may be None"
            )
        pairs = list(zip(variables, given, strict=True))
    else:
        raise ArgumentError(
            f"{argument} must be a list in the order of model.trainable_variables or a dict by "
            f"variable path, got {type(given).__name__}"
        )
    return {
        id(variable): _array_of(variable, value, argument)
        for variable, value in pairs
        if value is not None
    }


def _named(model: Any, name: object, argument: str) -> Any:
    by_path = [variable for variable in model.variables if variable.path == name]
    found = by_path or [variable for variable in model.variables if variable.name == name]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ArgumentError(f"{argument}: model {model.name!r} has no variable {name!r}")
    paths = ", ".join(repr(variable.path) for variable in found[:5])
    raise ArgumentError(f"{argument}: {name!r} is the name of several variables: {paths}")


def _array_of(variable: Any, given: Any, argument: str) -> Array:
    try:
        array = to_numpy(given)
    except Exception as error:
        raise ArgumentError(
            f"{argument}: that of {variable.path!r} is a {type(given).__name__}, which cannot be "
            f"read as an array: {error}"
        ) from error
    if array.shape != tuple(variable.shape) or not is_real(array):
        raise ArgumentError(
            f"{argument}: that of {variable.path!r} must be real numbers of shape "
            f"{tuple(variable.shape)}, got {array.dtype} of shape {array.shape}"
        )
    return array
