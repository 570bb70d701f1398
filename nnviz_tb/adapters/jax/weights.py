"""Every array of a model in JAX's world, with its path and the module that holds it."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnviz_tb.adapters.grouping import key_name
from nnviz_tb.errors import AdapterError, ArgumentError

Path = tuple[str, ...]

_BOOKKEEPING = ("_pytree__", "_object__")
"""How Flax begins the names of attributes that it gives NNX modules for itself."""


@dataclass(frozen=True, eq=False)
class Weight:
    """One array.

    Attributes:
      path: names from the root, ``("layers", "0", "weight")``.
      value: a JAX or NumPy array.
      owner: the module that holds it, None in a plain pytree.
      trainable: an optimizer may change it.
      flax: it is of Linen variables or of an NNX state, whose axis order is known.
    """

    path: Path
    value: Any
    owner: object | None = None
    trainable: bool = True
    flax: bool = False


def kind_in(package: str, name: str) -> Any:
    """A class of an imported package; an empty tuple, of which nothing is an instance, if not."""
    return getattr(sys.modules.get(package), name, ())


def weights_of(model: Any) -> list[Weight]:
    """The arrays of a model; those of a module that is used twice under one path, see ``Met``.

    Raises:
      AdapterError: a plain pytree holds something that is neither an array nor a container.
      ArgumentError: a Linen module that is not bound to variables.
    """
    model = variables_of(model)
    found = list(_walk(model, (), None, Met(), ()))
    if is_linen_variables(model):
        return _of_collections(found)
    # Parameters are often given without their collection; only Flax calls a kernel "kernel".
    flax = isinstance(model, kind_in("flax.nnx", "State")) or (
        isinstance(model, Mapping) and any(weight.path[-1] == "kernel" for weight in found)
    )
    return [replace(weight, flax=flax and weight.owner is None) for weight in found]


def aliases_of(model: Any) -> dict[Path, Path]:
    """Where else the model's shared modules and variables are, each with its path in weights."""
    met = Met()
    deque(_walk(variables_of(model), (), None, met, ()), maxlen=0)
    return met.aliases


def without_aliases(path: Path, aliases: Mapping[Path, Path]) -> Path:
    """The path of the same array in :func:`weights_of`."""
    known: Path = ()
    for name in path:
        known = (*known, name)
        known = aliases.get(known, known)
    return known


def variables_of(model: Any) -> Any:
    """The pytree that holds the weights: of Linen's modules and train states their variables.

    Raises:
      ArgumentError: a Linen module that is not bound to variables.
    """
    if isinstance(model, kind_in("flax.training.train_state", "TrainState")):
        fields = {spec.name: getattr(model, spec.name) for spec in dataclasses.fields(model)}
        extra = {
            name: value
            for name, value in fields.items()
            if name != "params" and isinstance(value, Mapping)
        }
        params = model.params
        return params if is_linen_variables(params) else {"params": params, **extra}
    if isinstance(model, kind_in("flax.linen", "Module")):
        if model.scope is None:
            raise ArgumentError(
                f"model: the Linen module {type(model).__name__} holds no weights; give its "
                "variables, or module.bind(variables) if a probe batch is to be passed through it"
            )
        return dict(model.variables)
    return model


def is_linen_variables(model: object) -> bool:
    """Whether this is ``{"params": {…}, …}`` with a dict for every collection."""
    return (
        isinstance(model, Mapping)
        and not isinstance(model, kind_in("flax.nnx", "State"))
        and "params" in model
        and all(isinstance(collection, Mapping) for collection in model.values())
    )


def _of_collections(found: list[Weight]) -> list[Weight]:
    """The same by the modules' paths: running statistics belong beside the parameters.

    Parameters come first, whose names others may have as well: averages of them, for one.
    """
    taken: set[Path] = set()
    weights = []
    for weight in sorted(found, key=lambda weight: weight.path[0] != "params"):
        collection, *rest = weight.path
        path = tuple(rest) if rest else weight.path
        if path in taken:
            path = (*path[:-1], f"{collection}_{path[-1]}")
        taken.add(path)
        trainable = collection == "params"
        weights.append(replace(weight, path=path, trainable=trainable, flax=True))
    return weights


@dataclass(frozen=True)
class Met:
    """Flax modules and variables on a walk; they have an identity, other nodes are values.

    The first path is that of the walk in Flax's own order, by names. The order of attributes would
    not do: ``nnx.jit`` writes it anew, and a shared layer would change its name after a step.

    Attributes:
      paths: by which each was met first, by its id.
      aliases: by which one was met again, with its first.
    """

    paths: dict[int, Path] = field(default_factory=dict)
    aliases: dict[Path, Path] = field(default_factory=dict)


