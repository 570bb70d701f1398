"""Adapter for JAX: pytrees of arrays, Linen variables, and Flax NNX and Equinox modules.

A probe pass traces the model as ``jax.jit`` would and reads the program it comes to, so that it
finds every elementwise function, however it was written and wherever it was called, without
replacing a function of JAX or of the model. The model itself is never run: its state, its random
generators and its running statistics stay as they are.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

from nnviz_tb.layers import Layer

SUPPORTS = (
    "a pytree of JAX arrays, Linen variables or a bound Linen module, a Flax NNX or Equinox module "
    "or a container of them"
)


def matches(model: object) -> bool:
    """Whether this is a module of JAX's world, or a pytree that holds one or a JAX array."""
    return sys.modules.get("jax") is not None and _is_in_jax(model, ())


def layers_of(
    model: Any, *, inputs: Any = None, gradients: Any = None, updates: Any = None
) -> list[Layer]:
    """The model's layers: in the order in which a probe pass uses them, else in model order.

    Args:
      model: see ``SUPPORTS``; a Flax ``TrainState`` as well.
      inputs: a probe batch as the model takes it; a tuple for several arguments, a dict for named
        ones, or for one that is a dict where the model has no arguments of these names. Equinox
        modules, which are written for one sample, are mapped over its first axis.
      gradients: a pytree like the model or its parameters, as ``jax.grad``, ``nnx.grad`` and
        ``eqx.filter_grad`` return them, or ``{path: array}``, or the list that ``jax.tree.leaves``
        makes of one; entries may be None.
      updates: the same of what one optimizer step changed.

    Raises:
      ArgumentError: there are no arrays, they cannot be read (donated, or traced by a
        transformation), the batch does not fit, or the gradients or updates do not.
      AdapterError: something in a pytree that is neither an array nor a container.
    """
    from nnviz_tb.adapters.jax.assembly import assemble

    return assemble(model, inputs, gradients, updates)


def takes_part_only(model: Any) -> bool:
    """Whether this process holds parts of the model, and the first one writes."""
    if not matches(model):
        return False
    import jax

    if jax.process_index() == 0:
        return False
    from nnviz_tb.adapters.jax.weights import weights_of

    arrays = (weight.value for weight in weights_of(model))
    return any(isinstance(a, jax.Array) and not a.is_fully_addressable for a in arrays)


def _is_module(model: object) -> bool:
    return any(
        isinstance(model, kind)
        for package, name in (
            ("equinox", "Module"),
            ("flax.nnx", "Module"),
            ("flax.nnx", "State"),
            ("flax.linen", "Module"),
            ("flax.training.train_state", "TrainState"),
        )
        if isinstance(kind := getattr(sys.modules.get(package), name, None), type)
    )


def _is_in_jax(node: object, above: tuple[int, ...]) -> bool:
    """Whether a module or an array of JAX's world is somewhere in the containers."""
    jax = sys.modules["jax"]
    if isinstance(node, jax.Array) or _is_module(node):
        return True
    if id(node) in above:
        return False
    if isinstance(node, Mapping):
        children: Any = node.values()
    elif isinstance(node, (list, tuple)):
        children = node
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        children = [getattr(node, spec.name, None) for spec in dataclasses.fields(node)]
    else:
        # A class that somebody registered; of any other the node is its own only leaf.
        return any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(node))
    return any(_is_in_jax(child, (*above, id(node))) for child in children)
