"""Laws of the cadence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnviz_tb.errors import ArgumentError
from nnviz_tb.recording.cadence import ALLOWANCE_SECONDS, Cadence, parse_every


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def logged(count: int, first: int = 0, every: int = 1, **options) -> list[int]:
    cadence = Cadence(clock=Clock(), **options)
    return [step for step in range(first, first + count, every) if cadence.due(step)]


@given(st.integers(0, 10**9), st.integers(1, 1000))
def test_the_first_step_is_always_logged(first, every):
    assert logged(10 * every, first, every)[0] == first


@given(st.integers(0, 50_000))
def test_the_start_is_logged_step_by_step(first):
    assert logged(80, first) == list(range(first, first + 80))


@pytest.mark.parametrize(("count", "few", "many"), [
    (1_000, 150, 300), (10_000, 250, 450), (100_000, 400, 550), (1_000_000, 500, 700),
])  # fmt: skip
def test_a_run_of_any_length_has_about_as_many_logged_steps(count, few, many):
    assert few <= len(logged(count)) <= many


@given(st.integers(100, 60_000))
def test_gaps_are_powers_of_two_that_only_grow_and_stay_small_beside_the_age(count):
    steps = np.array(logged(count))
    gaps = np.diff(steps)
    assert (np.diff(gaps) >= 0).all()
    assert np.isin(gaps, 1 << np.arange(20)).all()
    assert (gaps <= np.maximum(1, steps[1:] / 20)).all()


@given(st.integers(1, 60), st.integers(1000, 20_000))
def test_callers_that_skip_steps_miss_no_grid_line(every, count):
    cadence = Cadence(clock=Clock())
    asked = range(0, count, every)
    steps = [step for step in asked if cadence.due(step)]
    for before, after in zip(steps, [*steps[1:], asked[-1]], strict=True):
        assert after - before < cadence.stride(after) + every


@given(
    st.floats(1e-4, 0.5),
    st.lists(st.tuples(st.floats(1e-5, 0.5), st.floats(1e-6, 0.3)), min_size=50, max_size=400),
)
def test_logging_stays_within_its_share_of_the_time(share, steps):
    clock = Clock()
    cadence = Cadence(max_overhead=share, clock=clock)
    spent = longest = 0.0
    for step, (train_seconds, log_seconds) in enumerate(steps):
        if cadence.due(step):
            clock.now += log_seconds
            cadence.record_cost(log_seconds)
            spent += log_seconds
            longest = max(longest, log_seconds)
        clock.now += train_seconds
        # A step that costs more than was expected can only be seen when it is over.
        assert spent <= max(ALLOWANCE_SECONDS, share * clock.now) + longest + 1e-9


@pytest.mark.parametrize("cost", [0.002, 0.02, 0.2])
@pytest.mark.parametrize("seconds", [100.0, 1000.0, 10_000.0])
def test_a_run_of_minutes_or_hours_spends_no_more_than_its_share(cost, seconds):
    clock = Clock()
    cadence = Cadence(clock=clock)
    step = 0
    while clock.now < seconds:
        if cadence.due(step):
            clock.now += cost
            cadence.record_cost(cost)
        clock.now += 0.05
        step += 1
    assert cadence.overhead <= 0.01


def test_what_may_be_spent_only_grows_and_is_no_more_than_a_second_too_much():
    allowed = [Cadence().allowed_seconds(seconds) for seconds in np.linspace(0.0, 300.0, 601)]
    assert (np.diff(allowed) >= 0.0).all()
    assert allowed[0] == 0.5
    assert allowed[200] < 1.0
    # A tenth is left for what cannot be timed.
    assert allowed[240:] == pytest.approx(0.009 * np.linspace(120.0, 300.0, 361))


def test_time_in_which_nothing_was_trained_is_left_out():
    clock = Clock()
    cadence = Cadence(clock=clock)
    cadence.leave_out(float("nan"))
    cadence.due(0)
    clock.now += 50.0
    cadence.record_cost(0.5)
    seen = clock.now
    clock.now += 10_000.0
    cadence.leave_out(seen)
    assert cadence.overhead == pytest.approx(0.01)
    cadence.leave_out(-1.0)  # before the first step
    assert cadence.overhead == pytest.approx(0.01)


def test_dear_logging_is_thinned_and_cheap_logging_is_not():
    counts = {}
    for cost in (0.001, 1.0):
        clock = Clock()
        cadence = Cadence(clock=clock)
        counts[cost] = 0
        for step in range(10_000):
            if cadence.due(step):
                counts[cost] += 1
                clock.now += cost
                cadence.record_cost(cost)
            clock.now += 0.05
    assert counts[0.001] == len(logged(10_000))
    assert 3 <= counts[1.0] <= 8
    assert cadence.overhead <= 0.0125


def test_going_back_in_step_logs_at_once():
    cadence = Cadence(clock=Clock())
    for step in range(5000):
        cadence.due(step)
    assert cadence.due(100)
    assert [step for step in range(101, 120) if cadence.due(step)] == list(range(101, 120))


def test_the_same_step_is_due_once():
    cadence = Cadence(clock=Clock())
    assert [cadence.due(7), cadence.due(7), cadence.due(8)] == [True, False, True]


@pytest.mark.parametrize("every", [1, 10, np.int64(3), "auto", "epoch"])
def test_every_may_be_a_count_or_a_word(every):
    assert parse_every(every) == every


@pytest.mark.parametrize("every", [0, -1, 1.5, True, None, "often", [1]])
def test_another_every_is_refused_by_name_and_value(every):
    with pytest.raises(ArgumentError, match=r"every must be an integer >= 1, 'auto' or 'epoch'"):
        parse_every(every)


@pytest.mark.parametrize("options", [{"max_overhead": 0}, {"max_overhead": 2},
                                     {"max_overhead": "1%"}, {"target_steps": 3}])  # fmt: skip
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ArgumentError, match=next(iter(options))):
        Cadence(**options)
