"""A layer's arrays at one step: kernel, its update and its way, gradients, bias and others."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import SUMMARY_FIELDS
from nnviz_tb.layers import Array, DistantArray, Layer
from nnviz_tb.recording import distant
from nnviz_tb.recording.layer_state import LayerState, named_arrays
from nnviz_tb.recording.layer_values import SUMMARY_PLACE, LayerValues, nonfinite_count
from nnviz_tb.recording.tracked import tracked_neurons
from nnviz_tb.recording.way_record import record_sketch, record_way
from nnviz_tb.schema import SeriesMetadata
from nnviz_tb.statistics import stats
from nnviz_tb.statistics.stats import KernelStatistics

_NUMBERS_COPIED = 1 << 20
"""Of the weights before an update, at a time: 4 MiB of float32."""


def record_kernel(layer: Layer, state: LayerState, into: LayerValues, seed: int) -> None:
    """The kernel's histogram, statistics, way and raw weights."""
    kernel = layer.kernel
    if kernel is None:
        return
    if isinstance(kernel, DistantArray):
        _record_distant(kernel, layer.kernel_name, state, into, seed)
        return
    _record_statistics(layer.kernel_name, stats.kernel_statistics(kernel), into)
    if layer.update is not None:
        # The kernel is as the step left it. By that a step that replaces the weights would
        # have a ratio of about 1, however large it was.
        assert not isinstance(layer.update, DistantArray), "an update lies where its kernel does"
        update, before = stats.neuron_norms(layer.update), _norms_before(kernel, layer.update)
        _record_update(update, before, into)
    record_way(kernel, state, into, seed)
    _record_raw(kernel, state, into, seed)


def _record_distant(
    kernel: DistantArray, name: str, state: LayerState, into: LayerValues, seed: int
) -> None:
    """The same of a kernel that does not lie here: what :mod:`.distant` wanted was found there."""
    found, (fan_in, neurons), share = kernel.found(), kernel.shape, state.share
    state.kept = found.kept
    _record_statistics(name, found.statistics, into)
    if found.update_norm is not None and found.norm_before is not None:
        _record_update(found.update_norm, found.norm_before, into)
    followed = distant.followed_neurons(kernel, state, seed)
    for series, way in (("displacement", found.displacement), ("distance", found.distance)):
        if way is not None and followed is not None:
            places = np.full(neurons, np.nan)
            places[followed], overall = way
            into.statistic(series, places)
            into.figure(series, overall)
    if found.sketch is not None:
        count = min(neurons, share.sketches)
        metadata = SeriesMetadata(neurons, count, fan_in=fan_in, seed=seed)
        into.series("sketch", found.sketch, metadata)
    if found.entries is not None:
        columns, rows = found.entries.shape
        metadata = SeriesMetadata(neurons, rows, fan_in=fan_in, columns=columns, seed=seed)
        into.series("weights", np.ascontiguousarray(found.entries.T), metadata)


def _record_statistics(name: str, figures: KernelStatistics, into: LayerValues) -> None:
    into.histogram(name, figures.histogram)
    into.figures[: len(SUMMARY_FIELDS)] = figures.summary
    into.statistic("weight_norm", figures.norm)
    into.statistic("weight_mean", figures.mean)
    into.statistic("weight_std", figures.std)
    into.statistic("weight_min", figures.minimum)
    into.statistic("weight_max", figures.maximum)


def _record_update(
    update: NDArray[np.float64], before: NDArray[np.float64], into: LayerValues
) -> None:
    into.statistic("update_ratio", _ratio(update, before))
    into.figure("update_ratio", float(_ratio(_overall(update), _overall(before))))


def _norms_before(kernel: Array, update: Array) -> NDArray[np.float64]:
    """``float64[neurons]`` norms of the weights as they were before the update."""
    fan_in, neurons = kernel.shape
    # Narrow floats would round the difference of two nearly equal numbers once more.
    wide = np.float64 if kernel.dtype == np.float64 else np.float32
    width = max(1, _NUMBERS_COPIED // max(1, fan_in))
    parts = [
        stats.neuron_norms(
            kernel[:, start : start + width].astype(wide)
            - np.asarray(update[:, start : start + width], wide)
        )
        for start in range(0, neurons, width)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _record_raw(kernel: Array, state: LayerState, into: LayerValues, seed: int) -> None:
    """Sketches, and raw weights of tracked neurons."""
    share, (fan_in, neurons) = state.share, kernel.shape
    if state.populations.get("weight_norm") != neurons:
        return
    record_sketch(kernel, state, into, seed)
    if share.weight_rows:
        count, columns = min(neurons, share.weight_rows), min(fan_in, share.weight_columns)
        rows = _columns(_columns(kernel.T, columns, seed).T, count, seed).T
        metadata = SeriesMetadata(neurons, count, fan_in=fan_in, columns=columns, seed=seed)
        # A copy: the value outlives this call, the adapter's array need not.
        into.series("weights", np.array(rows, np.float32, order="C"), metadata)


def record_gradient(layer: Layer, state: LayerState, into: LayerValues, seed: int) -> None:
    """The kernel's gradient."""
    if layer.gradient is None:
        return
    name = f"{layer.kernel_name}_gradient"
    gradient = layer.gradient
    figures = (
        gradient.found().statistics
        if isinstance(gradient, DistantArray)
        else stats.kernel_statistics(gradient)
    )
    into.histogram(name, figures.histogram)
    into.summary(name, figures.summary)
    into.statistic("gradient_norm", figures.norm)
    into.figure("gradient_norm", float(figures.summary[SUMMARY_PLACE["norm"]]))
    into.figure("gradient_nonfinite_count", nonfinite_count(figures.summary))


def record_bias(layer: Layer, state: LayerState, into: LayerValues, seed: int) -> None:
    """The bias of every neuron."""
    if layer.bias is not None:
        _record_array(layer.bias_name, layer.bias, into)
        bias = layer.bias.found().entries if isinstance(layer.bias, DistantArray) else layer.bias
        into.statistic("bias", np.asarray(bias, np.float64).ravel())


def record_others(layer: Layer, state: LayerState, into: LayerValues, seed: int) -> None:
    """Every other array that gets a histogram."""
    recorded = {layer.kernel_name, layer.bias_name, f"{layer.kernel_name}_gradient"}
    for name, array in named_arrays(layer).items():
        if array is not None and name not in recorded:
            _record_array(name, array, into)


def _record_array(name: str, array: Array | DistantArray, into: LayerValues) -> None:
    if isinstance(array, DistantArray):
        figures = array.found().statistics
        histogram, summary = figures.histogram, figures.summary
    else:
        histogram, summary = stats.array_statistics(array)
    into.histogram(name, histogram)
    into.summary(name, summary)


def _columns(kernel: Array, count: int, seed: int) -> Array:
    """The sampled columns; a view when they are all of them."""
    if count >= kernel.shape[1]:
        return kernel
    return kernel[:, tracked_neurons(kernel.shape[1], count, seed)]


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """``part / whole``; 0/0 is 0, anything else over 0 is NaN."""
    known = np.where(whole > 0.0, whole, np.nan)
    return np.where(part == 0.0, 0.0, part / known)


def _overall(norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The norm over all neurons from those of each; NaN where none has a finite weight."""
    known = norms[~np.isnan(norms)]
    largest = float(known.max()) if known.size else math.nan
    if not 0.0 < largest < math.inf:
        return np.asarray(largest)
    return np.asarray(largest * np.linalg.norm(known / largest))
