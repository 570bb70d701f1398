"""The panel's benchmark runs, small and untimed, so that it still runs when it is needed."""

from __future__ import annotations

import bench_panel
import pytest


@pytest.mark.slow
def test_the_panels_benchmark_measures_us_and_our_rivals(chromium: str) -> None:
    timings = bench_panel.measured("small", chromium)
    assert len(timings) == 3
    assert all(any(name.startswith(goal) for name in timings) for goal in bench_panel.GOALS_MS)
    for ways in timings.values():
        assert bench_panel.OURS in ways
        assert len(ways) == 3
        assert all(span > 0 for spans in ways.values() for span in spans)
    assert len(bench_panel.table(timings)) == 9
