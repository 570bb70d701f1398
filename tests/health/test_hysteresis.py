"""The trigger under every finding, against one written row by row."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnviz_tb.health.hysteresis import Limit, held, last_episode, rolling_median

FIGURES = st.lists(st.floats(0, 10, allow_nan=False, width=32), min_size=0, max_size=40)
WINDOWS = st.integers(1, 7)


def slow_states(values: list[float], limit: Limit, window: int) -> list[bool]:
    """One state per full window, by a loop and the standard library's median."""
    states, state = [], False
    for end in range(window, len(values) + 1):
        median = statistics.median(values[end - window : end])
        if median > limit.enter if limit.above else median < limit.enter:
            state = True
        elif median <= limit.leave if limit.above else median >= limit.leave:
            state = False
        states.append(state)
    return states


@given(values=FIGURES, window=WINDOWS)
def test_the_rolling_median_is_the_median_of_every_window(values: list[float], window: int) -> None:
    expected = [
        statistics.median(values[start : start + window])
        for start in range(len(values) - window + 1)
    ]
    assert rolling_median(np.array(values), window).tolist() == pytest.approx(expected)


@given(values=FIGURES, window=WINDOWS, above=st.booleans(), leave=st.floats(0.3, 1))
def test_the_state_is_that_of_a_trigger_stepped_row_by_row(
    values: list[float], window: int, above: bool, leave: float
) -> None:
    limit = Limit.upper(5.0, leave) if above else Limit.lower(5.0, leave)
    state = held(rolling_median(np.array(values), window), limit)
    assert state.tolist() == slow_states(values, limit, window)


@given(values=FIGURES, window=WINDOWS, above=st.booleans())
def test_an_episode_spans_the_last_stretch_in_which_the_state_held(
    values: list[float], window: int, above: bool
) -> None:
    limit = Limit.upper(5.0, 0.8) if above else Limit.lower(5.0, 0.8)
    states = slow_states(values, limit, window)
    episode = last_episode(np.array(values), limit, window)
    if True not in states:
        assert episode is None
        return
    assert episode is not None
    end = max(index for index, state in enumerate(states) if state)
    start = end
    while start and states[start - 1]:
        start -= 1
    assert episode.last == end + window - 1
    assert episode.ongoing == states[-1]
    assert episode.figure == pytest.approx(statistics.median(values[end : end + window]))
    assert start <= episode.first < start + window
    assert limit.beyond(np.array(values[episode.first : episode.first + 1])).all()
    medians = [statistics.median(values[i : i + window]) for i in range(start, end + 1)]
    assert episode.peak == pytest.approx(max(medians) if above else min(medians))


def test_a_single_outlier_raises_nothing() -> None:
    assert last_episode(np.array([0, 0, 0, 9.0, 0, 0, 0]), Limit.upper(5.0, 0.8), 5) is None


def test_a_figure_that_trembles_about_its_limit_is_one_episode() -> None:
    values = np.array([4.0] * 5 + [5.5, 4.9] * 20)
    episode = last_episode(values, Limit.upper(5.0, 0.8), 3)
    assert episode is not None
    assert episode.ongoing
    assert episode.first == 5


def test_two_infinite_medians_are_infinite_not_nan() -> None:
    assert np.isposinf(rolling_median(np.array([np.inf, np.inf, np.inf, np.inf]), 2)).all()
