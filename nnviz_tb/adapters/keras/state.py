"""What a forward pass in inference mode may still change in a Keras model, put back afterwards."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnviz_tb.adapters.keras.variables import to_numpy

MAX_NUMBERS_KEPT = 1 << 20
"""A larger variable is taken to be a frozen weight, which no layer changes when it is called."""


@contextlib.contextmanager
def state_kept(model: Any) -> Iterator[None]:
    """Non-trainable variables, losses and call marks of the model are afterwards as they were.

    Non-trainable variables are states of random generators and stateful recurrent layers, moving
    statistics, and whatever a layer of the user's own counts.
    """
    layers = model._flatten_layers()
    variables = [
        (variable, np.array(to_numpy(variable)))
        for variable in _all_variables(model, layers)
        if math.prod(variable.shape) <= MAX_NUMBERS_KEPT
    ]
    losses = [(layer, list(layer._losses), set(layer._loss_ids)) for layer in layers]
    called = [(layer, vars(layer).get("_called")) for layer in layers]
    try:
        yield
    finally:
        for variable, before in variables:
            if not np.array_equal(to_numpy(variable), before, equal_nan=before.dtype.kind == "f"):
                variable.assign(before)
        for layer, values, ids in losses:
            layer._losses.clear()
            layer._losses.extend(values)
            layer._loss_ids.clear()
            layer._loss_ids.update(ids)
        for layer, mark in called:
            vars(layer)["_called"] = mark


def _all_variables(model: Any, layers: list[Any]) -> list[Any]:
    """Non-trainable variables, each once, with the states that recurrent layers keep untracked."""
    found = {id(variable): variable for variable in model.non_trainable_variables}
    for layer in layers:
        for state in getattr(layer, "states", None) or ():
            if hasattr(state, "assign"):
                found[id(state)] = state
    return list(found.values())
