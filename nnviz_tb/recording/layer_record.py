"""One layer at one step: its arrays as the values of an event."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from nnviz_tb.layers import Layer
from nnviz_tb.recording import activation_record, weight_record
from nnviz_tb.recording.layer_state import LayerState
from nnviz_tb.recording.layer_values import LayerValues

_PARTS = {
    "kernel": weight_record.record_kernel,
    "gradient": weight_record.record_gradient,
    "bias": weight_record.record_bias,
    "others": weight_record.record_others,
    "inputs": activation_record.record_inputs,
    "outputs": activation_record.record_outputs,
}


def record_layer(layer: Layer, state: LayerState, seed: int) -> LayerValues:
    """The layer's values; a part that raises, from a user's array as well, costs only that part.

    Args:
      layer: as the adapter gave it.
      state: of the layer, brought up to date.
      seed: of every fixed choice.
    """
    values = LayerValues(layer.name, state, seed)
    with np.errstate(all="ignore"):
        for name, record in _PARTS.items():
            _attempt(name, partial(record, layer, state, values, seed), values)
    return values


def _attempt(name: str, part: Callable[[], None], values: LayerValues) -> None:
    try:
        part()
    except Exception as error:
        values.problems.append(f"{values.name}: {name}: {type(error).__name__}: {error}")
