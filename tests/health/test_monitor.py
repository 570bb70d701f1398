"""Findings while a run lasts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from synthetic_runs import HEALTHY, RELU, layer, run

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import Finding, HealthMonitor, assess
from nnviz_tb.schema import LayerMetadata

DENSE = LayerMetadata("Dense", 0, neurons=8, fan_in=16, activation=RELU)


def test_a_finding_is_told_once_and_again_when_it_grows_severe() -> None:
    told: list[Finding] = []
    monitor = HealthMonitor(told.append, run="live")
    for row in range(40):
        share = 0.0 if row < 10 else 0.3 if row < 25 else 0.9
        monitor.update(row * 10, {"dense": (DENSE, {**HEALTHY, "dead_share": share})})
    assert [(item.kind, item.severity, item.run) for item in told] == [
        ("dead_units", "warning", "live"),
        ("dead_units", "severe", "live"),
    ]
    assert told[0].first_step == 100
    assert monitor.assessment.status("dense") == "severe"


def test_each_loss_of_a_run_is_told_of() -> None:
    told: list[tuple[str, str]] = []
    monitor = HealthMonitor(lambda finding: told.append((finding.kind, finding.field)))
    for step in range(100):
        first, second = (0.1 if step < 30 else 5.0), (0.2 if step < 60 else 7.0)
        monitor.update(step, scalars={"a_loss": first, "b_loss": second})
    assert told.count(("loss_diverged", "a_loss")) == 1
    assert told.count(("loss_diverged", "b_loss")) == 1


def test_a_finding_that_was_over_and_comes_back_is_told_again() -> None:
    told: list[int] = []
    monitor = HealthMonitor(lambda finding: told.append(finding.first_step))
    for step in range(90):
        dead = 0.9 if step // 30 != 1 else 0.0
        monitor.update(step, {"dense": (DENSE, {**HEALTHY, "dead_share": dead})})
    assert told == [0, 60]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_finding": "warn"}, "on_finding must be a function"),
        ({"on_finding": 3}, "on_finding must be a function"),
        ({"thresholds": {"dead": 0.3}}, "did you mean"),
        ({"at_least": "bad"}, "at_least must be one of info, warning, severe"),
    ],
)
def test_bad_arguments_are_refused_before_the_training(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        HealthMonitor(**arguments)


def test_limits_may_be_given_by_name() -> None:
    assert HealthMonitor(thresholds={"dead_units": 0.3}).thresholds.dead_units == 0.3


def test_what_the_monitor_says_of_a_healthy_run_is_nothing() -> None:
    monitor = HealthMonitor()
    for row in range(30):
        assert monitor.update(row, {"dense": (DENSE, HEALTHY)}, {"loss": math.exp(-row / 9)}) == ()


def test_a_step_that_goes_back_replaces_what_came_after_it() -> None:
    monitor = HealthMonitor()
    for row in range(20):
        monitor.update(row, {"dense": (DENSE, {**HEALTHY, "dead_share": 1.0})})
    assert monitor.assessment.status("dense") == "severe"
    for row in range(20):
        monitor.update(row, {"dense": (DENSE, HEALTHY)})
    assert monitor.assessment.status("dense") == "healthy"


@pytest.mark.parametrize("length", [129, 500, 5000, 40_000])
def test_memory_is_bounded_and_the_whole_run_stays_in_sight(length: int) -> None:
    monitor = HealthMonitor()
    for step in range(length):
        monitor.observe(step, {"dense": (DENSE, {"dead_share": float(step)})}, {"loss": 1.0})
    rows = monitor._layers["dense"]
    steps = rows.steps()
    assert 80 <= steps.size <= 128
    assert steps[:10].tolist() == list(range(10))
    assert (steps[-64:] == np.arange(length - 64, length)).all()
    # Of what lies between, no stretch is left out: the gaps are of one size, but for the ends.
    gaps = np.diff(steps[10:-64])
    assert gaps.max() <= 2 * length / (128 - 64 - 10 - 32)
    assert rows.columns()["dead_share"].tolist() == steps.tolist()
    assert monitor._scalars["loss"].steps().size <= 512


def test_a_window_longer_than_what_is_usually_kept_is_judged_all_the_same() -> None:
    monitor = HealthMonitor(thresholds={"window": 200})
    for step in range(5000):
        monitor.observe(step, {"dense": (DENSE, {**HEALTHY, "dead_share": 0.9})})
    assert [item.kind for item in monitor.judge()] == ["dead_units"]


ROWS = np.arange(600)
NOISE = np.random.default_rng(0).lognormal(-0.02, 0.2, ROWS.size)


@pytest.mark.parametrize(
    ("fields", "loss"),
    [
        ({"update_ratio": np.where(ROWS < 200, 1e-3, 5e-5)}, 1.0 / (1 + ROWS)),
        ({"update_ratio": np.full(ROWS.size, 5e-5)}, np.exp(-ROWS / 100) * NOISE),
        ({"weight_norm": 1.0 + 0.05 * ROWS}, 2.3 * NOISE),
        ({"weight_norm": 1.0 + 30.0 * (1.0 - np.exp(-ROWS / 100))}, np.where(ROWS < 9, 1.0, 0.4)),
        ({"dead_share": np.where(ROWS > 150, 0.9, 0.0)}, 0.1 + 2.0 * np.exp(-ROWS / 50) * NOISE),
        ({"displacement": np.where(ROWS > 300, 0.0, 1e-3)}, np.exp(ROWS / 200)),
    ],
)
def test_the_monitor_says_of_a_long_run_what_the_report_says(fields: Any, loss: Any) -> None:
    monitor = HealthMonitor()
    values = {**HEALTHY, **dict.fromkeys(fields, 0.0)}
    for row in ROWS:
        values.update({name: float(column[row]) for name, column in fields.items()})
        monitor.observe(int(row), {"dense": (DENSE, dict(values))}, {"loss": float(loss[row])})
        if row % 100 == 99:
            monitor.judge()
    dense = layer("dense", steps=ROWS.size, every=1, **{**HEALTHY, **fields})
    by_monitor, by_report = (
        [(item.kind, item.layer, item.severity, item.ongoing) for item in assessment]
        for assessment in (monitor.assessment, assess(run(dense, scalars={"loss": loss})))
    )
    assert by_monitor == by_report


def test_a_loss_at_every_batch_is_judged_with_the_layers() -> None:
    monitor = HealthMonitor()
    for step in range(100):
        monitor.observe(step, scalars={"loss": math.nan if step > 60 else 1.0 / (1 + step)})
    assert [item.kind for item in monitor.judge()] == ["nonfinite"]


def test_the_callback_may_stop_the_training_by_raising() -> None:
    def stop(finding: Finding) -> None:
        raise KeyboardInterrupt(finding.sentence)

    monitor = HealthMonitor(stop)
    with pytest.raises(KeyboardInterrupt, match="step 0"):
        monitor.update(0, scalars={"loss": math.inf})
