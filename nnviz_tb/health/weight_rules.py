"""Rules over the weights: layers that are zero, that grow; twins; inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.health.findings import number, percent
from nnviz_tb.health.frozen import judge_frozen
from nnviz_tb.health.hysteresis import Limit, last_episode, rolling_median
from nnviz_tb.health.layer_rules import measured, severity_at_end
from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.series import (
    LayerSeries,
    NeuronSeries,
    RunSeries,
    shortest_lengths,
)
from nnviz_tb.health.thresholds import Thresholds

MAX_COMPARED = 1024
"""Neurons of a layer compared pairwise; more would cost more than it tells."""
_ROUNDING = 1e-6
_PAIRS = 1 << 15
"""Pairs of neurons compared at once, about."""
_MAX_ROWS = 12
"""Rows of sketches looked at to date the beginning of a finding."""


def judge_weights(run: RunSeries, ledger: Ledger) -> None:
    """Write down what the weights of the trainable layers say."""
    layers = [
        layer for layer in run.in_order() if layer.metadata.trainable and layer.metadata.neurons > 0
    ]
    if not layers:
        for kind in ("frozen_layer", "zero_weights", "weights_growing"):
            ledger.missing(kind, "")
        ledger.missing("duplicate_neurons", "")
    judge_frozen(layers, ledger)
    _judge_zero(layers, ledger)
    _judge_growth(layers, ledger)
    _judge_duplicates(layers, ledger)


def _judge_zero(layers: Sequence[LayerSeries], ledger: Ledger) -> None:
    window = ledger.limits.window
    picked, _ = measured(
        layers,
        "weight_zero_count",
        "zero_weights",
        ledger,
        lambda block: np.asarray((block > 0).any(axis=1)),
    )
    for layer, steps, zeros in picked:
        count = layer.values("weight_count")[~np.isnan(layer.values("weight_zero_count"))]
        share = np.where(count > 0, zeros / np.maximum(count, 1.0), 0.0)
        # All zero is a matter of yes or no: the window is the evidence, a margin has no meaning.
        episode = last_episode(share, Limit(1.0 - 1e-12, 1.0 - 1e-12), window)
        if episode is None:
            continue
        first = int(steps[episode.first])
        weights = int(count[np.isfinite(count)][-1])
        # A layer that begins at zero on purpose, beside others that do not, is given a gradient.
        gradients = layer.values("gradient_norm")[np.isin(layer.steps, steps)]
        moves_on = gradients[episode.last] > 0
        ledger.find(
            "zero_weights",
            "warning" if moves_on else "severe",
            f"All {weights} weights of {layer.name} are zero since step {first}.",
            steps=(first, int(steps[episode.last])),
            figure=episode.figure,
            threshold=1.0,
            layer=layer.name,
            ongoing=episode.ongoing,
            field="weight_zero_count",
            figures={"weights": weights},
        )


def _judge_growth(layers: Sequence[LayerSeries], ledger: Ledger) -> None:
    limits = ledger.limits

    def far_apart(norms: NDArray[np.float64]) -> NDArray[np.bool_]:
        # No two medians are further apart than the values themselves.
        largest = np.fmax.reduce(norms, axis=1, initial=-np.inf)
        smallest = np.where(norms > 0, norms, np.inf).min(axis=1, initial=np.inf)
        return np.asarray(largest > limits.weights_growing * smallest)

    for layer, steps, norms in measured(
        layers, "weight_norm", "weights_growing", ledger, far_apart
    )[0]:
        medians = rolling_median(norms, limits.window)
        positive = np.flatnonzero(medians > 0)
        if positive.size < limits.window:
            continue
        medians, at = medians[positive], steps[positive + limits.window - 1]
        # What begins near zero has to grow before it has a length that may grow.
        shortest = float(shortest_lengths([layer], limits.near_zero)[0])
        start, end = max(float(medians[0]), shortest), float(medians[-1])
        ratio = end / start
        middle_step = (int(at[0]) + int(at[-1])) / 2
        middle = float(np.interp(middle_step, at, medians))
        gained, lately = middle - float(medians[0]), end - middle
        if ratio <= limits.weights_growing or lately < limits.growth_kept * gained:
            continue
        first = int(at[int(np.argmax(medians > 2 * start))])
        ledger.find(
            "weights_growing",
            "severe" if ratio > limits.weights_growing_severe else "warning",
            f"The weight norm of {layer.name} has grown {number(ratio)}-fold, from {number(start)} "
            f"to {number(end)}, and does not slow (limit {number(limits.weights_growing)}-fold).",
            steps=(first, int(at[-1])),
            figure=ratio,
            threshold=limits.weights_growing,
            layer=layer.name,
            field="weight_norm",
            figures={"start": start, "end": end},
        )


def duplicates(sketches: NDArray[np.floating[Any]], distance: float) -> NDArray[np.bool_]:
    """``bool[neurons]`` whether a neuron has a near-duplicate.

    Args:
      sketches: ``float[neurons, dimensions]``; a row that is not finite has no duplicate.
      distance: ‖a − b‖ over the larger norm, below which two rows are near-duplicates; two rows
        of zeros are duplicates.
    """
    found: NDArray[np.bool_] = np.zeros(sketches.shape[0], dtype=np.bool_)
    finite = np.flatnonzero(np.isfinite(sketches).all(axis=1))
    rows = np.asarray(sketches, np.float64)[finite]
    squares = np.einsum("ij,ij->i", rows, rows)
    order = np.argsort(squares, kind="stable")
    rows, squares = rows[order], squares[order]
    twin = np.zeros(rows.shape[0], dtype=np.bool_)
    if rows.shape[0] < 2:
        return found

    def compare(here: NDArray[np.int64], there: NDArray[np.int64]) -> None:
        # Differences, not the expanded square: that cancels for rows which are nearly equal.
        gap = ((rows[here] - rows[there]) ** 2).sum(axis=1)
        close = (gap <= distance**2 * np.maximum(squares[here], squares[there])) & (here != there)
        twin[here[close]] = True
        twin[there[close]] = True

    # Norms differ by no more than the rows do, so in the order of their norms near-duplicates are
    # near each other. Neighbours first: where all neurons are equal, that is all there is to do.
    places = np.arange(rows.shape[0])
    compare(places[:-1], places[1:])
    single = np.flatnonzero(~twin)
    norms = np.sqrt(squares)
    shorter = max(1.0 - distance, 0.0)
    begin = np.searchsorted(norms, norms[single] * shorter * (1.0 - _ROUNDING), "left")
    longer = norms[single] / shorter if shorter else np.full(single.size, np.inf)
    end = np.searchsorted(norms, longer * (1.0 + _ROUNDING), "right")
    for some in np.array_split(np.arange(single.size), 1 + int((end - begin).sum()) // _PAIRS):
        counts = end[some] - begin[some]
        here = np.repeat(single[some], counts)
        within = np.arange(here.size) - np.repeat(np.cumsum(counts) - counts, counts)
        compare(here, within + np.repeat(begin[some], counts))
    found[finite[order]] = twin
    return found


def twins_of(series: NeuronSeries, limits: Thresholds) -> NeuronSeries:
    """``bool[compared, rows]`` which neurons had a near-duplicate, at the rows that are judged.

    Args:
      series: sketches, or ``twin`` where they were looked at as they came.
    """
    rows = _rows_to_look_at(series.steps.size, limits.window)
    values = series.values[:MAX_COMPARED]
    if values.ndim == 3:
        looked = [duplicates(values[:, row], limits.duplicate_distance) for row in rows]
        values = np.stack(looked, axis=1)
    else:
        values = values[:, rows]
    return NeuronSeries(series.steps[rows], series.neurons[:MAX_COMPARED], values)


def _judge_duplicates(layers: Sequence[LayerSeries], ledger: Ledger) -> None:
    limits = ledger.limits
    for layer in layers:
        if layer.metadata.neurons < 2:
            continue
        series = layer.neurons.get("twin") or layer.neurons.get("sketch")
        if series is None:
            ledger.missing("duplicate_neurons", layer.name)
            continue
        if layer.metadata.fan_in < 3:
            continue  # vectors of one or two numbers are near each other by chance
        if series.steps.size < limits.window:
            ledger.missing("duplicate_neurons", layer.name, "too_few_steps")
            continue
        ledger.judged("duplicate_neurons", layer.name)
        twins = twins_of(series, limits)
        share = np.asarray(twins.values.mean(axis=0), np.float64)
        limit = Limit.upper(limits.duplicate_neurons, limits.leave)
        severe = Limit.upper(limits.duplicate_neurons_severe, limits.leave)
        episode = last_episode(share, limit, limits.window)
        if episode is None:
            continue
        first = int(twins.steps[episode.first])
        which = twins.neurons[twins.values[:, episode.last]]
        compared = twins.neurons.size
        ledger.find(
            "duplicate_neurons",
            severity_at_end(share, severe, limits.window),
            f"{which.size} of {compared} neurons of {layer.name} have a "
            f"near-duplicate since step {first} (limit {percent(limit.enter)}).",
            steps=(first, int(twins.steps[episode.last])),
            figure=episode.figure,
            threshold=limit.enter,
            layer=layer.name,
            ongoing=episode.ongoing,
            field="sketch",
            neurons=which.tolist(),
            figures={"twins": int(which.size), "compared": int(compared)},
        )


def _rows_to_look_at(count: int, window: int) -> NDArray[np.int64]:
    """The last rows, as many as the window, and some before, evenly spread."""
    early = np.linspace(0, count - window, max(_MAX_ROWS - window, 2))
    late = np.arange(count - window, count)
    return np.unique(np.concatenate([early, late]).astype(np.int64))


def input_rms(layer: LayerSeries) -> tuple[float, int] | None:
    """Estimated root mean square of what enters a layer, and the step; None if not measured.

    The weights of a fresh layer are independent of the data and of mean near 0, so over samples
    and neurons var z = E w² · Σ x², whatever the mean of x; a bias that all neurons share is taken
    off with the mean of z.
    """
    fan_in = layer.metadata.fan_in
    z2 = layer.values("input_std") ** 2
    w2 = layer.values("weight_mean") ** 2 + layer.values("weight_std") ** 2
    known = np.flatnonzero(np.isfinite(z2) & np.isfinite(w2) & (w2 > 0))
    if known.size == 0 or fan_in < 1:
        return None
    row = known[0]
    return float(np.sqrt(z2[row] / (w2[row] * fan_in))), int(layer.steps[row])


def judge_inputs(run: RunSeries, ledger: Ledger) -> None:
    """Write down whether what enters the first layer is badly scaled."""
    limits = ledger.limits
    layers = run.in_order()
    first_layer = next((layer for layer in layers if layer.metadata.fan_in > 0), None)
    if first_layer and any(layer.name.startswith(f"{first_layer.name}/") for layer in layers):
        return  # a second kernel, of its own past, feeds the same pre-activations
    estimate = input_rms(first_layer) if first_layer is not None else None
    if first_layer is None or estimate is None:
        ledger.missing("unscaled_inputs", first_layer.name if first_layer else "")
        return
    ledger.judged("unscaled_inputs", first_layer.name)
    rms, step = estimate
    small = rms < limits.unscaled_inputs_small
    if rms <= limits.unscaled_inputs and not small:
        return
    threshold = limits.unscaled_inputs_small if small else limits.unscaled_inputs
    ledger.find(
        "unscaled_inputs",
        "severe" if rms > limits.unscaled_inputs_severe else "warning",
        f"What enters {first_layer.name} has a root mean square of about {number(rms)}, estimated "
        f"from its pre-activations and weights (limit {number(threshold)}); inputs of mean 0 and "
        "variance 1 have 1.",
        steps=(step, int(first_layer.steps[-1])),
        figure=rms,
        threshold=threshold,
        layer=first_layer.name,
        field="input_std",
        figures={"small": int(small)},
    )
