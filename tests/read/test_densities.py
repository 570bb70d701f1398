"""Densities of different levels and ranges on common borders, against plain counting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnviz_tb import buckets
from nnviz_tb.reading import densities
from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.rows import Series
from nnviz_tb.schema import SeriesMetadata


def stored(values: np.ndarray, level: int, pad: int = 0) -> np.ndarray:
    """The row a writer would store for the values, by counting one by one."""
    bucket = buckets.bucket_of(values.astype(np.float32)) >> level
    first = int(bucket.min()) if bucket.size else 0
    count = int(bucket.max()) - first + 1 if bucket.size else 0
    row = np.zeros(5 + count + pad, np.int32)
    row[[0, 4]] = level, first
    for place in bucket - first:
        row[5 + place] += 1
    return row


def padded(rows: list[np.ndarray]) -> np.ndarray:
    table = np.zeros((len(rows), max(row.size for row in rows)), np.int32)
    for place, row in zip(table, rows, strict=True):
        place[: row.size] = row
    return table


def series_of(rows: list[np.ndarray]) -> Series:
    steps = np.arange(len(rows), dtype=np.float64)
    return Series(steps, steps + 1e9, padded(rows), SeriesMetadata())


BATCHES = st.lists(
    st.tuples(st.lists(st.floats(-5000, 5000, width=32), max_size=40), st.integers(0, 9)),
    min_size=1,
    max_size=5,
)


@given(BATCHES)
def test_aligned_counts_are_those_of_counting_again_in_the_common_buckets(
    batches: list[tuple[list[float], int]],
) -> None:
    rows = [stored(np.array(values), level) for values, level in batches]
    answer = densities.density(series_of(rows), Selection()).arrays
    edges, counts = answer["edges"], answer["counts"]
    assert (np.diff(edges) > 0).all()
    assert counts.shape == (len(batches), max(edges.size - 1, 0))
    level = max(level for _, level in batches)
    for row, (values, _) in zip(counts, batches, strict=True):
        assert row.sum() == len(values)
        if values:
            again = buckets.bucket_of(np.array(values, np.float32)) >> level
            place, expected = np.unique(again, return_counts=True)
            np.testing.assert_array_equal(row[row > 0], expected)
            first = buckets.edges(int(place[0]), 1, level).astype(np.float32)[0]
            assert edges[np.flatnonzero(row)[0]] == first


def test_borders_of_one_answer_are_among_those_of_a_finer_one() -> None:
    values = np.random.default_rng(0).standard_normal(1000) * 3
    fine = densities.density(series_of([stored(values, 0)]), Selection()).arrays["edges"]
    coarse = densities.density(series_of([stored(values, 3)]), Selection()).arrays["edges"]
    assert np.isin(coarse[1:-1], fine).all()


def test_counts_that_are_not_finite_come_beside_the_buckets() -> None:
    row = stored(np.array([1.0]), 0)
    row[1:4] = 3, 2, 1
    answer = densities.density(series_of([row]), Selection()).arrays
    np.testing.assert_array_equal(answer["nonfinite"], [[3, 2, 1]])


def test_densities_without_any_count_have_no_buckets() -> None:
    answer = densities.density(series_of([np.zeros(5, np.int32)]), Selection()).arrays
    assert answer["edges"].size == 1
    assert answer["counts"].shape == (1, 0)
    heights, span = densities.outline(np.zeros(5, np.int32))
    assert not heights.any()
    assert np.isnan(span).all()


def test_a_live_update_in_new_borders_brings_everything_again() -> None:
    rows = [stored(np.array([0.5, 2.0]), 0) for _ in range(3)]
    first = densities.density(series_of(rows), Selection())
    follow = Selection(after=2, have=first.meta["key"])
    inside = densities.density(series_of([*rows, stored(np.array([1.0]), 0)]), follow)
    assert inside.meta["delta"] is True
    np.testing.assert_array_equal(inside.arrays["edges"], first.arrays["edges"])
    beyond = densities.density(series_of([*rows, stored(np.array([9.0]), 0)]), follow)
    assert beyond.meta["delta"] is False
    assert beyond.arrays["counts"].shape[0] == 4


def test_an_outline_has_the_shape_of_a_histogram_on_a_linear_axis() -> None:
    values = np.random.default_rng(0).standard_normal(200_000)
    heights, (low, high) = densities.outline(stored(values, 0))
    expected, _ = np.histogram(values, np.linspace(low, high, densities.BINS + 1))
    assert heights.max() == 1
    # Counts are spread evenly inside a bucket, which for a bell is off by a few per cent.
    np.testing.assert_allclose(heights, expected / expected.max(), atol=0.05)
