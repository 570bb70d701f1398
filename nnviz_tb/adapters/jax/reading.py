"""Arrays of a model as NumPy where they lie in this host's memory, else as distant arrays."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from nnviz_tb.adapters.jax.distant import Located, is_laid_out, lies_elsewhere
from nnviz_tb.adapters.jax.shards import as_numpy
from nnviz_tb.adapters.jax.weights import (
    Path,
    Weight,
    aliases_of,
    kind_in,
    variables_of,
    weights_of,
    without_aliases,
)
from nnviz_tb.errors import ArgumentError


def must_be_readable(weights: list[Weight]) -> None:
    """Says of an array that is gone, or not there yet, why that is.

    Raises:
      ArgumentError: one was donated, or is being traced.
    """
    for weight in weights:
        value, name = weight.value, "/".join(weight.path)
        if isinstance(value, jax.core.Tracer):
            raise ArgumentError(
                f"model: {name!r} is being traced: log outside of jit, grad and vmap, and use "
                "nnviz_tb.jax.tap inside"
            )
        if isinstance(value, jax.Array) and value.is_deleted():
            raise ArgumentError(
                f"model: {name!r} was donated to a jitted function and is gone: log what the "
                "function returned"
            )


def read(weight: Weight) -> Any:
    """The array in host memory, without a copy where it is there already, or a distant one.

    Raises:
      ArgumentError: it was donated, is being traced, or is sharded over hosts without a mesh.
    """
    must_be_readable([weight])
    value, name = weight.value, "/".join(weight.path)
    if isinstance(value, jax.Array):
        if lies_elsewhere(value) and is_laid_out(value):
            return Located(value)
        if not value.is_fully_addressable and not value.is_fully_replicated:
            raise ArgumentError(
                f"model: {name!r} lies on several hosts by {value.sharding}: place it by a "
                "NamedSharding over a mesh"
            )
    return as_numpy(value)


def to_host(weights: list[Weight]) -> None:
    """Begins to move all that has to be, so that none waits for the one before."""
    for weight in weights:
        value = weight.value
        if not isinstance(value, jax.Array) or isinstance(value, jax.core.Tracer):
            continue
        if not value.is_deleted() and value.is_fully_addressable and not is_laid_out(value):
            value.copy_to_host_async()


def by_path(given: Any, model: Any, weights: list[Weight], argument: str) -> dict[Path, Any]:
    """Gradients or updates by the path of the weight they belong to, in its shape.

    Args:
      given: see :func:`nnviz_tb.adapters.jax.layers_of`.
      model: what they are of; a shared module's may stand wherever the module does.
      weights: the model's.
      argument: what the caller calls them, for messages.

    Raises:
      ArgumentError: there is no such weight, or its shape is another.
    """
    if given is None:
        return {}
    values = {weight.path: weight.value for weight in weights}
    found = weights_of(given)
    if _is_flat(given) and not all(weight.path in values for weight in found):
        found = _in_order(given, model, weights, argument)
    to_host(found)
    aliases = {} if all(weight.path in values for weight in found) else aliases_of(model)
    arrays = {}
    for weight in found:
        name, path = "/".join(weight.path), without_aliases(weight.path, aliases)
        if path not in values:
            raise ArgumentError(f"{argument}: the model has no array {name!r}")
        array, shape = read(weight), tuple(np.shape(values[path]))
        if array.dtype == jax.dtypes.float0:
            continue  # the gradient of an integer
        if array.shape != shape:
            raise ArgumentError(f"{argument}: {name!r} must be of shape {shape}, got {array.shape}")
        arrays[path] = array
    return arrays


def _is_flat(given: Any) -> bool:
    return type(given) in (list, tuple) and all(
        leaf is None or isinstance(leaf, (jax.Array, np.ndarray)) for leaf in given
    )


def _in_order(given: Any, model: Any, weights: list[Weight], argument: str) -> list[Weight]:
    """A list as ``jax.tree.leaves`` makes of the gradients, under the paths of the weights."""
    weights_at: dict[int, deque[Weight]] = {}
    for weight in weights:
        weights_at.setdefault(id(weight.value), deque()).append(weight)
    variables = variables_of(model)
    if isinstance(variables, kind_in("flax.nnx", "Module")):
        from flax import nnx

        variables = nnx.state(variables)  # a module's own leaves may go round in circles
    places = [weights_at.get(id(leaf)) for leaf in jax.tree.leaves(variables)]
    ordered = [place.popleft() for place in places if place]
    if len(given) != len(ordered):
        ordered = [weight for weight in ordered if weight.trainable]
    if len(given) != len(ordered):
        raise ArgumentError(
            f"{argument}: a list must be as long as the model has trainable arrays, "
            f"{len(ordered)}, got {len(given)}"
        )
    pairs = zip(ordered, given, strict=True)
    return [replace(weight, value=leaf) for weight, leaf in pairs if leaf is not None]
