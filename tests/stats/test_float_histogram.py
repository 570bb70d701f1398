"""FloatHistogram against NumPy, and its laws."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from nnviz_tb.statistics.histogram import BUCKETS, FloatHistogram
from nnviz_tb.statistics.stats import array_statistics

SINGLES = hnp.arrays(np.float32, st.integers(0, 200), elements=st.floats(width=32))
DOUBLES = hnp.arrays(np.float64, st.integers(0, 200), elements=st.floats())
FINITE = hnp.arrays(
    np.float64, st.integers(1, 300), elements=st.floats(-1e30, 1e30, allow_subnormal=False)
)


def histogram_of(values):
    return array_statistics(values)[0]


def assert_same(a: FloatHistogram, b: FloatHistogram) -> None:
    np.testing.assert_array_equal(a.counts, b.counts)
    for name in ("zero_count", "nan_count", "posinf_count", "neginf_count", "minimum", "maximum"):
        np.testing.assert_equal(getattr(a, name), getattr(b, name), err_msg=name)


@given(SINGLES)
def test_every_float32_is_in_the_bucket_of_its_leading_bits(values):
    values = values[~np.isnan(values)]
    expected = np.bincount(values.view(np.uint32) >> 20, minlength=BUCKETS)
    np.testing.assert_array_equal(histogram_of(values).counts, expected)


@given(SINGLES, SINGLES)
def test_merging_two_parts_gives_the_whole(a, b):
    assert_same(histogram_of(a).merge(histogram_of(b)), histogram_of(np.concatenate([a, b])))


@given(DOUBLES)
def test_what_is_not_finite_is_counted_by_kind(values):
    histogram = histogram_of(values)
    assert histogram.nan_count == np.isnan(values).sum()
    assert histogram.posinf_count == np.isposinf(values).sum()
    assert histogram.neginf_count == np.isneginf(values).sum()
    assert histogram.zero_count == (values == 0).sum()
    assert histogram.count == values.size
    finite = values[np.isfinite(values)]
    assert histogram.finite_count == finite.size
    if finite.size:
        assert (histogram.minimum, histogram.maximum) == (finite.min(), finite.max())
    else:
        assert np.isnan([histogram.minimum, histogram.maximum]).all()


@given(DOUBLES, st.integers(1, 80))
def test_intervals_touch_ascend_and_hold_every_finite_number(values, limit):
    histogram = histogram_of(values)
    left, right, counts = histogram.intervals(limit).T
    assert counts.sum() == np.isfinite(values).sum()
    assert counts.size <= limit
    if not counts.size:
        return
    finite = values[np.isfinite(values)]
    assert (left[0], right[-1]) == (finite.min(), finite.max())
    np.testing.assert_array_equal(left[1:], right[:-1])
    assert (left <= right).all()


@given(FINITE.map(np.float32), st.integers(2, 64))
def test_intervals_count_what_numpy_counts_between_the_same_borders(values, limit):
    intervals = histogram_of(values).intervals(limit)
    # Positive buckets hold their lower border and negative ones their upper border, so compare
    # at borders that no value sits on.
    ranks = [(values < border).sum() for border in intervals[1:, 0]]
    ranks_closed = [(values <= border).sum() for border in intervals[1:, 0]]
    below = np.cumsum(intervals[:-1, 2])
    assert (below >= ranks).all()
    assert (below <= ranks_closed).all()


def test_intervals_of_a_bell_have_no_coarse_bulk_and_keep_the_outlier():
    values = np.random.default_rng(0).normal(size=100_000)
    values[0] = 1000.0
    intervals = histogram_of(values).intervals(64)
    assert intervals[-1, 1] == 1000.0
    assert intervals[:, 2].max() / values.size < 0.1
    assert len(intervals) > 30


def test_equal_numbers_make_one_interval_without_width():
    np.testing.assert_array_equal(histogram_of(np.full(7, 0.3)).intervals(), [[0.3, 0.3, 7.0]])


def test_no_finite_numbers_make_no_interval():
    assert histogram_of(np.array([np.nan, np.inf])).intervals().shape == (0, 3)
    assert FloatHistogram.empty().intervals().shape == (0, 3)


@given(FINITE, st.floats(0, 1))
def test_a_quantile_is_within_an_eighth_of_the_number_of_that_rank(values, q):
    histogram = histogram_of(values)
    got = float(histogram.quantile(q))
    low = np.quantile(values, q, method="lower")
    high = np.quantile(values, q, method="higher")
    smallest = np.finfo(np.float32).tiny
    slack = 1.0 / 8 + 1e-6
    assert got >= low - slack * abs(low) - smallest
    assert got <= high + slack * abs(high) + smallest


@given(FINITE)
def test_quantiles_are_exact_at_the_ends_and_never_descend(values):
    quantiles = histogram_of(values).quantile(np.linspace(0, 1, 33))
    assert (quantiles[0], quantiles[-1]) == (values.min(), values.max())
    assert (np.diff(quantiles) >= 0).all()


def test_quantiles_of_a_large_bell_are_far_better_than_the_bucket_width():
    values = np.random.default_rng(1).normal(size=200_000)
    q = np.array([0.01, 0.05, 0.25, 0.75, 0.95, 0.99])
    got = histogram_of(values).quantile(q)
    np.testing.assert_allclose(got, np.quantile(values, q), rtol=1.5e-2)


def test_quantiles_of_nothing_are_nan_in_the_shape_asked_for():
    assert np.isnan(FloatHistogram.empty().quantile(np.zeros((2, 3)))).all()
    assert FloatHistogram.empty().quantile(np.zeros((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("value", [1e300, -1e300, np.finfo(np.float64).max])
def test_doubles_beyond_float32_stay_finite(value):
    histogram = histogram_of(np.array([value, 1.0]))
    assert histogram.finite_count == 2
    assert histogram.posinf_count == histogram.neginf_count == 0
    intervals = histogram.intervals()
    assert value in (intervals[0, 0], intervals[-1, 1])
    assert intervals[:, 2].sum() == 2
