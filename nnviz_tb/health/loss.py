"""Rules over the training loss: diverged, oscillates, stalls.

A total loss is meant to fall; a part of it need not, as a divergence term that is paid for a better
reconstruction, or what two players of a game hold against each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.health.findings import SEVERITIES, Severity, number, percent
from nnviz_tb.health.hysteresis import Limit, is_rising, last_episode, rolling_median
from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.series import RunSeries, ScalarSeries, Steps
from nnviz_tb.health.thresholds import Thresholds

_KINDS = ("loss_diverged", "loss_oscillates", "loss_stalled")
_WORD = re.compile(r"[a-z]+")
_HELD_OUT_RUNS = {"validation", "val", "valid", "eval", "evaluation"}
_HELD_OUT = {"val", "valid", "validation", "eval", "evaluation", "test", "dev"}
_ABOUT_A_LOSS = {
    "scale", "scaler", "weight", "weights", "ratio", "best", "coef", "coefficient",
}  # fmt: skip
"""What these words say of a loss is set or counted, not to be lowered."""
_OF_A_TOTAL = {
    "loss", "losses", "train", "training", "epoch", "batch", "step", "total", "overall", "mean",
    "avg", "average", "running",
}  # fmt: skip
_NEED_NOT_FALL = {
    "kl", "kld", "g", "d", "gen", "disc", "generator", "discriminator", "adv", "adversarial",
    "policy", "pg", "pi", "value", "vf", "actor", "critic", "entropy", "commit", "commitment",
}  # fmt: skip
_LEAP = 3.0
"""All later values of the first window are above all earlier ones by more than this times their
size: noise seldom does that."""


def is_loss(tag: str, run: str = "") -> bool:
    """Whether a scalar's tag names a training loss: the word “loss”, none for held-out data.

    A loss on held-out data rises when a model overfits, which is no fault of the training. Some
    writers say in the run's name that it is one: Keras's callback writes ``epoch_loss`` into a run
    ``validation``, and ``add_scalars("loss", {"test": …})`` into a run ``loss_test``.
    """
    words = _words(tag, run)
    return (
        "loss" in words
        and not words & (_HELD_OUT | _ABOUT_A_LOSS)
        and _folder(run) not in _HELD_OUT_RUNS
    )


def _words(tag: str, run: str) -> set[str]:
    words = set(_WORD.findall(tag.lower()))
    folder = _folder(run)
    return words | set(_WORD.findall(folder)) if folder.startswith(f"{tag.lower()}_") else words


def _folder(run: str) -> str:
    # TensorBoard names runs by their paths, which have the other slash on Windows.
    return re.split(r"[/\\]", run)[-1].lower()


def losses_of(run: RunSeries) -> list[ScalarSeries]:
    """The training losses among a run's scalars."""
    return [
        series
        for series in run.scalars
        if (is_loss(series.tag, run.name) if series.is_loss is None else series.is_loss)
    ]


def judge_loss(run: RunSeries, ledger: Ledger) -> None:
    """Write down what the losses of a run say; of several totals, each speaks for itself."""
    losses = losses_of(run)
    totals = {
        series.tag
        for series in losses
        if series.is_loss or _words(series.tag, run.name) <= _OF_A_TOTAL
    }
    reasons = []
    for series in losses:
        steps, values = _before_nonfinite(series)
        if steps.size < max(ledger.limits.loss_samples, ledger.limits.window):
            reasons.append("too_few_steps")
            continue
        if _hovers(values):
            reasons.append("loss_around_zero")
            continue
        is_part = series.tag not in totals and (
            bool(totals) or bool(_words(series.tag, run.name) & _NEED_NOT_FALL)
        )
        loss = _Loss(series.tag, steps, values, "info" if is_part else "severe")
        reasons.append("")
        diverged = _judge_diverged(loss, ledger)
        oscillates = _judge_oscillation(loss, ledger)
        if not diverged and not oscillates:
            _judge_stall(loss, _warms_up(run, ledger.limits.window), ledger)
    for kind in _KINDS:
        if "" in reasons:
            ledger.judged(kind, "")
        else:
            ledger.missing(kind, "", reasons[0] if reasons else None)


@dataclass(frozen=True)
class _Loss:
    """One loss up to its first value that is not finite.

    Attributes:
      tag: of the scalar.
      steps, values: ``int64[values]``, ``float64[values]``.
      at_most: how severe what is found may be.
    """

    tag: str
    steps: Steps
    values: NDArray[np.float64]
    at_most: Severity

    def limited(self, severity: Severity) -> Severity:
        """The severity, or less where a part of a loss need not fall."""
        return min(severity, self.at_most, key=SEVERITIES.index)


