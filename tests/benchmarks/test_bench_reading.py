"""The reading benchmark runs, small and untimed, so that it still runs when it is needed."""

from __future__ import annotations

import bench_reading
import pytest


@pytest.mark.slow
def test_the_reading_benchmark_measures_us_and_our_rivals() -> None:
    results = bench_reading.run("python", bench_reading.SMALL, 2)
    assert set(bench_reading.GOALS_MS) < set(results)
    assert all(cold > 0 and warm > 0 and size > 0 for cold, warm, size in results.values())
