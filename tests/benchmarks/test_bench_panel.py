"""The panel's benchmark runs, small and untimed, so that it still runs when it is needed."""

from __future__ import annotations

from pathlib import Path

import bench_panel
import pytest


@pytest.mark.slow
@pytest.mark.browser
def test_the_panels_benchmark_measures_us_and_our_rivals(chromium: str) -> None:
    timings = bench_panel.measured("small", chromium)
    assert len(timings) == len(bench_panel.DRAWINGS)
    for ways in timings.values():
        assert bench_panel.OURS in ways
        assert len(ways) >= 2
        assert all(span > 0 for spans in ways.values() for span in spans)
    assert len(bench_panel.table(timings)) == 1 + sum(map(len, timings.values()))


def test_every_goal_of_a_drawing_names_one_that_is_measured(root: Path) -> None:
    page = (root / "frontend" / "gallery" / "bench.ts").read_text("utf-8")
    sizes = {"trajectories": "lines", "heat map": "cells", "12 activation cards": "cards"}
    assert set(sizes) == set(bench_panel.GOALS_MS)
    titles = [line for line in page.splitlines() if "title:" in line]
    for goal, size in sizes.items():
        assert any(f"{{ {size} }}" in title and goal.split()[-1] in title for title in titles)
