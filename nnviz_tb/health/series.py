"""What the rules read of one run: plain arrays, wherever they came from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb import buckets
from nnviz_tb.schema import DENSITY_HEADER_LENGTH, ActivationMetadata, LayerMetadata

Steps = NDArray[np.int64]
Values = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class NeuronSeries:
    """One statistic of a layer's tracked neurons.

    Attributes:
      steps: ``int64[steps]``, ascending and unique.
      neurons: ``int64[tracked]``, which neurons of the layer.
      values: ``float[tracked, steps]``, or ``float[tracked, steps, dimensions]`` for sketches;
        NaN where not measured. ``bool[tracked, steps]`` for ``twin``.
    """

    steps: Steps
    neurons: NDArray[np.int64]
    values: NDArray[Any]


@dataclass(frozen=True)
class LayerSeries:
    """One layer over the logged steps.

    Attributes:
      name: the layer's path.
      metadata: the layer as the model declares it.
      steps: ``int64[steps]``, ascending and unique.
      fields: ``{name: float[steps]}`` of ``definitions.LAYER_FIELDS``, and of
        :data:`DERIVED_FIELDS`; NaN, or no entry, means not measured.
      neurons: ``{statistic: NeuronSeries}``: ``activity``, ``dormancy``, ``sketch``; or, where
        sketches are not kept but looked at as they come, ``twin``: which neurons had a
        near-duplicate.
    """

    name: str
    metadata: LayerMetadata
    steps: Steps
    fields: Mapping[str, Values] = field(default_factory=dict)
    neurons: Mapping[str, NeuronSeries] = field(default_factory=dict)

    def values(self, name: str) -> NDArray[np.float64]:
        """``float64[steps]`` of a field; all NaN where there is none."""
        found = self.fields.get(name)
        if found is None:
            return np.full(self.steps.size, np.nan)
        return np.asarray(found, dtype=np.float64)

    def before(self, step: int) -> LayerSeries:
        """The layer as far as the steps before ``step``."""
        end = int(np.searchsorted(self.steps, step))
        fields = {name: values[:end] for name, values in self.fields.items()}
        neurons = _NeuronsBefore(self.neurons, step)
        return LayerSeries(self.name, self.metadata, self.steps[:end], fields, neurons)


class _NeuronsBefore(Mapping[str, NeuronSeries]):
    """Per-neuron series as far as the steps before one, each cut when it is asked for."""

    def __init__(self, whole: Mapping[str, NeuronSeries], step: int) -> None:
        self._whole = whole
        self._step = step

    def __getitem__(self, statistic: str) -> NeuronSeries:
        series = self._whole[statistic]
        end = int(np.searchsorted(series.steps, self._step))
        return replace(series, steps=series.steps[:end], values=series.values[:, :end])

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


ZONES = ("dead_below", "dead_above", "saturated_below", "saturated_above")
"""Fields that say where an activation is not alive."""

DERIVED_FIELDS = ("outside_share", "output_nonfinite_count")
"""Not stored but worked out from densities: the share of an activation's inputs in its zones of
death or saturation, and the NaN and infinities among its outputs."""


@dataclass(frozen=True)
class ScalarSeries:
    """One scalar of a run.

    Attributes:
      tag: its tag in the log.
      steps: ``int64[steps]``, ascending and unique.
      values: ``float[steps]``; here NaN is a value: a loss may be NaN.
      is_loss: it is a training loss, and a total; None when its tag is to tell.
    """

    tag: str
    steps: Steps
    values: Values
    is_loss: bool | None = None


@dataclass(frozen=True)
class RunSeries:
    """All that is judged of one run.

    Attributes:
      name: the run.
      layers: in any order; ``metadata.order`` is the model's.
      scalars: those of the run; :func:`nnviz_tb.health.loss.losses_of` says which are losses.
      of_histograms: the layers are histograms of another writer, which know no neurons and no
        order.
    """

    name: str
    layers: tuple[LayerSeries, ...] = ()
    scalars: tuple[ScalarSeries, ...] = ()
    of_histograms: bool = False

    def before(self, step: int) -> RunSeries:
        """The run as far as the steps before ``step``."""
        scalars = []
        for series in self.scalars:
            end = int(np.searchsorted(series.steps, step))
            scalars.append(replace(series, steps=series.steps[:end], values=series.values[:end]))
        layers = tuple(layer.before(step) for layer in self.layers)
        return RunSeries(self.name, layers, tuple(scalars), self.of_histograms)

    def in_order(self) -> tuple[LayerSeries, ...]:
        """The layers in model order."""
        return self._in_order

    @cached_property
    def _in_order(self) -> tuple[LayerSeries, ...]:
        return tuple(sorted(self.layers, key=lambda layer: (layer.metadata.order, layer.name)))


def stacked(layers: Sequence[LayerSeries], name: str) -> NDArray[np.float64]:
    """``float64[layers, rows]`` of a field, a row of each layer's own steps; NaN at the end of
    those that are shorter.

    Looking through hundreds of layers one by one costs far more than looking at all at once.
    """
    rows = max((layer.steps.size for layer in layers), default=0)
    block = np.full((len(layers), rows), np.nan)
    for place, layer in enumerate(layers):
        values = layer.fields.get(name)
        if values is not None:
            block[place, : layer.steps.size] = values
    return block


def shortest_lengths(layers: Sequence[LayerSeries], near_zero: float) -> NDArray[np.float64]:
    """``float64[layers]`` ‖W‖ below which a layer's weights are near zero."""
    neurons = np.array([layer.metadata.neurons for layer in layers], np.float64)
    return near_zero * np.sqrt(neurons)


