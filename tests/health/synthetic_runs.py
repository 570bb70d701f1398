"""Synthetic runs whose every figure is chosen, for the tests of single rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnviz_tb.health import LayerSeries, NeuronSeries, RunSeries, ScalarSeries
from nnviz_tb.schema import ActivationMetadata, LayerMetadata

RELU = ActivationMetadata("relu", has_dead_zone=True)
TANH = ActivationMetadata("tanh", bounded=True)
SOFTMAX = ActivationMetadata("softmax", elementwise=False, bounded=True)


def layer(
    name: str,
    order: int = 0,
    *,
    steps: int = 20,
    every: int = 10,
    activation: ActivationMetadata | None = RELU,
    neurons: int = 8,
    fan_in: int = 16,
    trainable: bool = True,
    sketch: Any = None,
    activity: Any = None,
    **fields: Any,
) -> LayerSeries:
    """A layer whose fields are numbers (the same at every step) or sequences over steps."""
    at = np.arange(steps, dtype=np.int64) * every
    columns = {
        key: np.broadcast_to(np.asarray(value, np.float64), (steps,)).copy()
        for key, value in fields.items()
    }
    series: dict[str, NeuronSeries] = {}
    for key, values in (("sketch", sketch), ("activity", activity)):
        if values is not None:
            array = np.asarray(values, np.float64)
            series[key] = NeuronSeries(at, np.arange(array.shape[0]), array)
    metadata = LayerMetadata(
        "Dense",
        order,
        neurons=neurons,
        fan_in=fan_in,
        parameters=neurons * (fan_in + 1),
        trainable=trainable,
        activation=activation,
    )
    return LayerSeries(name, metadata, at, columns, series)


def run(*layers: LayerSeries, scalars: Mapping[str, Any] | None = None) -> RunSeries:
    """A run of these layers, with scalars logged at every step from 0."""
    series = tuple(
        ScalarSeries(tag, np.arange(len(values), dtype=np.int64), np.asarray(values, np.float64))
        for tag, values in (scalars or {}).items()
    )
    return RunSeries("demo", tuple(layers), series)


HEALTHY: dict[str, Any] = {
    "weight_nan_count": 0,
    "weight_posinf_count": 0,
    "weight_neginf_count": 0,
    "weight_zero_count": 0,
    "weight_count": 128,
    "weight_norm": 3.0,
    "weight_mean": 0.0,
    "weight_std": 0.25,
    "displacement": 1e-2,
    "update_ratio": 1e-3,
    "gradient_norm": 0.5,
    "gradient_nonfinite_count": 0,
    "dead_share": 0.0,
    "saturated_share": 0.0,
    "dormant_share": 0.0,
    "outside_share": 0.3,
    "input_mean": 0.0,
    "input_std": 1.0,
    "input_nonfinite_count": 0,
    "sample_count": 256,
    "window_sample_count": 2560,
}
"""Figures of a layer that nothing is wrong with."""
