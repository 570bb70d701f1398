"""A log as large as the panel's goals name: many layers, many steps, every neuron tracked.

It also holds a histogram of each layer at each step, for TensorBoard's own dashboard.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto import event_pb2, summary_pb2

sys.path.insert(0, str(Path(__file__).parents[1] / "read"))

from synthetic_log import RUN as RUN_METADATA
from synthetic_log import Log, layer_metadata, rows_at, schema_fields, tensor

from nnviz_tb import schema

RUN = "trained"
HISTOGRAM_BUCKETS = 30
FIRST_WALL_TIME = 1790000000.0


@dataclass(frozen=True)
class Size:
    """How large the log is; the default is that of the goals."""

    layers: int = 50
    steps: int = 1000
    neurons: int = 512


SMALL = Size(layers=4, steps=30, neurons=16)


@dataclass
class Training:
    """Made-up layers whose neurons drift, written a step at a time into a run that may be read.

    Attributes:
      log: where it is written to.
      step: the next one.
    """

    log: Log
    size: Size
    step: int = 0
    _norms: NDArray[np.float32] = field(init=False)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Every neuron begins at a norm of its own."""
        self._rng = np.random.default_rng(0)
        shape = (self.size.layers, self.size.neurons)
        self._norms = (0.5 + self._rng.random(shape)).astype(np.float32)

    def advance(self, wall_time: float | None = None) -> None:
        """Writes one step of every layer."""
        step, drift = self.step, self._rng.normal(0, 0.01, self._norms.shape)
        self._norms = np.abs(self._norms + drift).astype(np.float32)
        rows: dict[str, tuple[Any, Any]] = {
            schema.RUN_TAG: (RUN_METADATA, np.array([0.01, 0.002, 2048, 0, 0.01], np.float32))
        }
        quantiles = np.quantile(
            self._norms, (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1), axis=1
        )
        for layer, norms in enumerate(self._norms):
            rows.update(self._rows(layer, norms, quantiles[:, layer]))
        self.log.step(step, rows, {"loss": 1 / (1 + step / 100)}, wall_time)
        self._write_histograms()
        self.step += 1

    def _write_histograms(self) -> None:
        event = event_pb2.Event(step=self.step, wall_time=FIRST_WALL_TIME + self.step)
        for layer, norms in enumerate(self._norms):
            counts, edges = np.histogram(norms, HISTOGRAM_BUCKETS)
            buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
            value = event.summary.value.add(tag=f"{name_of(layer)}/kernel", tensor=tensor(buckets))
            value.metadata.plugin_data.plugin_name = "histograms"
            value.metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
        self.log._write(event)

    def _rows(
        self, layer: int, norms: NDArray[np.float32], quantiles: NDArray[Any]
    ) -> Iterator[tuple[str, Any]]:
        name, neurons = name_of(layer), self.size.neurons
        series = schema.SeriesMetadata(neurons, neurons)
        small = rows_at(self.step, name, layer)
        fields = np.full(len(schema_fields()), np.nan, np.float32)
        fields[:9] = quantiles
        drift = 1e-3 / (1 + layer)
        for field_name, value in (("displacement", drift), ("gradient_norm", 0.1 + 1e-3 * layer)):
            fields[schema_fields().index(field_name)] = value * (1 + np.cos(self.step / 50) / 2)
        yield schema.tag_of("layer", name), (layer_metadata(layer, neurons), fields)
        yield schema.tag_of("weight_norm", name), (series, norms)
        yield schema.tag_of("activity", name), (series, np.clip(norms / 2, 0, 1))
        yield schema.tag_of("density", name), small[schema.tag_of("density", name)]
        if self.step == 0:
            yield schema.tag_of("curve", name), small[schema.tag_of("curve", name)]


def name_of(layer: int) -> str:
    """``block_3/dense_07``: ten layers to a module."""
    return f"block_{layer // 10}/dense_{layer:02d}"


def write(logdir: Path, size: Size) -> None:
    """The whole log at once."""
    training = Training(Log(logdir / RUN), size)
    for _ in range(size.steps):
        training.advance()
