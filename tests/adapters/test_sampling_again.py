"""A sample that is asked for again is the same one, whatever was done to it in between."""

from __future__ import annotations

import numpy as np
import pytest

from nnviz_tb.sampling import spread_sample


@pytest.mark.parametrize("size", [5, 20_000])
def test_a_sample_may_be_written_to_without_changing_the_next(size: int) -> None:
    first = spread_sample(50_000, size, seed=3)
    untouched = first.copy()
    first += 1

    np.testing.assert_array_equal(spread_sample(50_000, size, seed=3), untouched)
    assert not np.array_equal(spread_sample(50_000, size, seed=4), untouched)
