"""Findings while a run lasts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from synthetic_runs import HEALTHY, RELU

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import Finding, HealthMonitor
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


def test_memory_is_bounded_and_the_start_stays_in_sight() -> None:
    monitor = HealthMonitor()
    for step in range(5000):
        monitor.observe(step, {"dense": (DENSE, {"dead_share": float(step)})}, {"loss": 1.0})
    rows = monitor._layers["dense"]
    steps = rows.steps()
    assert steps.size <= 128
    assert steps[0] == 0
    assert steps[-1] == 4999
    assert (np.diff(steps) > 0).all()
    assert (np.diff(steps)[-60:] == 1).all()
    assert rows.columns()["dead_share"].tolist() == steps.tolist()
    assert monitor._scalars["loss"].steps().size <= 512


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
