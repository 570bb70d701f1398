"""Rules over the training loss: diverged, oscillates, stalls."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.health.findings import number, percent
from nnviz_tb.health.hysteresis import Limit, last_episode, rolling_median
from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.series import RunSeries, ScalarSeries, Steps

_KINDS = ("loss_diverged", "loss_oscillates", "loss_stalled")
_WORD = re.compile(r"[a-z]+")
_HELD_OUT_RUNS = {"validation", "val", "valid", "eval", "evaluation"}
_HELD_OUT = {"val", "valid", "validation", "eval", "evaluation", "test", "dev"}


def is_loss(tag: str, run: str = "") -> bool:
    """Whether a scalar's tag names a training loss: the word “loss”, none for held-out data.

    A loss on held-out data rises when a model overfits, which is no fault of the training. Some
    writers say in the run's name that it is one: Keras's callback writes ``epoch_loss`` into a run
    ``validation``, and ``add_scalars("loss", {"test": …})`` into a run ``loss_test``.
    """
    words = set(_WORD.findall(tag.lower()))
    folder = run.rpartition("/")[2].lower()
    if folder.startswith(f"{tag.lower()}_"):
        words |= set(_WORD.findall(folder))
    return "loss" in words and not words & _HELD_OUT and folder not in _HELD_OUT_RUNS


def losses_of(run: RunSeries) -> list[ScalarSeries]:
    """The training losses among a run's scalars."""
    return [
        series
        for series in run.scalars
        if (is_loss(series.tag, run.name) if series.is_loss is None else series.is_loss)
    ]


def judge_loss(run: RunSeries, ledger: Ledger) -> None:
    """Write down what the losses of a run say; of several, each speaks for itself."""
    losses = losses_of(run)
    enough = False
    for series in losses:
        steps, values = _before_nonfinite(series)
        if steps.size < max(ledger.limits.loss_samples, ledger.limits.window):
            continue
        enough = True
        diverged = _judge_diverged(series.tag, steps, values, ledger)
        oscillates = _judge_oscillation(series.tag, steps, values, ledger)
        if not diverged and not oscillates:
            _judge_stall(series.tag, steps, values, ledger)
    for kind in _KINDS:
        if enough:
            ledger.judged(kind, "")
        else:
            ledger.missing(kind, "", "too_few_steps" if losses else None)


def _before_nonfinite(series: ScalarSeries) -> tuple[Steps, NDArray[np.float64]]:
    """The series up to its first value that is not finite: what follows is another finding."""
    values = np.asarray(series.values, dtype=np.float64)
    broken = np.flatnonzero(~np.isfinite(values))
    end = int(broken[0]) if broken.size else values.size
    return series.steps[:end], values[:end]


def _judge_diverged(tag: str, steps: Steps, values: NDArray[np.float64], ledger: Ledger) -> bool:
    limits = ledger.limits
    # A loss that leaps at once has its start in the first value, not in the median after it.
    start = min(float(values[0]), float(np.median(values[: limits.window])))
    medians = rolling_median(values, limits.window)
    gained = start - np.minimum.accumulate(medians)
    unit = np.maximum(np.maximum(abs(start), gained), np.finfo(np.float32).tiny)
    # Of the window's rows each is held against the start, in units that no row can shrink.
    rise = (values[limits.window - 1 :] - start) / unit
    # Back at its start is no recovery: nothing has been learnt until it is clearly below.
    limit = Limit(limits.loss_diverged, -limits.loss_stalled)
    episode = last_episode(rise, limit, limits.window)
    if episode is None:
        return False
    at = steps[limits.window - 1 :]
    first = int(at[episode.first])
    now = float(medians[episode.last])
    highest = float(medians[episode.first : episode.last + 1].max())
    ledger.find(
        "loss_diverged",
        "severe",
        f"{tag} has diverged: from {number(start)} it rose to {number(highest)} since step "
        f"{first}, and is at {number(now)} at step {int(at[episode.last])}.",
        steps=(first, int(at[episode.last])),
        figure=episode.peak,
        threshold=limits.loss_diverged,
        ongoing=episode.ongoing,
        field=tag,
        figures={"start": start, "now": now, "highest": highest, "tag": tag},
    )
    return episode.ongoing


def swing(values: NDArray[np.float64]) -> float:
    """5 to 95 % range of the values with their straight line taken off."""
    place = np.arange(values.size, dtype=np.float64)
    place -= place.mean()
    centred = values - values.mean()
    rest = centred - place * (place @ centred) / max(float(place @ place), 1.0)
    low, high = np.quantile(rest, (0.05, 0.95))
    return float(high - low)


def _judge_oscillation(tag: str, steps: Steps, values: NDArray[np.float64], ledger: Ledger) -> bool:
    limits = ledger.limits
    # By steps, not by rows: a monitor keeps the newest rows of a long run more densely.
    middle = int(np.searchsorted(steps, (int(steps[0]) + int(steps[-1])) / 2))
    half = values[middle:]
    start = max(float(values[0]), float(np.median(values[: limits.window])))
    level = float(np.median(half))
    size = swing(half)
    relative = size / max(abs(level), np.finfo(np.float32).tiny)
    if relative <= limits.loss_oscillates or size <= start - level:
        return False
    first = int(steps[middle])
    ledger.find(
        "loss_oscillates",
        "severe" if relative > limits.loss_oscillates_severe else "warning",
        f"{tag} swings by {number(size)} around {number(level)} since step {first}: more than it "
        f"has gained since the start ({number(start - level)}).",
        steps=(first, int(steps[-1])),
        figure=relative,
        threshold=limits.loss_oscillates,
        field=tag,
        figures={"swing": size, "level": level, "gained": start - level, "tag": tag},
    )
    return True


def _judge_stall(tag: str, steps: Steps, values: NDArray[np.float64], ledger: Ledger) -> None:
    limits = ledger.limits
    # The very first value: what leaps at once, or falls at once, is told from what never moved.
    start = float(values[0])
    lowest = float(rolling_median(values, limits.window).min())
    if start == 0.0:
        return
    fall = (start - lowest) / abs(start)
    if fall >= limits.loss_stalled:
        return
    ledger.find(
        "loss_stalled",
        "severe" if fall < limits.loss_stalled_severe else "warning",
        f"{tag} has fallen by only {percent(max(fall, 0.0))} over {values.size} values, from "
        f"{number(start)} to {number(lowest)} (limit {percent(limits.loss_stalled)}).",
        steps=(int(steps[0]), int(steps[-1])),
        figure=fall,
        threshold=limits.loss_stalled,
        field=tag,
        figures={"start": start, "lowest": lowest, "tag": tag},
    )
