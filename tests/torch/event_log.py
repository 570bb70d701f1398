"""What a run holds, by TensorBoard's own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from nnviz_tb.definitions import LAYER_FIELDS


class EventLog:
    """The series of one run directory."""

    def __init__(self, logdir: Path) -> None:
        self._events = EventAccumulator(str(logdir), size_guidance={"tensors": 0})
        self._events.Reload()

    @property
    def tags(self) -> list[str]:
        return list(self._events.Tags()["tensors"])

    def metadata(self, tag: str) -> bytes:
        """The plugin's own content of a tag."""
        content: bytes = self._events.SummaryMetadata(tag).plugin_data.content
        return content

    def series(self, tag: str) -> dict[int, NDArray[np.float32]]:
        """Values by step."""
        return {e.step: tensor_util.make_ndarray(e.tensor_proto) for e in self._events.Tensors(tag)}

    def figure(self, layer: str, field: str) -> dict[int, float]:
        """One figure of the ``layer`` series by step."""
        place = list(LAYER_FIELDS).index(field)
        return {
            step: float(row[place]) for step, row in self.series(f"nnviz/layer/{layer}").items()
        }
