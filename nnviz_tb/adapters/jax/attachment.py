"""Activation functions laid beside the layers whose outputs they take."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import jax
import numpy as np

from nnviz_tb.adapters.activations import elementwise
from nnviz_tb.adapters.jax.loops import NAMED, Unseen
from nnviz_tb.adapters.jax.naming import function_name
from nnviz_tb.adapters.jax.probe import Seen
from nnviz_tb.adapters.jax.stacks import common_path
from nnviz_tb.adapters.jax.weights import Path, Weight
from nnviz_tb.layers import Activation, ElementwiseFunction, Layer

Layers = dict[Path, list[Layer]]
"""Of each module, by its path."""


def with_activations(
    layers: Layers, seen: list[Seen], unseen: list[Unseen], weights: list[Weight]
) -> list[Layer]:
    """All layers in order, each activation on its layer or right behind the module it follows.

    Args:
      layers: without activations.
      seen: what a probe pass saw.
      unseen: what it found where it cannot see.
      weights: the model's, in the order that the places in ``seen`` mean.
    """
    placed: Layers = {(): [], **{path: [*members] for path, members in layers.items()}}
    for one in seen:
        activation = _activation(one, weights)
        home = _named_home(placed, one.site.tap) if one.site.tap else _home(placed, one, weights)
        if home is not None:
            path, index = home
            layer = placed[path][index]
            if layer.kernel is None and activation.learnable:
                activation = replace(activation, function_name=layer.type)
            notes = (*layer.notes, *one.notes)
            placed[path][index] = replace(layer, activation=activation, notes=notes)
            continue
        touched = one.site.origin.touched
        path = () if touched is None else weights[touched].path[:-1]
        name = one.site.tap or "/".join((*path, activation.function_name))
        placed[path].append(
            Layer(
                name=name,
                type=activation.function_name,
                trainable=False,
                activation=activation,
                notes=one.notes,
            )
        )
    for hidden in unseen:
        path = common_path([weights[place].path[:-1] for place in hidden.weights])
        placed.setdefault(path, []).append(_unseen_layer(hidden, path))
    return [*chain.from_iterable(placed.values())]


def _unseen_layer(hidden: Unseen, path: Path) -> Layer:
    """Says of an activation function that there is one, and why there is no density."""
    known = getattr(jax.nn, hidden.name, None) if hidden.name in NAMED else None
    note = f"inside of a {hidden.kind}: what reaches it there is not seen"
    activation = Activation(
        function_name=hidden.name,
        function=None if known is None else elementwise(known),
        notes=(note,),
    )
    return Layer(
        name=hidden.name if hidden.tapped else "/".join((*path, hidden.kind, hidden.name)),
        type=hidden.name,
        trainable=False,
        activation=activation,
        notes=(note,),
    )


def _activation(one: Seen, weights: list[Weight]) -> Activation:
    return Activation(
        function_name=function_name(one),
        function=_function(one),
        channels=one.channels,
        learnable=any(weights[place].trainable for place in one.weights),
        softmax=one.site.softmax,
        inputs=one.inputs,
        outputs=one.outputs,
        notes=one.notes,
    )


def _function(one: Seen) -> ElementwiseFunction | None:
    function = one.function
    if function is None or not one.channels:
        return None if function is None else elementwise(function)
    return lambda x: np.asarray(function(np.asarray(x, np.float32)), np.float64)


def _named_home(placed: Layers, name: str) -> tuple[Path, int] | None:
    """The layer that has the name of a tap."""
    for path, members in placed.items():
        for index, layer in enumerate(members):
            if layer.name == name and layer.activation is None:
                return path, index
    return None


def _home(placed: Layers, one: Seen, weights: list[Weight]) -> tuple[Path, int] | None:
    """The layer whose kernel made the inputs, or the module whose parameter is in the function."""
    kernel = one.site.origin.kernel
    for place in one.weights:
        path = weights[place].path[:-1]
        for index, layer in enumerate(placed[path]):
            if layer.kernel is None and layer.activation is None:
                return path, index
    if kernel is None:
        return None
    path, leaf = weights[kernel].path[:-1], weights[kernel].path[-1]
    for index, layer in enumerate(placed[path]):
        if (
            layer.kernel is not None
            and layer.kernel_name == leaf
            and layer.kernel.shape[1] == one.inputs.shape[1]
            and layer.activation is None
        ):
            return path, index
    return None
