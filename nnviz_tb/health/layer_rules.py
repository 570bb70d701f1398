"""Rules over one figure of one layer: units, inputs, updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import DEAD_ACTIVITY, DORMANCY_THRESHOLD
from nnviz_tb.health.findings import Severity, number, percent
from nnviz_tb.health.hysteresis import Limit, held, is_rising, last_episode, rolling_median
from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.series import LayerSeries, RunSeries, shortest_lengths, stacked
from nnviz_tb.health.thresholds import Thresholds

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Rule:
    """One figure against one limit.

    Attributes:
      kind: what it finds.
      field: the figure.
      applies: whether it makes sense for a layer.
      limit, severe: names of the thresholds; ``severe`` None when never severe.
      above: worse is larger.
      sentence: made from the layer's name and the strings of figure, limit and first step.
    """

    kind: str
    field: str
    applies: Callable[[LayerSeries], bool]
    limit: str
    severe: str | None
    above: bool
    sentence: Callable[[str, str, str, int], str]
    share: bool = True


def _trainable(layer: LayerSeries) -> bool:
    return layer.metadata.trainable and layer.metadata.neurons > 0


def _can_die(layer: LayerSeries) -> bool:
    activation = layer.metadata.activation
    return activation is not None and activation.has_dead_zone


def _is_bounded(layer: LayerSeries) -> bool:
    activation = layer.metadata.activation
    return activation is not None and activation.bounded and activation.elementwise


def _is_hidden_unit(layer: LayerSeries) -> bool:
    activation = layer.metadata.activation
    return activation is not None and activation.elementwise


_NO_GRADIENT = ", so hardly any gradient passes."
_UNLESS_CROSS_ENTROPY = ": hardly any gradient passes, unless the loss is a cross-entropy."

_RULES = (
    _Rule(
        "dead_units", "dead_share", _can_die, "dead_units", "dead_units_severe", True,
        lambda layer, figure, limit, step: f"{figure} of the units of {layer} are dead, active "
        f"for less than 1 % of the samples, since step {step} (limit {limit}).",
    ),
    _Rule(
        "saturated_units", "saturated_share", _is_bounded,
        "saturated_units", "saturated_units_severe", True,
        lambda layer, figure, limit, step: f"{figure} of the samples saturate {layer} since step "
        f"{step} (limit {limit}){_NO_GRADIENT}",
    ),
    _Rule(
        "dormant_units", "dormant_share", _is_hidden_unit, "dormant_units", None, True,
        lambda layer, figure, limit, step: f"{figure} of the neurons of {layer} are dormant since "
        f"step {step} (limit {limit}): they put out next to nothing beside their neighbours.",
    ),
    _Rule(
        "inputs_out_of_range", "outside_share", lambda layer: _can_die(layer) or _is_bounded(layer),
        "inputs_out_of_range", "inputs_out_of_range_severe", True,
        lambda layer, figure, limit, step: f"{figure} of the inputs of {layer}'s activation fall "
        f"where it is flat since step {step} (limit {limit}).",
    ),
    _Rule(
        "update_too_large", "update_ratio", _trainable,
        "update_too_large", "update_too_large_severe", True,
        lambda layer, figure, limit, step: f"One optimizer step changes the weights of {layer} by "
        f"{figure} of their norm since step {step}; about 0.001 is healthy, the limit is {limit}.",
        share=False,
    ),
)  # fmt: skip


def judge_layers(run: RunSeries, ledger: Ledger) -> None:
    """Write down what each layer's figures say on their own."""
    layers = run.in_order()
    output = layers[-1].name if layers else ""
    for rule in _RULES:
        candidates = [layer for layer in layers if rule.applies(layer)]
        if rule.kind in ("dormant_units", "inputs_out_of_range"):
            # What an output layer saturates or silences is its answer, not lost capacity.
            candidates = [layer for layer in candidates if layer.name != output]
        _judge_rule(rule, candidates, output, ledger)
    _judge_leaps([layer for layer in layers if _trainable(layer)], ledger)
    _judge_small_updates([layer for layer in layers if _trainable(layer)], ledger)


