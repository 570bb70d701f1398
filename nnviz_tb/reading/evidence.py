"""What the rules of :mod:`nnviz_tb.health` read of a run, gathered through the reader.

Per-neuron series are read only when a rule asks for them, one layer at a time: together they may
be a hundred times as large as the layers' own figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import LAYER_FIELDS
from nnviz_tb.health import (
    LayerSeries,
    NeuronSeries,
    RunSeries,
    ScalarSeries,
    nonfinite_outputs,
    outside_share,
)
from nnviz_tb.health.loss import is_loss
from nnviz_tb.health.series import ZONES
from nnviz_tb.reading import densities
from nnviz_tb.reading.faults import RequestError, UnavailableError
from nnviz_tb.reading.listings import layers_in
from nnviz_tb.reading.reader import Reader
from nnviz_tb.reading.rows import Series
from nnviz_tb.reading.source import Scope
from nnviz_tb.sampling import spread_sample
from nnviz_tb.schema import LayerMetadata, SeriesMetadata

_NEURON_SERIES = ("activity", "dormancy", "sketch")
_FIELDS = tuple(LAYER_FIELDS)


def gather(reader: Reader, scope: Scope, run: str, losses: tuple[str, ...] = ()) -> RunSeries:
    """The series of a run by which it is judged.

    Args:
      losses: tags of scalars that are losses, whatever they are called; else those whose tag says
        so.

    Raises:
      UnavailableError: the data provider failed. A series that cannot be read is left out, and so
        not measured.
    """
    layers = _layers(reader, scope, run)
    _, listed = reader.contents(scope, run)
    scalars = []
    for tag in listed:
        if is_loss(tag, run) or tag in losses:
            try:
                series = reader.scalars(scope, run, tag)
            except UnavailableError:
                raise
            except RequestError:
                continue
            said = True if tag in losses else None
            scalars.append(ScalarSeries(tag, series.steps.astype(np.int64), series.values, said))
    return RunSeries(run, tuple(layers), tuple(scalars))


def _layers(reader: Reader, scope: Scope, run: str) -> Iterator[LayerSeries]:
    tags = reader.run_tags(scope, run)
    names = layers_in(tags)
    rows = reader.series_of_layers(scope, run, "layer", names, tags)
    inputs = reader.series_of_layers(scope, run, "density", names, tags)
    outputs = reader.series_of_layers(scope, run, "output", names, tags)
    for name in names:
        series = rows.get(name)
        if not isinstance(series, Series) or not isinstance(series.metadata, LayerMetadata):
            continue
        fields: dict[str, NDArray[Any]] = {
            field: series.values[:, place] for place, field in enumerate(_FIELDS)
        }
        steps = series.steps.astype(np.int64)
        density, output = inputs.get(name), outputs.get(name)
        if isinstance(density, Series):
            fields["outside_share"] = _outside(density, steps, fields)
        if isinstance(output, Series):
            nonfinite = nonfinite_outputs(output.values, series.metadata.activation)
            fields["output_nonfinite_count"] = _at(steps, output.steps, nonfinite)
        neurons = _LazyNeurons(reader, scope, run, name)
        yield LayerSeries(name, series.metadata, steps, fields, neurons)


def _outside(
    density: Series, steps: NDArray[np.int64], fields: Mapping[str, NDArray[Any]]
) -> NDArray[np.float64]:
    rows = density.values
    zones = {zone: _at(density.steps.astype(np.int64), steps, fields[zone]) for zone in ZONES}
    share = np.full(rows.shape[0], np.nan)
    # Each row in its own buckets, as the monitor sees it: merged further, they would blur the zone.
    for level in np.unique(rows[:, 0]):
        same = np.flatnonzero(rows[:, 0] == level)
        frame = densities.frame_of(rows[same])
        if frame.count:
            counts = densities.aligned(rows[same], frame)
            at = {zone: values[same] for zone, values in zones.items()}
            share[same] = outside_share(counts, frame.edges, at)
    return _at(steps, density.steps, share)


def _at(
    wanted: NDArray[np.int64], steps: NDArray[Any], values: NDArray[Any]
) -> NDArray[np.float64]:
    """``float64[wanted]`` values at these steps; NaN at those that the series does not hold."""
    result = np.full(wanted.size, np.nan)
    if steps.size:
        place = np.minimum(np.searchsorted(steps, wanted), steps.size - 1)
        same = steps[place] == wanted
        result[same] = values[place[same]]
    return result


class _LazyNeurons(Mapping[str, NeuronSeries]):
    """Per-neuron series of one layer, read when asked for and not kept."""

    def __init__(self, reader: Reader, scope: Scope, run: str, layer: str) -> None:
        self._read: Callable[[str], Series] = lambda kind: reader.series(scope, run, kind, layer)

    def __getitem__(self, statistic: str) -> NeuronSeries:
        if statistic not in _NEURON_SERIES:
            raise KeyError(statistic)
        try:
            series = self._read(statistic)
        except UnavailableError:
            raise
        except RequestError:
            raise KeyError(statistic) from None
        return neurons_of(series)

    def __iter__(self) -> Iterator[str]:
        return iter(_NEURON_SERIES)

    def __len__(self) -> int:
        return len(_NEURON_SERIES)


def neurons_of(series: Series) -> NeuronSeries:
    """A per-neuron series or sketch with the neurons that its rows are of, neurons first."""
    metadata = series.metadata
    if not isinstance(metadata, SeriesMetadata):
        raise KeyError("a series without metadata has no neurons")
    neurons = spread_sample(metadata.neurons, metadata.tracked, metadata.seed)
    values = np.moveaxis(series.values[:, : metadata.tracked], 0, 1)
    return NeuronSeries(series.steps.astype(np.int64), neurons, values)
