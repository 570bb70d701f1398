"""Adapter for Keras 3 models on any of its backends.

Everything goes through ``keras.ops`` and the layers' own attributes, so the backend is neither
known nor imported here. ``tf.keras`` of Keras 2 is another library and not read.
"""

from __future__ import annotations

import sys
from typing import Any

from nnviz_tb.adapters.keras.assembly import assemble
from nnviz_tb.adapters.keras.kinds import keras_module
from nnviz_tb.adapters.keras.probe import probe
from nnviz_tb.adapters.keras.variables import by_variable, child_layers
from nnviz_tb.adapters.keras.walk import walk
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Layer

SUPPORTS = "a Keras 3 model or layer"


def matches(model: object) -> bool:
    """Whether this is a Keras 3 layer; every model is one."""
    kind = getattr(sys.modules.get("keras"), "Layer", None)
    return kind is not None and isinstance(model, kind)


def layers_of(
    model: Any, *, inputs: Any = None, gradients: Any = None, updates: Any = None
) -> list[Layer]:
    """The model's layers in model order; layers that only hold others are left out.

    Args:
      model: a built ``keras.Model`` or ``keras.Layer``.
      inputs: a probe batch as the model takes it: an array, or a list, tuple or dict of arrays.
      gradients: a list in the order of ``model.trainable_variables``, or ``{path or name: array}``.
      updates: the same of what one optimizer step changed.

    Raises:
      ArgumentError: the model is empty or not built yet, the probe batch does not fit, or the
        gradients or updates do not.
    """
    if not model.weights and not child_layers(model) and isinstance(model, keras_module().Model):
        raise ArgumentError(f"model {model.name!r} has no layers")
    # A model whose train step calls its parts, and that has no call of its own, is never built.
    if not model.built and not model.weights:
        raise ArgumentError(
            f"model {model.name!r} has no weights yet: call it on a batch, or "
            "model.build(input_shape), before it is logged"
        )
    gradient_of = by_variable(model, gradients, "gradients")
    update_of = by_variable(model, updates, "updates")
    entries = walk(model)
    samples, notes = ({}, ()) if inputs is None else probe(model, entries, inputs)
    layers: list[Layer] = []
    for entry in entries:
        layers.extend(assemble(entry, samples, gradient_of, update_of, notes))
    return layers