def limits_of(
    limits: Thresholds, name: str, severe: str | None, *, above: bool
) -> tuple[Limit, Limit | None]:
    """The warning limit and the severe one, with their hysteresis."""
    make = Limit.upper if above else Limit.lower
    return (
        make(getattr(limits, name), limits.leave),
        make(getattr(limits, severe), limits.leave) if severe else None,
    )


Read = Callable[[Sequence[LayerSeries], str], Floats]
"""From layers and a field to ``float64[layers, rows]``."""
Suspect = Callable[[Floats], NDArray[np.bool_]]
"""From ``float64[layers, rows]`` to which layers are worth a closer look."""


def any_beyond(limit: Limit) -> Suspect:
    """Those of which a single value is beyond the limit: no median is where no value is."""
    return lambda block: np.asarray(limit.beyond(block).any(axis=1))


def measured(
    layers: Sequence[LayerSeries],
    field: str,
    kind: str,
    ledger: Ledger,
    suspect: Suspect,
    read: Read = stacked,
) -> tuple[list[tuple[LayerSeries, NDArray[np.int64], Floats]], int]:
    """The suspects among the layers in which the field was measured often enough, and the number
    of all such layers. Of each suspect: the steps and values at which it was measured.

    Those where it was not are written down as not measured, the others as judged.
    """
    block = read(layers, field)
    known: NDArray[np.bool_] = np.asarray(~np.isnan(block))
    found = set(np.flatnonzero(known.any(axis=1)).tolist())
    if field == "dead_share":
        known &= ~(stacked(layers, "window_sample_count") < ledger.limits.samples)
    counts = np.count_nonzero(known, axis=1).tolist()
    suspects = set(np.flatnonzero(suspect(block)).tolist())
    picked = []
    judged = 0
    for place, layer in enumerate(layers):
        if place not in found:
            ledger.missing(kind, layer.name)
        elif not counts[place]:
            ledger.missing(kind, layer.name, "too_few_samples")
        elif counts[place] < ledger.limits.window:
            ledger.missing(kind, layer.name, "too_few_steps")
        else:
            judged += 1
            ledger.judged(kind, layer.name)
            if place in suspects:
                rows = known[place, : layer.steps.size]
                picked.append((layer, layer.steps[rows], block[place, : rows.size][rows]))
    return picked, judged


def _judge_rule(rule: _Rule, layers: Sequence[LayerSeries], output: str, ledger: Ledger) -> None:
    limits, window = ledger.limits, ledger.limits.window
    warn, severe = limits_of(limits, rule.limit, rule.severe, above=rule.above)
    read = _beside_a_length(limits) if rule.kind == "update_too_large" else stacked
    picked, _ = measured(layers, rule.field, rule.kind, ledger, any_beyond(warn), read)
    for layer, steps, values in picked:
        episode = last_episode(values, warn, window)
        if episode is None:
            continue
        severity = severity_at_end(values, severe, window)
        show = percent if rule.share else number
        first = int(steps[episode.first])
        sentence = rule.sentence(layer.name, show(episode.figure), show(warn.enter), first)
        figures: dict[str, float | int | str] = {"peak": episode.peak}
        if rule.kind == "saturated_units" and layer.name == output:
            # A classifier that begins with rare classes, as RetinaNet's, saturates on purpose.
            severity = "info" if episode.first >= window else "warning"
            sentence = sentence.removesuffix(_NO_GRADIENT) + _UNLESS_CROSS_ENTROPY
            figures["output"] = 1
        if rule.kind == "dead_units":
            seen = layer.values("window_sample_count")[layer.steps <= steps[episode.last]]
            figures["samples"] = int(np.nan_to_num(seen[-1]))
        ledger.find(
            rule.kind,
            severity,
            sentence,
            steps=(first, int(steps[episode.last])),
            figure=episode.figure,
            threshold=warn.enter,
            layer=layer.name,
            ongoing=episode.ongoing,
            field=rule.field,
            neurons=_neurons(layer, rule.kind, window),
            figures=figures,
        )


