"""The reading benchmark runs, small and untimed, so that it still runs when it is needed."""

from __future__ import annotations

from pathlib import Path

import bench_reading
import pytest


@pytest.mark.slow
def test_the_reading_benchmark_measures_us_and_our_rivals(tmp_path: Path) -> None:
    bench_reading.write(tmp_path, bench_reading.SMALL)
    result = bench_reading.run("rust", bench_reading.SMALL, 2, 1, tmp_path)
    names = [*bench_reading.RIVALS, *bench_reading.GOALS_MS]
    assert list(result.cold_ms) == list(result.warm_ms) == list(result.body_bytes) == names
    assert all(min(times) > 0 for times in (*result.cold_ms.values(), *result.warm_ms.values()))
    assert len(result.memory_mib) == 1
    assert all(name in bench_reading._table("rust", result) for name in names)