def outside_share(
    counts: NDArray[Any],
    edges: NDArray[np.floating[Any]],
    zones: Mapping[str, NDArray[np.floating[Any]]],
) -> NDArray[np.float64]:
    """``float64[steps]`` share of finite inputs in a zone of death or saturation; NaN if no zone.

    A bucket that a zone's border cuts counts by the part of it that lies in the zone.

    Args:
      counts: ``[steps, bins]``.
      edges: ``[bins + 1]`` ascending.
      zones: ``dead_below``, ``dead_above``, ``saturated_below``, ``saturated_above``, each
        ``[steps]``; NaN or absent where there is no such zone.
    """
    step_count = counts.shape[0]
    nothing = np.full(step_count, np.nan)
    below = np.fmax(zones.get("dead_below", nothing), zones.get("saturated_below", nothing))
    above = np.fmin(zones.get("dead_above", nothing), zones.get("saturated_above", nothing))
    left, right = np.asarray(edges[:-1], np.float64), np.asarray(edges[1:], np.float64)
    width = np.maximum(right - left, np.finfo(np.float64).tiny)
    low = np.where(np.isnan(below), -np.inf, below)[:, np.newaxis]
    high = np.where(np.isnan(above), np.inf, above)[:, np.newaxis]
    alive = np.clip(np.minimum(right, high) - np.maximum(left, low), 0.0, None) / width
    total = counts.sum(axis=1, dtype=np.float64)
    outside = (counts * (1.0 - np.minimum(alive, 1.0))).sum(axis=1, dtype=np.float64)
    known = (total > 0) & ~(np.isnan(below) & np.isnan(above))
    share: NDArray[np.float64] = np.where(known, outside / np.maximum(total, 1.0), np.nan)
    return share


def density_outside(row: NDArray[np.int32], zones: Mapping[str, float]) -> float:
    """:func:`outside_share` of one stored density.

    Args:
      row: ``int32[5 + n]`` as :data:`nnviz_tb.schema.SERIES` has it.
      zones: by name, NaN or absent where there is none; others are not looked at.
    """
    if all(math.isnan(zones.get(name, math.nan)) for name in ZONES):
        return math.nan
    counts = row[np.newaxis, DENSITY_HEADER_LENGTH:]
    edges = buckets.edges(int(row[4]), counts.shape[1], int(row[0]))
    at = {name: np.array([zones[name]], np.float64) for name in ZONES if name in zones}
    return float(outside_share(counts, edges, at)[0])


def nonfinite_outputs(
    rows: NDArray[np.int32], activation: ActivationMetadata | None
) -> NDArray[np.float64]:
    """``float64[...]`` how many outputs of stored densities are NaN or infinite, unasked for.

    Args:
      rows: ``int32[..., 5 + n]`` as :data:`nnviz_tb.schema.SERIES` has it.
      activation: what put them out; of a log-softmax, −∞ is the right answer for what is masked.
    """
    function = "" if activation is None else activation.function.lower()
    is_logarithm = function.startswith("log") and function.endswith("softmax")
    counts = rows[..., 1 : 3 if is_logarithm else 4]
    return np.asarray(counts.sum(axis=-1, dtype=np.float64))
