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
