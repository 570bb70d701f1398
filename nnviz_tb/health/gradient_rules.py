"""Rules over the gradients of all layers together: vanishing and exploding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.health.findings import number
from nnviz_tb.health.hysteresis import Limit, last_episode
from nnviz_tb.health.layer_rules import severity_at_end
from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.series import LayerSeries, RunSeries, Steps, shortest_lengths, stacked

_KINDS = ("vanishing_gradient", "exploding_gradient")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Gradients:
    """Gradient norms of several layers at the steps at which two or more of them have one.

    Attributes:
      layers: in model order, those that mostly have a gradient.
      steps: ``int64[steps]``.
      norms: ``float64[layers, steps]``; NaN where a layer was given no gradient, as the head of
        another task is.
      weights: ``float64[layers, steps]`` ‖W‖; NaN where unknown.
    """

    layers: Sequence[LayerSeries]
    steps: Steps
    norms: Floats
    weights: Floats

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """``int64[steps]`` place of the first layer with a gradient."""
        return np.asarray(np.isfinite(self.norms).argmax(axis=0))

    @cached_property
    def last(self) -> NDArray[np.int64]:
        """``int64[steps]`` place of the last layer with a gradient."""
        return np.asarray(len(self.layers) - 1 - np.isfinite(self.norms)[::-1].argmax(axis=0))

    def of(self, places: NDArray[np.int64]) -> Floats:
        """``float64[steps]`` the norm of one layer at each step."""
        return np.asarray(self.norms[places, np.arange(self.steps.size)])

    def at(self, rows: NDArray[np.int64]) -> _Gradients:
        """The same at some of the steps."""
        return _Gradients(self.layers, self.steps[rows], self.norms[:, rows], self.weights[:, rows])


def judge_gradients(run: RunSeries, ledger: Ledger) -> None:
    """Write down whether gradients vanish or explode on their way to the first layer."""
    trainable = [
        layer for layer in run.in_order() if layer.metadata.trainable and layer.metadata.neurons > 0
    ]
    measured = np.count_nonzero(np.isfinite(stacked(trainable, "gradient_norm")), axis=1).tolist()
    layers = [
        layer
        for layer, count in zip(trainable, measured, strict=True)
        if count and 2 * count >= layer.steps.size
    ]
    if len(layers) < 2:
        # A model of one layer has no first and last: nothing to compare, and nothing to record.
        for kind in _KINDS if len(trainable) != 1 or not layers else ():
            ledger.missing(kind, "")
        return
    gradients = _gradients(layers)
    young_behind = _is_young(gradients, ledger.limits.near_zero)[1:].any(axis=0)
    settled = gradients.at(np.flatnonzero(~young_behind))
    for kind, of, judge in (
        ("vanishing_gradient", settled, _judge_vanishing),
        ("exploding_gradient", gradients, _judge_exploding),
    ):
        if of.steps.size < ledger.limits.window:
            ledger.missing(kind, "", "too_few_steps")
            continue
        ledger.judged(kind, "")
        for layer in layers:
            ledger.judged(kind, layer.name)
        judge(of, ledger)


def _gradients(layers: Sequence[LayerSeries]) -> _Gradients:
    steps = layers[0].steps
    if all(np.array_equal(layer.steps, steps) for layer in layers):
        norms, weights = stacked(layers, "gradient_norm"), stacked(layers, "weight_norm")
    else:
        steps = np.unique(np.concatenate([layer.steps for layer in layers]))
        norms, weights = (np.full((len(layers), steps.size), np.nan) for _ in range(2))
        for place, layer in enumerate(layers):
            rows = np.searchsorted(steps, layer.steps)
            norms[place, rows] = layer.values("gradient_norm")
            weights[place, rows] = layer.values("weight_norm")
    norms[~np.isfinite(norms)] = np.nan
    comparable = np.flatnonzero(np.count_nonzero(np.isfinite(norms), axis=0) >= 2)
    return _Gradients(layers, steps, norms, weights).at(comparable)


def _is_young(gradients: _Gradients, near_zero: float) -> NDArray[np.bool_]:
    """``bool[layers, steps]`` whether a layer that began near zero is on its way from there.

    It passes hardly any gradient on, until it has grown.
    """
    shortest = shortest_lengths(gradients.layers, near_zero)
    near: NDArray[np.bool_] = gradients.weights < shortest[:, np.newaxis]
    for place in np.flatnonzero(near.any(axis=1)).tolist():
        norms = gradients.layers[place].values("weight_norm")
        norms = norms[~np.isnan(norms)]
        # Zero itself may be waiting for its first step.
        grows = norms[0] == 0.0 or norms[-1] > 2.0 * norms[0]
        near[place] &= bool(grows and norms[0] < shortest[place])
    return near


def _judge_vanishing(gradients: _Gradients, ledger: Ledger) -> None:
    limits, steps = ledger.limits, gradients.steps
    first, last = gradients.of(gradients.first), gradients.of(gradients.last)
    ratio = np.divide(first, last, out=np.full(first.size, np.inf), where=last > 0)
    # Both conditions at once: the worse of the two, in units of its own limit.
    score = np.maximum(ratio / limits.vanishing_ratio, first / limits.vanishing_norm)
    episode = last_episode(score, Limit.lower(1.0, limits.leave), limits.window)
    if episode is None:
        return
    since = int(steps[episode.first])
    first_layer, last_layer = (
        gradients.layers[int(places[episode.last])].name
        for places in (gradients.first, gradients.last)
    )
    ledger.find(
        "vanishing_gradient",
        "severe",
        f"The gradient vanishes on its way to {first_layer} since step {since}: its norm is "
        f"{number(float(first[episode.last]))}, {number(float(ratio[episode.last]))} of that of "
        f"{last_layer} (limits {number(limits.vanishing_norm)} and "
        f"{number(limits.vanishing_ratio)}).",
        steps=(since, int(steps[episode.last])),
        figure=float(ratio[episode.last]),
        threshold=limits.vanishing_ratio,
        layer=first_layer,
        ongoing=episode.ongoing,
        field="gradient_norm",
        figures={"norm": float(first[episode.last]), "last_layer": last_layer},
    )


def _judge_exploding(gradients: _Gradients, ledger: Ledger) -> None:
    limits, layers, steps, norms = ledger.limits, gradients.layers, gradients.steps, gradients.norms
    last = gradients.of(gradients.last)
    # Weights of unknown norm have no length to compare with, those near zero none of their own.
    shortest = shortest_lengths(layers, limits.near_zero)[:, np.newaxis]
    known = np.isfinite(norms) & ~np.isnan(gradients.weights)
    lengths = np.where(known, norms / np.fmax(gradients.weights, shortest), 0.0)
    ratios = np.where(np.isfinite(norms) & (last > 0), norms / last, 0.0)
    severe = Limit.upper(limits.exploding_length_severe, limits.leave)
    for figures, threshold in (
        (lengths, limits.exploding_length),
        (ratios, limits.exploding_ratio),
    ):
        limit = Limit.upper(threshold, limits.leave)
        episode = last_episode(figures.max(axis=0), limit, limits.window)
        if episode is None:
            continue
        recent = slice(max(episode.last - limits.window + 1, 0), episode.last + 1)
        place = int(np.argmax(np.median(figures[:, recent], axis=1)))
        layer, last_layer = layers[place], layers[int(gradients.last[episode.last])].name
        measure = "that of its weights" if figures is lengths else f"that of {last_layer}'s"
        since = int(steps[episode.first])
        ledger.find(
            "exploding_gradient",
            severity_at_end(lengths[place], severe, limits.window),
            f"The gradient of {layer.name} explodes since step {since}: its norm is "
            f"{number(episode.figure)} times {measure} (limit {number(threshold)}).",
            steps=(since, int(steps[episode.last])),
            figure=episode.figure,
            threshold=threshold,
            layer=layer.name,
            ongoing=episode.ongoing,
            field="gradient_norm",
            figures={
                "norm": float(norms[place, episode.last]),
                "last_layer": last_layer,
                "of_weights": int(figures is lengths),
            },
        )
        return
