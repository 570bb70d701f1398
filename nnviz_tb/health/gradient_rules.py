"""Rules over the gradients of all layers together: vanishing and exploding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.health.findings import number
from nnviz_tb.health.hysteresis import Limit, last_episode
from nnviz_tb.health.layer_rules import severity_at_end
from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.series import LayerSeries, RunSeries, Steps, stacked

_KINDS = ("vanishing_gradient", "exploding_gradient")


def judge_gradients(run: RunSeries, ledger: Ledger) -> None:
    """Write down whether gradients vanish or explode on their way to the first layer."""
    trainable = [
        layer for layer in run.in_order() if layer.metadata.trainable and layer.metadata.neurons > 0
    ]
    has_gradient = np.isfinite(stacked(trainable, "gradient_norm")).any(axis=1)
    layers = [trainable[place] for place in np.flatnonzero(has_gradient).tolist()]
    if len(layers) < 2:
        # A model of one layer has no first and last: nothing to compare, and nothing to record.
        for kind in _KINDS if len(trainable) != 1 or not layers else ():
            ledger.missing(kind, "")
        return
    steps, norms = gradient_norms(layers)
    if steps.size < ledger.limits.window:
        for kind in _KINDS:
            ledger.missing(kind, "", "too_few_steps")
        return
    for kind in _KINDS:
        ledger.judged(kind, "")
        for layer in layers:
            ledger.judged(kind, layer.name)
    _judge_vanishing(layers[0].name, layers[-1].name, steps, norms, ledger)
    _judge_exploding(layers, steps, norms, ledger)


def gradient_norms(layers: Sequence[LayerSeries]) -> tuple[Steps, NDArray[np.float64]]:
    """``int64[steps]``, ``float64[layers, steps]`` at the steps where all were measured."""
    common = layers[0].steps
    if all(np.array_equal(layer.steps, common) for layer in layers):
        norms = stacked(layers, "gradient_norm")
        known = np.isfinite(norms).all(axis=0)
        return common[known], norms[:, known]
    for layer in layers[1:]:
        common = np.intersect1d(common, layer.steps, assume_unique=True)
    norms = np.stack(
        [layer.values("gradient_norm")[np.searchsorted(layer.steps, common)] for layer in layers]
    )
    known = np.isfinite(norms).all(axis=0)
    return common[known], norms[:, known]


def _judge_vanishing(
    first_layer: str, last_layer: str, steps: Steps, norms: NDArray[np.float64], ledger: Ledger
) -> None:
    limits = ledger.limits
    first, last = norms[0], norms[-1]
    ratio = np.divide(first, last, out=np.full(first.size, np.inf), where=last > 0)
    # Both conditions at once: the worse of the two, in units of its own limit.
    score = np.maximum(ratio / limits.vanishing_ratio, first / limits.vanishing_norm)
    episode = last_episode(score, Limit.lower(1.0, limits.leave), limits.window)
    if episode is None:
        return
    since = int(steps[episode.first])
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


def _judge_exploding(
    layers: Sequence[LayerSeries], steps: Steps, norms: NDArray[np.float64], ledger: Ledger
) -> None:
    limits = ledger.limits
    last = norms[-1]
    weights = np.stack(
        [layer.values("weight_norm")[np.searchsorted(layer.steps, steps)] for layer in layers]
    )
    # Weights of zero or unknown norm have no length to compare with.
    lengths = np.divide(norms, weights, out=np.zeros_like(norms), where=weights > 0)
    ratios = np.divide(norms, last, out=np.zeros_like(norms), where=last > 0)
    severe = Limit.upper(limits.exploding_length_severe, limits.leave)
    for figures, threshold, measure in (
        (lengths, limits.exploding_length, "that of its weights"),
        (ratios, limits.exploding_ratio, f"that of {layers[-1].name}'s"),
    ):
        limit = Limit.upper(threshold, limits.leave)
        episode = last_episode(figures.max(axis=0), limit, limits.window)
        if episode is None:
            continue
        recent = slice(max(episode.last - limits.window + 1, 0), episode.last + 1)
        place = int(np.argmax(np.median(figures[:, recent], axis=1)))
        layer = layers[place]
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
                "last_layer": layers[-1].name,
                "of_weights": int(figures is lengths),
            },
        )
        return
