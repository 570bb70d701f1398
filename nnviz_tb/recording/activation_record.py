"""What reached a layer's activation at one step, and what left it."""

from __future__ import annotations

import numpy as np

from nnviz_tb.buckets import bucket_of
from nnviz_tb.definitions import DEAD_ACTIVITY, DORMANCY_THRESHOLD
from nnviz_tb.layers import Layer
from nnviz_tb.recording.layer_state import LayerState
from nnviz_tb.recording.layer_values import LayerValues
from nnviz_tb.recording.sample_sums import InputSums, input_sums, output_sums
from nnviz_tb.statistics import density as densities
from nnviz_tb.statistics.curves import curve_limit

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
    seen = state.inputs_seen or input_sums(inputs, curve)
    counted = seen.counted
    if max(-counted.first, counted.first + counted.counts.size) > state.curve_reach:
        state.curve_limit = max(state.curve_limit, curve_limit(counted))
        state.curve_reach = int(bucket_of(np.array([state.curve_limit], np.float32))[0])
    if state.share.density_bytes:
        into.series("density", counted.to_row(state.share.density_bytes))
    into.figure("sample_count", float(seen.size))
    into.figure("input_mean", seen.mean)
    into.figure("input_std", seen.std)
    lost = counted.nan_count + counted.posinf_count + counted.neginf_count
    into.figure("input_nonfinite_count", float(lost))
    _record_zones(seen, state, into)


def _record_zones(seen: InputSums, state: LayerState, into: LayerValues) -> None:
    samples, active, saturated = seen.samples, seen.active, seen.saturated
    if active is not None:
        into.statistic("activity", active / samples)
        window = state.window
        if window and window[-1][0].shape != active.shape:
            window.clear()
        window.append((active, samples))
        window_samples = sum(count for _, count in window)
        share = np.sum([counts for counts, _ in window], axis=0) / window_samples
        into.figure("dead_share", float(np.mean(share < DEAD_ACTIVITY)))
        into.figure("window_sample_count", float(window_samples))
    if saturated is not None:
        into.statistic("saturation", saturated / samples)
        into.figure("saturated_share", float(saturated.sum() / seen.size))


def record_outputs(layer: Layer, state: LayerState, into: LayerValues, seed: int) -> None:
    """The density of the outputs, and which units put out next to nothing."""
    activation = layer.activation
    outputs = None if activation is None else activation.outputs
    if activation is None or outputs is None:
        return
    seen = state.outputs_seen or output_sums(outputs, activation.softmax)
    if state.share.output_bytes:
        into.series("output", seen.counted.to_row(state.share.output_bytes))
    if seen.entropy is not None:
        into.figure("entropy", seen.entropy)
    elif seen.magnitude is not None:
        score = densities.dormancy(seen.magnitude)
        into.statistic("dormancy", score)
        into.figure("dormant_share", float(np.mean(score <= DORMANCY_THRESHOLD)))
