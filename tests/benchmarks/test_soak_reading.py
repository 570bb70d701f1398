"""The soak runs, short, with fewer clients and wide bounds: what it must never show is failures."""

from __future__ import annotations

import pytest
import soak_reading


@pytest.mark.slow
@pytest.mark.parametrize("loader", ["python", "rust"])
def test_many_pages_are_served_without_failures_and_within_the_memory(loader: str) -> None:
    result = soak_reading.soak(loader, seconds=5, clients=16, steps=40)
    assert result.failures == []
    assert len(result.waits_ms) > 16 * 3
    assert max(result.resident_mib) - result.resident_mib[0] < 256
    assert result.cpu_s > 0


def test_what_grows_late_is_found_and_what_fills_up_early_is_not() -> None:
    assert soak_reading.late_growth([float(second) for second in range(300)]) == pytest.approx(90)
    filled = [min(float(second), 100.0) for second in range(300)]
    assert soak_reading.late_growth(filled) == 0


def test_the_course_of_the_memory_is_told_in_ten_numbers() -> None:
    assert soak_reading.tenths([float(second) for second in range(1, 301)]) == [
        30.0 * tenth for tenth in range(1, 11)
    ]
