"""One layer at one step: its arrays as the values of an event."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import (
    DEAD_ACTIVITY,
    DORMANCY_THRESHOLD,
    LAYER_FIELDS,
    QUANTILES,
    SUMMARY_FIELDS,
)
from nnviz_tb.layers import Array, Layer
from nnviz_tb.recording.budget import TRACKED_ONLY
from nnviz_tb.recording.events import HISTOGRAMS_PLUGIN, Value
from nnviz_tb.recording.layer_state import LayerState, named_arrays
from nnviz_tb.sampling import spread_sample
from nnviz_tb.schema import PLUGIN_NAME, SeriesMetadata, tag_of
from nnviz_tb.statistics import density as densities
from nnviz_tb.statistics import stats
from nnviz_tb.statistics.curves import Curve, curve_limit
from nnviz_tb.statistics.histogram import FloatHistogram
from nnviz_tb.statistics.sketch import sketch

_FIELD_PLACE = {name: place for place, name in enumerate(LAYER_FIELDS)}
_SUMMARY_PLACE = {name: place for place, name in enumerate(SUMMARY_FIELDS)}
_NONFINITE = ("nan_count", "posinf_count", "neginf_count")


class LayerRecord:
    """Builds the values of one layer at one step.

    Attributes:
      values: for the event, without the ``layer`` series.
      figures: ``float32[len(LAYER_FIELDS)]`` of the ``layer`` series, NaN where not measured.
      problems: sentences on what could not be recorded.
    """

    def __init__(self, layer: Layer, state: LayerState, seed: int) -> None:
        self.values: list[Value] = []
        self.problems: list[str] = []
        self.figures = np.full(len(LAYER_FIELDS), np.nan, np.float32)
        self._layer = layer
        self._state = state
        self._seed = seed
        for part in (
            self._kernel,
            self._gradient,
            self._bias,
            self._others,
            self._inputs,
            self._outputs,
        ):
            self._attempt(part)

    def _attempt(self, part: Callable[[], None]) -> None:
        """Runs a part; what it raises, from a user's array as well, costs only that part."""
        try:
            with np.errstate(all="ignore"):
                part()
        except Exception as error:
            name = getattr(part, "__name__", "").strip("_")
            self.problems.append(f"{self._layer.name}: {name}: {type(error).__name__}: {error}")

    # Weights.

    def _kernel(self) -> None:
        kernel = self._layer.kernel
        if kernel is None:
            return
        figures = stats.kernel_statistics(kernel)
        self._histogram(self._layer.kernel_name, figures.histogram)
        self.figures[: len(SUMMARY_FIELDS)] = figures.summary
        self._statistic("weight_norm", figures.norm)
        self._statistic("weight_mean", figures.mean)
        self._statistic("weight_std", figures.std)
        self._statistic("weight_min", figures.minimum)
        self._statistic("weight_max", figures.maximum)
        if self._layer.update is not None:
            update = stats.kernel_statistics(self._layer.update)
            # The kernel is as the step left it. By that a step that replaces the weights would
            # have a ratio of about 1, however large it was.
            wide = np.float64 if kernel.dtype == np.float64 else np.float32
            before = stats.kernel_statistics(
                kernel.astype(wide) - np.asarray(self._layer.update, wide)
            )
            self._statistic("update_ratio", _ratio(update.norm, before.norm))
            whole = (s.summary[_SUMMARY_PLACE["norm"]] for s in (update, before))
            self._figure("update_ratio", float(_ratio(*(np.asarray(norm) for norm in whole))))
        self._way(kernel)
        self._raw(kernel)

    def _way(self, kernel: Array) -> None:
        """How far the tracked neurons went, since the previous logged step and the first."""
        state, neurons = self._state, kernel.shape[1]
        counts = [state.share.tracked.get(name, 0) for name in TRACKED_ONLY]
        tracked = _sample(neurons, max(counts), self._seed)
        if not tracked.size:
            return
        now = np.ascontiguousarray(kernel[:, tracked], np.float32)
        if now is kernel or np.shares_memory(now, kernel):
            now = now.copy()
        for name, before in (("displacement", state.previous), ("distance", state.first)):
            if before is None or before.shape != now.shape:
                continue
            by_neuron, overall = stats.relative_change(now, before)
            places = np.full(neurons, np.nan)
            places[tracked] = by_neuron
            self._statistic(name, places)
            self._figure(name, overall)
        if state.first is None or state.first.shape != now.shape:
            state.first = now
            self._statistic("distance", np.zeros(neurons))
            self._figure("distance", 0.0)
        state.previous = now

    def _raw(self, kernel: Array) -> None:
        share, (fan_in, neurons) = self._state.share, kernel.shape
        if self._state.populations.get("weight_norm") != neurons:
            return
        if share.sketches:
            rows = _sample(neurons, share.sketches, self._seed)
            metadata = SeriesMetadata(neurons, rows.size, fan_in=fan_in, seed=self._seed)
            self._add("sketch", sketch(kernel[:, rows], self._seed), metadata)
        if share.weight_rows:
            rows = _sample(neurons, share.weight_rows, self._seed)
            columns = _sample(fan_in, share.weight_columns, self._seed)
            weights = np.asarray(kernel[np.ix_(columns, rows)].T, np.float32)
            metadata = SeriesMetadata(
                neurons, rows.size, fan_in=fan_in, columns=columns.size, seed=self._seed
            )
            self._add("weights", weights, metadata)

    def _gradient(self) -> None:
        gradient = self._layer.gradient
        if gradient is None:
            return
        name = f"{self._layer.kernel_name}_gradient"
        figures = stats.kernel_statistics(gradient)
        self._histogram(name, figures.histogram)
        self._summary(name, figures.summary)
        self._statistic("gradient_norm", figures.norm)
        self._figure("gradient_norm", figures.summary[_SUMMARY_PLACE["norm"]])
        self._figure("gradient_nonfinite_count", _nonfinite(figures.summary))

    def _bias(self) -> None:
        if self._layer.bias is not None:
            self._array(self._layer.bias_name, self._layer.bias)
            self._statistic("bias", np.asarray(self._layer.bias, np.float64).ravel())

    def _others(self) -> None:
        recorded = {self._layer.kernel_name, self._layer.bias_name}
        recorded.add(f"{self._layer.kernel_name}_gradient")
        for name, array in named_arrays(self._layer).items():
            if array is not None and name not in recorded:
                self._array(name, array)

    def _array(self, name: str, array: Array) -> None:
        histogram, summary = stats.array_statistics(array)
        self._histogram(name, histogram)
        self._summary(name, summary)

    # What reached the activation, and what left it.

    def _inputs(self) -> None:
        if self._layer.activation is None:
            return
        inputs, curve = self._layer.activation.inputs, self._state.curve
        if curve is not None:
            for name in ("dead_below", "dead_above", "saturated_below", "saturated_above"):
                self._figure(name, getattr(curve.zones, name))
        if inputs is None:
            return
        counted = densities.density(inputs)
        self._state.curve_limit = max(self._state.curve_limit, curve_limit(counted))
        if self._state.share.density_bytes:
            self._add("density", counted.to_row(self._state.share.density_bytes), self._plain())
        _, summary = stats.array_statistics(inputs)
        self._figure("sample_count", float(np.size(inputs)))
        self._figure("input_mean", summary[_SUMMARY_PLACE["mean"]])
        self._figure("input_std", summary[_SUMMARY_PLACE["std"]])
        self._figure("input_nonfinite_count", _nonfinite(summary))
        if curve is not None:
            self._zones(np.asarray(inputs).reshape(-1, np.shape(inputs)[-1]), curve)

    def _zones(self, inputs: Array, curve: Curve) -> None:
        samples = inputs.shape[0]
        if not inputs.size:
            return
        if curve.has_dead_zone:
            active = densities.active_counts(inputs, curve.zones)
            self._statistic("activity", active / samples)
            window = self._state.window
            if window and window[-1][0].shape != active.shape:
                window.clear()
            window.append((active, samples))
            seen = sum(count for _, count in window)
            share = np.sum([counts for counts, _ in window], axis=0) / seen
            self._figure("dead_share", float(np.mean(share < DEAD_ACTIVITY)))
            self._figure("window_sample_count", float(seen))
        if curve.bounded:
            saturated = densities.saturated_counts(inputs, curve.zones)
            self._statistic("saturation", saturated / samples)
            self._figure("saturated_share", float(saturated.sum() / inputs.size))

    def _outputs(self) -> None:
        activation = self._layer.activation
        outputs = None if activation is None else activation.outputs
        if activation is None or outputs is None:
            return
        if self._state.share.output_bytes:
            row = densities.density(outputs).to_row(self._state.share.output_bytes)
            self._add("output", row, self._plain())
        if activation.softmax:
            self._figure("entropy", densities.normalised_entropy(outputs))
        elif np.size(outputs):
            matrix = np.asarray(outputs).reshape(-1, np.shape(outputs)[-1])
            score = densities.dormancy(densities.mean_magnitude(matrix))
            self._statistic("dormancy", score)
            self._figure("dormant_share", float(np.mean(score <= DORMANCY_THRESHOLD)))

    # Values.

    def _figure(self, name: str, value: float) -> None:
        self.figures[_FIELD_PLACE[name]] = value

    def _plain(self) -> SeriesMetadata:
        return SeriesMetadata(seed=self._seed)

    def _statistic(self, name: str, values: NDArray[Any]) -> None:
        """One row of a per-neuron series; not at all where the budget has no place for it."""
        share, population = self._state.share, values.size
        count = share.tracked.get(name, 0)
        if not count or not population:
            return
        if self._state.populations.get(name) != population:
            self.problems.append(
                f"{self._layer.name}: {name} of {population} neurons, where there were "
                f"{self._state.populations.get(name)} when the run began, is not recorded"
            )
            return
        extremes = share.extremes.get(name, 0)
        row = values[_sample(population, count, self._seed)]
        if count < population:
            row = np.concatenate([row, _tail(name, values, extremes)])
        metadata = SeriesMetadata(population, min(count, population), extremes, seed=self._seed)
        self._add(name, np.asarray(row, np.float32), metadata)

    def _histogram(self, name: str, histogram: FloatHistogram) -> None:
        place = self._place(name)
        rows = self._state.share.histogram_rows[place] if place is not None else 0
        # Nothing finite leaves nothing to draw; the counts of what is not are in the summary.
        if rows and histogram.finite_count:
            tensor = _narrowed(histogram.intervals(rows))
            self.values.append(Value(f"{self._layer.name}/{name}", tensor, HISTOGRAMS_PLUGIN))

    def _summary(self, name: str, summary: NDArray[np.float64]) -> None:
        place = self._place(name)
        if place is not None and self._state.share.summaries[place]:
            self._add("summary", summary.astype(np.float32), self._plain(), f"/{name}")

    def _place(self, name: str) -> int | None:
        names = self._state.array_names
        return names.index(name) if name in names else None

    def _add(self, series: str, row: Array, metadata: SeriesMetadata, suffix: str = "") -> None:
        tag = tag_of(series, self._layer.name + suffix)
        content = self._state.contents.get(tag)
        if content is None:
            content = self._state.contents[tag] = metadata.to_bytes()
        self.values.append(Value(tag, row, PLUGIN_NAME, content))


