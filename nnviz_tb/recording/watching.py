"""What was just recorded, handed to the monitor that judges it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np

from nnviz_tb.definitions import LAYER_FIELDS
from nnviz_tb.health import HealthMonitor, density_outside, nonfinite_outputs
from nnviz_tb.health.monitor import NeuronRow
from nnviz_tb.recording.events import Value
from nnviz_tb.recording.tracked import tracked_neurons
from nnviz_tb.schema import (
    PLUGIN_NAME,
    LayerMetadata,
    Metadata,
    SeriesMetadata,
    metadata_from_bytes,
    parse_tag,
)

_FIELDS = tuple(LAYER_FIELDS)
_PER_NEURON = ("activity", "dormancy", "sketch")


def observe(monitor: HealthMonitor, step: int, values: Iterable[Value]) -> None:
    """Hand a step to the monitor as it was recorded: what the report will read of it."""
    series: dict[str, dict[str, Value]] = {}
    scalars = {}
    for value in values:
        if value.plugin != PLUGIN_NAME:
            if value.tensor.ndim == 0:
                scalars[value.tag] = float(value.tensor)
            continue
        place = parse_tag(value.tag)
        if place is not None:
            series.setdefault(place[1], {})[place[0]] = value
    layers = {}
    neurons: dict[str, dict[str, NeuronRow]] = {}
    for name, of in series.items():
        metadata = _metadata(of["layer"].content) if "layer" in of else None
        if isinstance(metadata, LayerMetadata):
            layers[name] = metadata, _figures(of, metadata)
            neurons[name] = dict(_rows(of))
    monitor.observe(step, layers, scalars, neurons)


def _figures(of: Mapping[str, Value], metadata: LayerMetadata) -> dict[str, float]:
    figures = dict(zip(_FIELDS, of["layer"].tensor.tolist(), strict=False))
    if "density" in of:
        figures["outside_share"] = density_outside(of["density"].tensor, figures)
    if "output" in of:
        figures["output_nonfinite_count"] = float(
            nonfinite_outputs(of["output"].tensor, metadata.activation)
        )
    return figures


def _rows(of: Mapping[str, Value]) -> Iterable[tuple[str, NeuronRow]]:
    for statistic in _PER_NEURON:
        value = of.get(statistic)
        metadata = None if value is None else _metadata(value.content)
        if value is not None and isinstance(metadata, SeriesMetadata):
            count = metadata.tracked
            which = tracked_neurons(metadata.neurons, count, metadata.seed)
            yield statistic, (which, np.asarray(value.tensor)[:count])


@lru_cache(maxsize=4096)
def _metadata(content: bytes) -> Metadata:
    return metadata_from_bytes(content)
