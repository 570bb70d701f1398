"""What is put into a step's record about one layer: its figures and the rows of its series."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import LAYER_FIELDS, QUANTILES, SUMMARY_FIELDS
from nnviz_tb.layers import Array
from nnviz_tb.recording.events import HISTOGRAMS_PLUGIN, Value
from nnviz_tb.recording.layer_state import LayerState, NeuronRow
from nnviz_tb.recording.serving import TRACKED_ONLY
from nnviz_tb.recording.tracked import tracked_neurons
from nnviz_tb.schema import PLUGIN_NAME, SeriesMetadata, tag_of
from nnviz_tb.statistics.histogram import FloatHistogram

FIGURE_PLACE = {name: place for place, name in enumerate(LAYER_FIELDS)}
SUMMARY_PLACE = {name: place for place, name in enumerate(SUMMARY_FIELDS)}
_SORTED_WHOLE = 4096
_NONFINITE = tuple(SUMMARY_PLACE[name] for name in ("nan_count", "posinf_count", "neginf_count"))


class LayerValues:
    """The values of one layer at one step, as its place in the budget allows.

    Attributes:
      name: of the layer.
      values: for the event, without the ``layer`` series.
      figures: ``float32[len(LAYER_FIELDS)]`` of the ``layer`` series, NaN where not measured.
      problems: sentences on what could not be recorded.
    """

    def __init__(self, name: str, state: LayerState, seed: int) -> None:
        self.name = name
        self.values: list[Value] = []
        self.problems: list[str] = []
        self.figures = np.full(len(LAYER_FIELDS), np.nan, np.float32)
        self._state = state
        self._seed = seed

    def figure(self, name: str, value: float) -> None:
        """Sets one figure of the ``layer`` series."""
        self.figures[FIGURE_PLACE[name]] = value

    def statistic(self, name: str, values: NDArray[Any]) -> None:
        """One row of a per-neuron series; not at all where the budget has no place for it."""
        plan = self._state.rows.get(name)
        if plan is None:
            plan = self._state.rows[name] = self._plan(name)
        if plan.tracked is not None and not plan.tracked.size:
            return
        if plan.population != values.size:
            if values.size:
                self.problems.append(
                    f"{self.name}: {name} of {values.size} neurons, where there were "
                    f"{plan.population} when the run began, is not recorded"
                )
            return
        row = values
        if plan.tracked is not None:
            tail = _tail(name, values, plan.extremes)
            row = np.concatenate([values[plan.tracked], tail])
        row = np.asarray(row, np.float32)
        self.values.append(Value(plan.tag, row, PLUGIN_NAME, plan.content))

    def histogram(self, name: str, histogram: FloatHistogram) -> None:
        """The histogram of one of the layer's arrays, for TensorBoard's own dashboards."""
        place = self._state.array_places.get(name)
        rows = self._state.share.histogram_rows[place] if place is not None else 0
        # Nothing finite leaves nothing to draw; the counts of what is not are in the summary.
        if rows and histogram.finite_count:
            tensor = _narrowed(histogram.intervals(rows))
            self.values.append(Value(f"{self.name}/{name}", tensor, HISTOGRAMS_PLUGIN))

    def summary(self, name: str, summary: NDArray[np.float64]) -> None:
        """One of the layer's arrays in numbers."""
        place = self._state.array_places.get(name)
        if place is not None and self._state.share.summaries[place]:
            self.series("summary", summary.astype(np.float32), suffix=f"/{name}")

    def series(
        self, series: str, row: Array, metadata: SeriesMetadata | None = None, suffix: str = ""
    ) -> None:
        """The row of any other series.

        Args:
          metadata: of the tag; by default there is nothing to say of it but the seed.
          suffix: of the layer's name.
        """
        known = self._state.tags.get((series, suffix))
        if known is None:
            content = (metadata or SeriesMetadata(seed=self._seed)).to_bytes()
            known = tag_of(series, self.name + suffix), content
            self._state.tags[series, suffix] = known
        self.values.append(Value(known[0], row, PLUGIN_NAME, known[1]))

    def _plan(self, name: str) -> NeuronRow:
        share, population = self._state.share, self._state.populations.get(name, 0)
        count = min(share.tracked.get(name, 0), population)
        extremes = share.extremes.get(name, 0)
        metadata = SeriesMetadata(population, count, extremes, seed=self._seed)
        return NeuronRow(
            tag_of(name, self.name),
            metadata.to_bytes(),
            population,
            None if 0 < count == population else tracked_neurons(population, count, self._seed),
            extremes,
        )


def nonfinite_count(summary: NDArray[np.float64]) -> float:
    """How many of the entries that a summary is about are NaN or infinite."""
    return math.fsum(float(summary[place]) for place in _NONFINITE)


def _tail(name: str, values: NDArray[Any], extremes: int) -> NDArray[np.float64]:
    """Quantiles over all neurons, then indexes and values of the most extreme ones."""
    tail = np.full(len(QUANTILES) + 2 * extremes, np.nan)
    known = np.flatnonzero(np.isfinite(values))
    if name in TRACKED_ONLY or not known.size:
        return tail
    finite = values[known].astype(np.float64)
    half = min(extremes // 2, known.size)
    ranks = np.multiply(QUANTILES, known.size - 1.0)
    below = ranks.astype(np.int64)
    above = np.minimum(below + 1, known.size - 1)
    # Everything wanted is at a few ranks; below some thousands, sorting all is the faster way.
    if known.size <= _SORTED_WHOLE:
        order = np.argsort(finite)
    else:
        wanted = {*below, *above, half, known.size - 1 - half}
        order = np.argpartition(finite, sorted(int(rank) for rank in wanted))
    ordered = finite[order]
    tail[: len(QUANTILES)] = ordered[below] + (ordered[above] - ordered[below]) * (ranks - below)
    if half:
        for start, places in ((0, order[:half]), (extremes // 2, order[-half:])):
            at = len(QUANTILES) + start
            tail[at : at + half] = known[places]
            tail[at + extremes : at + extremes + half] = finite[places]
    return tail


def _narrowed(table: NDArray[np.float64]) -> Array:
    """The table as float32 where that loses nothing, else as it is."""
    narrow = table.astype(np.float32)
    return narrow if np.array_equal(narrow, table) else table
