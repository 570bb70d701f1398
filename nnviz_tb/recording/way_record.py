"""How far the tracked neurons went, and where they are: what is computed of some of the columns.

Chosen columns lie apart in memory, so they have to be copied. Of a large layer that would be most
of it, so they are copied a few rows at a time, and what is computed adds up over the rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.layers import Array
from nnviz_tb.recording.layer_state import LayerState
from nnviz_tb.recording.layer_values import LayerValues
from nnviz_tb.recording.serving import TRACKED_ONLY
from nnviz_tb.recording.tracked import tracked_neurons
from nnviz_tb.schema import SKETCH_DIMENSIONS, SeriesMetadata
from nnviz_tb.statistics import stats
from nnviz_tb.statistics.sketch import add_projection, scaled

_NUMBERS_COPIED = 1 << 20
"""At a time: 4 MiB of float32."""


def record_way(kernel: Array, state: LayerState, into: LayerValues, seed: int) -> None:
    """How far the tracked neurons went, since the previous logged step and the first."""
    fan_in, neurons = kernel.shape
    count = min(neurons, max(state.share.tracked.get(name, 0) for name in TRACKED_ONLY))
    if not count:
        return
    tracked = _sample(neurons, count, seed)
    if state.first is None or state.first.shape != (fan_in, count):
        state.first = state.previous = np.empty((fan_in, count), np.float32)
        for rows, block in _rows_of(kernel, tracked):
            state.first[rows] = block
        into.statistic("distance", np.zeros(neurons))
        into.figure("distance", 0.0)
        return
    before = {"displacement": state.previous, "distance": state.first}
    if state.previous is state.first:
        state.previous = np.empty_like(state.first)
    sums = {name: np.zeros((2, count)) for name in before}
    for rows, block in _rows_of(kernel, tracked):
        now = np.ascontiguousarray(block, np.float32)
        for name, then in before.items():
            assert then is not None, "both were kept at the first step"
            sums[name] += stats.squared_change(now, then[rows])
        assert state.previous is not None
        state.previous[rows] = now
    for name, (moved, length) in sums.items():
        by_neuron, overall = stats.ratio_of_squares(moved, length)
        if tracked is not None:
            places = np.full(neurons, np.nan)
            places[tracked] = by_neuron
            by_neuron = places
        into.statistic(name, by_neuron)
        into.figure(name, overall)


def record_sketch(kernel: Array, state: LayerState, into: LayerValues, seed: int) -> None:
    """Short projections of the tracked neurons' weights."""
    fan_in, neurons = kernel.shape
    count = min(neurons, state.share.sketches)
    if not count:
        return
    projected = np.zeros((count, SKETCH_DIMENSIONS))
    for rows, block in _rows_of(kernel, _sample(neurons, count, seed)):
        add_projection(block, rows.start, seed, projected)
    metadata = SeriesMetadata(neurons, count, fan_in=fan_in, seed=seed)
    into.series("sketch", scaled(projected), metadata)


def _sample(neurons: int, count: int, seed: int) -> NDArray[np.int64] | None:
    """The tracked neurons; None when they are all of them."""
    return None if count >= neurons else tracked_neurons(neurons, count, seed)


def _rows_of(kernel: Array, tracked: NDArray[np.int64] | None) -> Iterator[tuple[slice, Array]]:
    """Some rows of the tracked columns after the other, copied where that has to be."""
    fan_in, neurons = kernel.shape
    height = max(1, _NUMBERS_COPIED // (neurons if tracked is None else tracked.size))
    for start in range(0, fan_in, height):
        rows = slice(start, min(start + height, fan_in))
        part = kernel[rows]
        yield rows, part if tracked is None else np.take(part, tracked, axis=1)
