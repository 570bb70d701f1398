"""What a logged step has cost, told from how long steps take."""

from __future__ import annotations

import pytest

from nnviz_tb.recording.step_times import CostsBetween, StepTimes

STEP = 0.1


def trained(steps: int = 20) -> tuple[StepTimes, float]:
    """So many steps of equal length, and the time at which the last ended."""
    times, now = StepTimes(), 5.0
    times.stepped(now, plain=True)
    for _ in range(steps):
        now += STEP
        times.stepped(now, plain=True)
    return times, now


def test_before_steps_were_made_only_what_was_timed_is_known() -> None:
    assert StepTimes().cost(0.05, now=9.0) == 0.05
    assert StepTimes().cost(0.05, now=9.0, uncompiled=True) == 0.05


def test_what_a_step_takes_longer_than_usual_counts_with_what_was_timed() -> None:
    times, now = trained()
    assert times.cost(0.05, now + STEP + 0.05 + 0.01) == pytest.approx(0.06)
    assert times.cost(0.05, now + STEP + 0.05 - 0.01) == pytest.approx(0.05)


def test_a_validation_before_a_logged_step_is_not_taken_for_its_cost() -> None:
    times, now = trained()
    assert times.cost(0.05, now + 30.0) == pytest.approx(0.075)


def test_a_step_without_its_compiled_code_costs_all_that_it_takes() -> None:
    times, now = trained()
    assert times.cost(0.05, now + 2.0, uncompiled=True) == pytest.approx(2.0 - STEP)


def test_a_pause_between_steps_hardly_changes_what_is_usual() -> None:
    times, now = trained()
    times.stepped(now + 60.0, plain=True)
    assert times.usual < 1.2 * STEP
    assert times.fastest == pytest.approx(STEP)


def test_logged_steps_do_not_count_as_usual_ones() -> None:
    times, now = trained()
    times.stepped(now + 0.15, plain=False)
    times.stepped(now + 0.15 + STEP, plain=True)
    assert times.usual == pytest.approx(STEP)


def test_what_is_usual_follows_a_training_that_becomes_slower() -> None:
    times, now = trained()
    for _ in range(40):
        now += 0.18
        times.stepped(now, plain=True)
    assert times.usual == pytest.approx(0.18, rel=0.01)


def test_a_step_is_held_against_the_usual_one_before_it_becomes_one() -> None:
    times, now = trained()
    assert times.stepped(now + 0.13, plain=True) == pytest.approx(0.03)
    assert StepTimes().stepped(now, plain=True) == 0.0


class Training:
    """Steps of equal length with a hook between them, as Keras has one at a batch's beginning."""

    def __init__(self) -> None:
        self.now = 3.0
        self.costs = CostsBetween(clock=lambda: self.now)

    def steps(self, count: int, seconds: float = STEP, hook: float = 0.0) -> None:
        for _ in range(count):
            self.now += hook
            self.costs.begins()
            self.now += seconds
            self.costs.ended()

    def prepare(self, seconds: float) -> None:
        self.now += seconds
        self.costs.prepared(seconds)

    def log(self, seconds: float) -> float:
        before = self.costs.before()
        self.now += seconds
        self.costs.logged(seconds)
        return seconds + before


def test_between_steps_what_was_prepared_counts_once_and_what_was_logged_is_no_step() -> None:
    training = Training()
    training.steps(5)
    training.prepare(0.02)
    training.steps(1)
    assert training.log(0.05) == pytest.approx(0.07)
    training.steps(1)
    assert training.log(0.05) == pytest.approx(0.05)


def test_steps_before_and_after_a_logged_one_count_as_far_as_they_are_longer() -> None:
    training = Training()
    training.steps(5)
    training.prepare(0.02)
    training.steps(1, STEP + 0.004)
    assert training.log(0.05) == pytest.approx(0.074)
    training.steps(1, STEP + 0.01)  # its caches were emptied
    training.steps(3, STEP + 0.01)  # what comes later has other reasons
    training.prepare(0.02)
    training.steps(1, STEP)
    assert training.log(0.05) < 0.05 + 0.02 + 0.011


def test_no_more_than_half_of_what_was_timed_is_believed_beside_it() -> None:
    training = Training()
    training.steps(5)
    training.log(0.06)
    training.steps(1, 30.0)
    training.prepare(0.02)
    assert training.log(0.05) == pytest.approx(0.05 + 0.02 + 0.04)


def test_a_hook_that_has_nothing_to_do_costs_what_it_takes_all_the_same() -> None:
    training = Training()
    training.steps(100, hook=0.001)
    assert training.log(0.05) == pytest.approx(0.05 + 0.099)  # no step had ended before the first
    training.steps(1)
    assert training.log(0.05) == pytest.approx(0.05)
