"""What reached a layer's activation at one step, and what left it."""

from __future__ import annotations

import numpy as np

from nnviz_tb.buckets import bucket_of
from nnviz_tb.definitions import DEAD_ACTIVITY, DORMANCY_THRESHOLD
from nnviz_tb.layers import Array, Layer
from nnviz_tb.recording.layer_state import LayerState
from nnviz_tb.recording.layer_values import LayerValues
from nnviz_tb.statistics import density as densities
from nnviz_tb.statistics.curves import Curve, curve_limit
from nnviz_tb.statistics.moments import mean_and_std

_ZONES = ("dead_below", "dead_above", "saturated_below", "saturated_above")


def record_inputs(layer: Layer, state: LayerState, into: LayerValues, seed: int) -> None:
    """The density of the inputs, their figures, and which units they leave dead or saturated."""
    if layer.activation is None:
        return
    inputs, curve = layer.activation.inputs, state.curve
    if curve is not None:
        for name in _ZONES:
            into.figure(name, getattr(curve.zones, name))
    if inputs is None:
        return
    counted = densities.density(inputs)
    if max(-counted.first, counted.first + counted.counts.size) > state.curve_reach:
        state.curve_limit = max(state.curve_limit, curve_limit(counted))
        state.curve_reach = int(bucket_of(np.array([state.curve_limit], np.float32))[0])
    if state.share.density_bytes:
        into.series("density", counted.to_row(state.share.density_bytes))
    mean, std = mean_and_std(inputs)
    into.figure("sample_count", float(np.size(inputs)))
    into.figure("input_mean", mean)
    into.figure("input_std", std)
    lost = counted.nan_count + counted.posinf_count + counted.neginf_count
    into.figure("input_nonfinite_count", float(lost))
    if curve is not None:
        _record_zones(_matrix(inputs), curve, state, into)


def _record_zones(inputs: Array, curve: Curve, state: LayerState, into: LayerValues) -> None:
    samples = inputs.shape[0]
    if not inputs.size:
        return
    if curve.has_dead_zone:
        active = densities.active_counts(inputs, curve.zones)
        into.statistic("activity", active / samples)
        window = state.window
        if window and window[-1][0].shape != active.shape:
            window.clear()
        window.append((active, samples))
        seen = sum(count for _, count in window)
        share = np.sum([counts for counts, _ in window], axis=0) / seen
        into.figure("dead_share", float(np.mean(share < DEAD_ACTIVITY)))
        into.figure("window_sample_count", float(seen))
    if curve.bounded:
        saturated = densities.saturated_counts(inputs, curve.zones)
        into.statistic("saturation", saturated / samples)
        into.figure("saturated_share", float(saturated.sum() / inputs.size))


def record_outputs(layer: Layer, state: LayerState, into: LayerValues, seed: int) -> None:
    """The density of the outputs, and which units put out next to nothing."""
    activation = layer.activation
    outputs = None if activation is None else activation.outputs
    if activation is None or outputs is None:
        return
    if state.share.output_bytes:
        row = densities.density(outputs).to_row(state.share.output_bytes)
        into.series("output", row)
    if activation.softmax:
        into.figure("entropy", densities.normalised_entropy(outputs))
    elif np.size(outputs):
        score = densities.dormancy(densities.mean_magnitude(_matrix(outputs)))
        into.statistic("dormancy", score)
        into.figure("dormant_share", float(np.mean(score <= DORMANCY_THRESHOLD)))


def _matrix(samples: Array) -> Array:
    return np.asarray(samples).reshape(-1, np.shape(samples)[-1])