def _hovers(values: NDArray[np.float64]) -> bool:
    """Whether the sign changes time and again, so that nothing can be held against the size."""
    signs = np.sign(values)
    return bool(10 * np.count_nonzero(signs[1:] != signs[:-1]) > signs.size)


def _warms_up(run: RunSeries, window: int) -> bool:
    """Whether most trainable layers still take larger and larger steps."""
    rising = [
        is_rising(layer.steps[known], values[known])
        for layer in run.layers
        if layer.metadata.trainable
        for values in (layer.values("update_ratio"),)
        for known in (np.isfinite(values),)
        if np.count_nonzero(known) >= window
    ]
    return bool(rising) and 2 * sum(rising) > len(rising)


def _before_nonfinite(series: ScalarSeries) -> tuple[Steps, NDArray[np.float64]]:
    """The series up to its first value that is not finite: what follows is another finding."""
    values = np.asarray(series.values, dtype=np.float64)
    broken = np.flatnonzero(~np.isfinite(values))
    end = int(broken[0]) if broken.size else values.size
    return series.steps[:end], values[:end]


def _start_of(values: NDArray[np.float64], limits: Thresholds) -> tuple[float, float]:
    """Where a loss started, and how far it swung at first.

    The median over the first window: a single lucky value is no start. Where the loss leapt in the
    first half of that window, it started with what was before.
    """
    early = values[: limits.window]
    half = limits.window // 2
    before = np.maximum.accumulate(early)[:half]
    after = np.minimum.accumulate(early[::-1])[::-1][1 : half + 1]
    leaps = np.flatnonzero(after - before > _LEAP * np.abs(before))
    if leaps.size:
        return float(np.median(early[: leaps[0] + 1])), 0.0
    return float(np.median(early)), swing(values[: limits.loss_samples])


def _judge_diverged(loss: _Loss, ledger: Ledger) -> bool:
    limits, steps, values = ledger.limits, loss.steps, loss.values
    start, spread = _start_of(values, limits)
    medians = rolling_median(values, limits.window)
    gained = start - np.minimum.accumulate(medians)
    size = max(abs(start), spread, float(np.finfo(np.float32).tiny))
    unit = np.maximum(size, gained)
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
        loss.limited("severe"),
        f"{loss.tag} has diverged: from {number(start)} it rose to {number(highest)} since step "
        f"{first}, and is at {number(now)} at step {int(at[episode.last])}.",
        steps=(first, int(at[episode.last])),
        figure=episode.peak,
        threshold=limits.loss_diverged,
        ongoing=episode.ongoing,
        field=loss.tag,
        figures={"start": start, "now": now, "highest": highest, "tag": loss.tag},
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


def _judge_oscillation(loss: _Loss, ledger: Ledger) -> bool:
    limits, steps, values = ledger.limits, loss.steps, loss.values
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
    # The loss of a small batch swings by more than itself, and falls all the same.
    early = float(np.median(values[: limits.loss_samples]))
    falls = early - level > limits.loss_stalled * abs(early)
    is_sure = relative > limits.loss_oscillates_severe and not falls
    ledger.find(
        "loss_oscillates",
        loss.limited("severe" if is_sure else "warning"),
        f"{loss.tag} swings by {number(size)} around {number(level)} since step {first}: more than "
        f"it has gained since the start ({number(start - level)}).",
        steps=(first, int(steps[-1])),
        figure=relative,
        threshold=limits.loss_oscillates,
        field=loss.tag,
        figures={"swing": size, "level": level, "gained": start - level, "tag": loss.tag},
    )
    return True


def _judge_stall(loss: _Loss, warms_up: bool, ledger: Ledger) -> None:
    limits, values = ledger.limits, loss.values
    # What fell at once is told by the very first value from what never moved.
    start = max(float(values[0]), float(np.median(values[: limits.window])))
    lowest = float(rolling_median(values, limits.window).min())
    if start == 0.0:
        return
    fall = (start - lowest) / abs(start)
    if fall >= limits.loss_stalled:
        return
    is_sure = values.size >= limits.loss_samples_severe and fall < limits.loss_stalled_severe
    severity: Severity = "info" if warms_up else "severe" if is_sure else "warning"
    ledger.find(
        "loss_stalled",
        loss.limited(severity),
        f"{loss.tag} has fallen by only {percent(max(fall, 0.0))} over {values.size} values, from "
        f"{number(start)} to {number(lowest)} (limit {percent(limits.loss_stalled)}).",
        steps=(int(loss.steps[0]), int(loss.steps[-1])),
        figure=fall,
        threshold=limits.loss_stalled,
        field=loss.tag,
        figures={"start": start, "lowest": lowest, "tag": loss.tag},
    )
