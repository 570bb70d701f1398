"""Adapter for models that are plain arrays: ``{name: array}``, or a pytree of them.

Dicts, lists, tuples, named tuples and dataclasses nest as they like; anything with ``__array__`` is
an array, so are Python numbers. Nothing here can be called, so there is no probe pass: activations
come through ``activations=``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnviz_tb.adapters.activations import is_real
from nnviz_tb.adapters.grouping import (
    NamedArray,
    has_neurons_first,
    key_name,
    layers_of_arrays,
)
from nnviz_tb.errors import AdapterError, ArgumentError
from nnviz_tb.layers import Array, Layer

SUPPORTS = "a dict {name: array} or another pytree of arrays"

Path = tuple[str, ...]


def matches(model: object) -> bool:
    """Whether this is an array or a container that may hold some."""
    return (
        isinstance(model, (Mapping, list, tuple))
        or (dataclasses.is_dataclass(model) and not isinstance(model, type))
        or _is_array(model)
    )


def layers_of(
    model: object, *, inputs: object = None, gradients: object = None, updates: object = None
) -> list[Layer]:
    """The arrays as layers, see :func:`nnviz_tb.adapters.grouping.layers_of_arrays`.

    Args:
      model: a pytree of arrays.
      inputs: must be None, since arrays cannot be called.
      gradients: a pytree like the model, or ``{path: array}``, or a list in the model's order; any
        of them may be None.
      updates: the same of what one optimizer step changed.

    Raises:
      ArgumentError: no array at all, one that holds no real numbers, or gradients or updates that
        do not fit.
      AdapterError: something in the pytree that is neither an array nor a container.
    """
    if inputs is not None:
        raise ArgumentError(
            "inputs: arrays cannot be called on a probe batch; give "
            "activations={name: (function, pre-activations)} instead"
        )
    arrays = {path: _checked(path, leaf) for path, leaf in _leaves(model, (), "model", ())}
    if not arrays:
        raise ArgumentError(f"model holds no arrays: {model!r:.200}")
    gradient_of = _by_path(gradients, model, arrays, "gradients")
    update_of = _by_path(updates, model, arrays, "updates")
    named = [
        NamedArray(path, value, gradient_of.get(path), update_of.get(path))
        for path, value in arrays.items()
    ]
    first_axis = has_neurons_first(named)
    return layers_of_arrays(named, "array", by_shape=True, first_axis=first_axis)


def _is_array(value: object) -> bool:
    return hasattr(value, "__array__") and not isinstance(value, type)


def _leaves(
    node: object, path: Path, argument: str, above: tuple[int, ...]
) -> Iterator[tuple[Path, Any]]:
    """Every array of a pytree with its path; None is no array, as in every pytree library."""
    if node is None:
        return
    if _is_array(node) or isinstance(node, (bool, int, float)):
        yield path or ("array",), node
        return
    if id(node) in above:
        raise AdapterError(f"{argument}: {'/'.join(path)} contains itself")
    for name, child in _children(node, path, argument):
        yield from _leaves(child, (*path, *_split(name)), argument, (*above, id(node)))


def _children(node: object, path: Path, argument: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        yield from ((key_name(key), child) for key, child in node.items())
    elif isinstance(node, tuple) and hasattr(node, "_fields"):
        yield from zip(node._fields, node, strict=True)
    elif isinstance(node, (list, tuple)):
        yield from ((str(index), child) for index, child in enumerate(node))
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        for spec in dataclasses.fields(node):
            yield spec.name, getattr(node, spec.name)
    else:
        where = f" at {'/'.join(path)!r}" if path else ""
        raise AdapterError(
            f"{argument}{where} is a {type(node).__module__}.{type(node).__qualname__}; "
            "arrays, numbers and containers of them can be read"
        )


def _split(name: str) -> Path:
    """A flat key as a path: ``"dense/kernel"``, or without any slash ``"dense.kernel"``."""
    separator = "/" if "/" in name else "."
    parts = tuple(part for part in name.split(separator) if part)
    return parts or (name,)


def _checked(path: Path, leaf: object) -> Array:
    try:
        array = np.asarray(leaf)
    except Exception as error:
        raise ArgumentError(
            f"model: {'/'.join(path)!r} cannot be read as an array: {error}"
        ) from error
    if not is_real(array):
        raise ArgumentError(
            f"model: {'/'.join(path)!r} holds {array.dtype}, real numbers are needed"
        )
    return array.view(np.uint8) if array.dtype == np.bool_ else array


def _by_path(
    given: object, model: object, arrays: dict[Path, Array], argument: str
) -> dict[Path, Array]:
    """``{path: gradient}`` in the arrays' own shapes."""
    if given is None:
        return {}
    if isinstance(given, (list, tuple)) and not hasattr(given, "_fields"):
        flat = _aligned(given, model, arrays, argument)
    else:
        flat = dict(_leaves(given, (), argument, ()))
    found = {}
    for path, leaf in flat.items():
        name = "/".join(path)
        if path not in arrays:
            raise ArgumentError(f"{argument}: the model has no array {name!r}")
        array = np.asarray(leaf)
        if array.shape != arrays[path].shape or not is_real(array):
            raise ArgumentError(
                f"{argument}: {name!r} must be real numbers of shape {arrays[path].shape}, "
                f"got {array.dtype} of shape {array.shape}"
            )
        found[path] = array
    return found


def _aligned(
    given: list[Any] | tuple[Any, ...], model: object, arrays: dict[Path, Array], argument: str
) -> dict[Path, Any]:
    """A list of arrays laid beside the model's, or read as a pytree like the model."""
    if not all(leaf is None or _is_array(leaf) for leaf in given):
        return dict(_leaves(given, (), argument, ()))
    if isinstance(model, (list, tuple)) and len(given) == len(model):
        # Where the model has None, the list has so too, and no place in the order of arrays.
        mirrored = dict(_leaves(given, (), argument, ()))
        if mirrored.keys() <= arrays.keys():
            return mirrored
    if len(given) != len(arrays):
        raise ArgumentError(
            f"{argument}: a list must be as long as the model has arrays, {len(arrays)}, "
            f"got {len(given)}"
        )
    pairs = zip(arrays, given, strict=True)
    return {path: leaf for path, leaf in pairs if leaf is not None}