@lru_cache(maxsize=512)
def _sample(population: int, size: int, seed: int) -> NDArray[np.int64]:
    return spread_sample(population, size, seed)


def _tail(name: str, values: NDArray[Any], extremes: int) -> NDArray[np.float64]:
    """Quantiles over all neurons, then indexes and values of the most extreme ones."""
    tail = np.full(len(QUANTILES) + 2 * extremes, np.nan)
    known = np.flatnonzero(np.isfinite(values))
    if name in TRACKED_ONLY or not known.size:
        return tail
    finite = values[known]
    tail[: len(QUANTILES)] = np.quantile(finite, QUANTILES)
    half = min(extremes // 2, known.size)
    if half:
        low = np.argpartition(finite, half - 1)[:half]
        high = np.argpartition(finite, finite.size - half)[-half:]
        for start, places in ((0, low), (extremes // 2, high)):
            at = len(QUANTILES) + start
            tail[at : at + half] = known[places]
            tail[at + extremes : at + extremes + half] = finite[places]
    return tail


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """``part / whole``; 0/0 is 0, anything else over 0 is NaN."""
    known = np.where(whole > 0.0, whole, np.nan)
    return np.where(part == 0.0, 0.0, part / known)


def _nonfinite(summary: NDArray[np.float64]) -> float:
    return math.fsum(float(summary[_SUMMARY_PLACE[name]]) for name in _NONFINITE)


def _narrowed(table: NDArray[np.float64]) -> Array:
    """The table as float32 where that loses nothing, else as it is."""
    narrow = table.astype(np.float32)
    return narrow if np.array_equal(narrow, table) else table