def _beside_a_length(limits: Thresholds) -> Read:
    """Reads ratios to ‖W‖, of weights near zero to the length below which they are that.

    A layer that begins at zero, as LoRA's second factor does, doubles in its second step.
    """

    def read(layers: Sequence[LayerSeries], field: str) -> Floats:
        ratios, norms = stacked(layers, field), stacked(layers, "weight_norm")
        shortest = shortest_lengths(layers, limits.near_zero)[:, np.newaxis]
        return np.where(norms < shortest, ratios * norms / shortest, ratios)

    return read


def severity_at_end(values: Floats, severe: Limit | None, window: int) -> Severity:
    """``severe`` when the severe limit's state holds at the last row, else ``warning``."""
    if severe is None or not severe.beyond(values).any():
        return "warning"
    return "severe" if held(rolling_median(values, window), severe)[-1] else "warning"


def _neurons(layer: LayerSeries, kind: str, window: int) -> list[int]:
    """The tracked neurons that the finding is about, as far as their own series tells."""
    statistic, limit = {
        "dead_units": ("activity", DEAD_ACTIVITY),
        "dormant_units": ("dormancy", DORMANCY_THRESHOLD),
    }.get(kind, ("", 0.0))
    series = layer.neurons.get(statistic)
    if series is None or series.steps.size == 0:
        return []
    recent = np.asarray(series.values[:, -window:], dtype=np.float64)
    known = np.count_nonzero(~np.isnan(recent), axis=1)
    mean = np.nansum(recent, axis=1) / np.maximum(known, 1)
    low = mean < limit if kind == "dead_units" else mean <= limit
    return [int(neuron) for neuron in series.neurons[(known > 0) & low]]


def _judge_leaps(layers: Sequence[LayerSeries], ledger: Ledger) -> None:
    """A single step that replaced the weights, where no finding of large updates says so."""
    limit = ledger.limits.update_leap
    block = _beside_a_length(ledger.limits)(layers, "update_ratio")
    leapt = (block > limit) & np.isfinite(block)
    for place in np.flatnonzero(leapt.any(axis=1)).tolist():
        layer, ratio = layers[place], block[place]
        leaps = np.flatnonzero(leapt[place])
        if ledger.has_found("update_too_large", layer.name):
            continue
        worst = int(leaps[np.argmax(ratio[leaps])])
        step = int(layer.steps[worst])
        ledger.judged("update_too_large", layer.name)
        ledger.find(
            "update_too_large",
            "warning",
            f"One optimizer step, step {step}, changed the weights of {layer.name} by "
            f"{number(float(ratio[worst]))} times their norm: what they were before is gone.",
            steps=(int(layer.steps[leaps[0]]), int(layer.steps[leaps[-1]])),
            figure=float(ratio[worst]),
            threshold=limit,
            layer=layer.name,
            field="update_ratio",
            figures={"leap": 1},
        )


def _judge_small_updates(layers: Sequence[LayerSeries], ledger: Ledger) -> None:
    limits, window = ledger.limits, ledger.limits.window
    limit, _ = limits_of(limits, "update_too_small", None, above=False)
    picked, _ = measured(layers, "update_ratio", "update_too_small", ledger, any_beyond(limit))
    for layer, steps, values in picked:
        episode = last_episode(values, limit, window)
        if episode is None or (episode.ongoing and is_rising(steps, values)):
            continue
        from_start = episode.first < window
        first = int(steps[episode.first])
        ledger.find(
            "update_too_small",
            "warning" if from_start else "info",
            f"One optimizer step changes the weights of {layer.name} by only "
            f"{number(episode.figure)} of their norm since step {first}; about 0.001 is healthy, "
            f"the limit is {number(limit.enter)}."
            + ("" if from_start else " It moved before: that is usual at the end of a schedule."),
            steps=(first, int(steps[episode.last])),
            figure=episode.figure,
            threshold=limit.enter,
            layer=layer.name,
            ongoing=episode.ongoing,
            field="update_ratio",
            figures={"peak": episode.peak, "from_start": int(from_start)},
        )
