"""What was just recorded, handed to the monitor that judges it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from nnviz_tb.definitions import LAYER_FIELDS
from nnviz_tb.health import HealthMonitor
from nnviz_tb.recording.events import Value
from nnviz_tb.schema import (
    PLUGIN_NAME,
    LayerMetadata,
    Metadata,
    metadata_from_bytes,
    parse_tag,
)

_FIELDS = tuple(LAYER_FIELDS)


def observe(monitor: HealthMonitor, step: int, values: Iterable[Value]) -> None:
    """Hand the layers' figures and the scalars of a step to the monitor, as they were recorded."""
    layers = {}
    scalars = {}
    for value in values:
        if value.plugin != PLUGIN_NAME:
            if value.tensor.ndim == 0:
                scalars[value.tag] = float(value.tensor)
            continue
        place = parse_tag(value.tag)
        if place is None or place[0] != "layer":
            continue
        metadata = _metadata(value.content)
        if isinstance(metadata, LayerMetadata):
            row = value.tensor.tolist()
            layers[place[1]] = (metadata, dict(zip(_FIELDS, row, strict=False)))
    monitor.observe(step, layers, scalars)


@lru_cache(maxsize=4096)
def _metadata(content: bytes) -> Metadata:
    return metadata_from_bytes(content)