def _walk(
    node: Any, path: Path, owner: object | None, met: Met, above: tuple[int, ...]
) -> Iterator[Weight]:
    """Every array below a node, in the order in which children were defined.

    Args:
      node: module, variable, container or array.
      path: where it is.
      owner: the innermost module around it.
      met: what was met on the way here.
      above: ids of the containers around it.
    """
    if node is None or _is_random_state(node):
        return
    trainable = True
    if isinstance(node, (kind_in("flax.nnx", "Variable"), kind_in("flax.nnx", "Pytree"))):
        first = met.paths.setdefault(id(node), path)
        if first != path:
            met.aliases[path] = first
            return
    if isinstance(node, kind_in("flax.nnx", "Variable")):
        trainable = isinstance(node, kind_in("flax.nnx", "Param"))
        node = node.get_value() if hasattr(node, "get_value") else node.value
    if isinstance(node, kind_in("flax.core.meta", "AxisMetadata")):
        node = node.unbox()
    if isinstance(node, (jax.Array, np.ndarray, np.generic)):
        if not jnp.issubdtype(node.dtype, jax.dtypes.prng_key):
            yield Weight(path or ("array",), node, owner, trainable)
        return
    if isinstance(node, (bool, int, float)):
        if owner is None:
            yield Weight(path or ("array",), np.asarray(node))
        return
    children = _children(node, owner)
    if children is None:
        if owner is None:
            where = f" at {'/'.join(path)!r}" if path else ""
            raise AdapterError(
                f"model{where} is a {type(node).__module__}.{type(node).__qualname__}; "
                "arrays, modules and containers of them can be read"
            )
        return
    if id(node) in above:
        raise AdapterError(f"model: {'/'.join(path)!r} contains itself")
    holder = node if _is_module(node) else owner
    by_name = children if _is_sequence(node) else sorted(children, key=itemgetter(0))
    below = {
        name: [*_walk(child, (*path, *_split(name)), holder, met, (*above, id(node)))]
        for name, child in by_name
    }
    for name, _ in children:
        yield from below[name]


def _is_sequence(node: object) -> bool:
    return isinstance(node, (list, tuple, kind_in("flax.nnx", "List")))


def _is_module(node: object) -> bool:
    return isinstance(node, (kind_in("flax.nnx", "Module"), kind_in("equinox", "Module")))


def _is_random_state(node: object) -> bool:
    """Random generators and places in Equinox's ``State`` hold arrays that are no weights."""
    return isinstance(
        node,
        (
            kind_in("flax.nnx", "Rngs"),
            kind_in("flax.nnx", "RngStream"),
            kind_in("flax.nnx", "RngState"),
            kind_in("equinox.nn", "StateIndex"),
        ),
    )


def _children(node: Any, owner: object | None) -> list[tuple[str, Any]] | None:
    """Names and children in the order in which they were defined; None of a leaf."""
    if isinstance(node, kind_in("flax.nnx", "List")):
        return [(str(index), child) for index, child in enumerate(node)]
    if isinstance(node, (kind_in("flax.nnx", "Pytree"), kind_in("flax.nnx", "Module"))):
        return [item for item in vars(node).items() if not item[0].startswith(_BOOKKEEPING)]
    if isinstance(node, Mapping):
        return _named(node)
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return list(zip(node._fields, node, strict=True))
    if isinstance(node, (list, tuple)):
        return [(str(index), child) for index, child in enumerate(node)]
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        names = [spec.name for spec in dataclasses.fields(node)]
        return [(name, getattr(node, name, None)) for name in names]
    return None if owner is not None else _children_of_node(node)


def _children_of_node(node: Any) -> list[tuple[str, Any]] | None:
    """Children of a class that somebody registered as a pytree."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(node, is_leaf=lambda x: x is not node)
    if len(leaves) == 1 and leaves[0][1] is node:
        return None
    return [(jax.tree_util.keystr(path, simple=True), child) for path, child in leaves]


def _named(node: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """A dict's items. ``jax.tree.map`` sorts them by letters: Dense_10 comes before Dense_2."""
    items = [(key_name(key), child) for key, child in node.items()]
    names = [name for name, _ in items]
    if names == sorted(names):
        items.sort(key=lambda item: [_number(part) for part in re.split(r"(\d+)", item[0])])
    return items


def _number(part: str) -> tuple[int, int | str]:
    return (0, int(part)) if part.isdigit() else (1, part)


def _split(name: str) -> Path:
    """A flat key as a path: ``"dense/kernel"``, ``"mlp/~/linear_0"``, or ``"dense.kernel"``."""
    separator = "/" if "/" in name else "."
    parts = tuple(part for part in name.split(separator) if part and part != "~")
    return parts or (name,)
