"""Everything public, computed by the compiled loops and by NumPy alone."""

from unittest import mock

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from nnviz_tb.definitions import QUANTILES, SUMMARY_FIELDS
from nnviz_tb.statistics import engine
from nnviz_tb.statistics.curves import Zones
from nnviz_tb.statistics.density import (
    active_counts,
    density,
    mean_magnitude,
    saturated_counts,
)
from nnviz_tb.statistics.histogram import FloatHistogram
from nnviz_tb.statistics.moments import mean_and_std
from nnviz_tb.statistics.sketch import sketch
from nnviz_tb.statistics.stats import (
    array_statistics,
    kernel_statistics,
    neuron_norms,
    relative_change,
)

SHAPES = st.tuples(st.integers(0, 40), st.integers(0, 70))
ANY_BITS = hnp.arrays(np.uint32, SHAPES, elements=st.integers(0, 2**32 - 1)).map(
    lambda bits: bits.view(np.float32)
)
ORDINARY = hnp.arrays(
    np.float32,
    SHAPES,
    elements=st.floats(-100, 100, width=32)
    | st.sampled_from([0.0, -0.0, 0.125, -0.125, 1e-40, np.nan, np.inf, -np.inf]),
)
LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "part of wider rows": lambda k: np.concatenate([k, k], axis=1)[:, : k.shape[1]],
    "neither": lambda k: np.repeat(np.repeat(k, 2, axis=0), 3, axis=1)[::2, ::3],
    "swapped": lambda k: k.astype(k.dtype.newbyteorder()),
}
FIGURES = ("norm", "mean", "std", "minimum", "maximum")
COUNTS = ("zero_count", "nan_count", "posinf_count", "neginf_count", "minimum", "maximum")


def without_compiled():
    return mock.patch.object(engine, "compiled", None)


def both(function, *args):
    """What the compiled loops say, and what NumPy does."""
    assert engine.compiled is not None
    with without_compiled():
        expected = function(*args)
    return function(*args), expected


def assert_same_histogram(a, b):
    np.testing.assert_array_equal(a.counts, b.counts)
    for name in COUNTS:
        np.testing.assert_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40)
@given(kernel=ORDINARY)
def test_kernels_have_the_same_statistics(layout, kernel):
    got, expected = both(kernel_statistics, LAYOUTS[layout](kernel))
    assert_same_histogram(got.histogram, expected.histogram)
    np.testing.assert_allclose(got.summary, expected.summary, rtol=1e-9, atol=1e-10)
    for name in FIGURES:
        np.testing.assert_allclose(
            getattr(got, name), getattr(expected, name), rtol=1e-9, atol=1e-10, err_msg=name
        )


@settings(max_examples=60)
@given(ANY_BITS)
def test_any_bits_have_the_same_counts_and_extremes(kernel):
    got, expected = both(array_statistics, kernel)
    assert_same_histogram(got[0], expected[0])
    exact = [SUMMARY_FIELDS.index(name) for name in ("min", "max", "count", "zero_count")]
    np.testing.assert_array_equal(got[1][exact], expected[1][exact])


@pytest.mark.parametrize("size", [1, 2, 1024, 1025, 70_000])
def test_large_and_small_arrays_have_the_same_summary(size):
    rng = np.random.default_rng(size)
    for array in (
        rng.normal(1.0, 1e-3, size).astype(np.float32),
        (rng.integers(-2, 3, size) * rng.exponential(size=size)).astype(np.float32),
        np.full(size, 0.3, np.float32),
    ):
        (histogram, summary), (_, expected) = both(array_statistics, array)
        np.testing.assert_allclose(summary, expected, rtol=1e-12, atol=1e-15)
        np.testing.assert_array_equal(
            summary[: len(QUANTILES)][[0, -1]], [array.min(), array.max()]
        )
        assert histogram.count == size


@settings(max_examples=60)
@given(ORDINARY, st.integers(1, 70))
def test_intervals_are_the_same(values, limit):
    got, expected = both(array_statistics(values)[0].intervals, limit)
    np.testing.assert_array_equal(got, expected)


@settings(max_examples=60)
@given(
    hnp.arrays(np.int64, 4096, elements=st.integers(0, 10**12), fill=st.just(0)),
    st.integers(1, 300),
)
def test_intervals_of_any_counts_are_the_same(counts, limit):
    counts[0x7F8:0x800] = counts[0xFF8:] = 0
    largest = float(np.finfo(np.float32).max)
    histogram = FloatHistogram(counts, 0, 0, 0, 0, -largest, largest)
    got, expected = both(histogram.intervals, limit)
    np.testing.assert_array_equal(got, expected)
    assert len(got) <= limit
    assert got[:, 2].sum() == counts.sum()


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40)
@given(samples=ANY_BITS | ORDINARY)
def test_samples_are_in_the_same_buckets(layout, samples):
    got, expected = both(density, LAYOUTS[layout](samples))
    assert got.first == expected.first
    np.testing.assert_array_equal(got.counts, expected.counts)
    assert (got.nan_count, got.posinf_count, got.neginf_count) == (
        expected.nan_count,
        expected.posinf_count,
        expected.neginf_count,
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40)
@given(samples=ANY_BITS | ORDINARY, below=st.floats(-10, 10), above=st.floats(-10, 10))
def test_samples_are_in_the_same_tails(layout, samples, below, above):
    view = LAYOUTS[layout](samples)
    zones = Zones(below, np.nan, np.nan, above)
    np.testing.assert_array_equal(*both(active_counts, view, zones))
    np.testing.assert_array_equal(*both(saturated_counts, view, zones))


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40)
@given(samples=ORDINARY)
def test_samples_have_the_same_means(layout, samples):
    view = LAYOUTS[layout](samples)
    np.testing.assert_allclose(*both(mean_magnitude, view), rtol=1e-12)
    np.testing.assert_allclose(*both(mean_and_std, view), rtol=1e-6, atol=1e-6)
    finite = samples[np.isfinite(samples)].astype(np.float64)
    expected = (finite.mean(), finite.std()) if finite.size else (np.nan, np.nan)
    np.testing.assert_allclose(mean_and_std(view), expected, rtol=1e-9, atol=1e-9)


def test_samples_that_hardly_differ_keep_their_spread():
    samples = (1.0 + np.arange(200_000) % 17 * 2.0**-23).astype(np.float32)
    mean, std = mean_and_std(samples)
    wide = samples.astype(np.float64)
    assert mean == pytest.approx(wide.mean(), rel=1e-15)
    assert std == pytest.approx(wide.std(), rel=1e-9)
    samples[:100_000] = np.nan
    assert mean_and_std(samples)[1] == pytest.approx(wide[100_000:].std(), rel=1e-9)


@pytest.mark.parametrize("columns", [1, 3, 16, 63, 64, 65, 300])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_any_width_are_summed_into_their_own_columns(columns, order):
    samples = np.random.default_rng(columns).normal(size=(1001, columns)).astype(np.float32)
    samples[::7, columns // 2] = np.nan
    view = np.asarray(samples, order=order)
    zones = Zones(dead_below=0.0)
    np.testing.assert_array_equal(active_counts(view, zones), (samples > 0).sum(axis=0))
    wide = np.abs(samples.astype(np.float64))
    np.testing.assert_allclose(mean_magnitude(view), np.nanmean(wide, axis=0), rtol=1e-12)
    old = np.asarray(np.roll(np.nan_to_num(samples), 1, axis=0), order=order)
    new = np.asarray(np.nan_to_num(samples), order=order)
    change, overall = relative_change(new, old)
    moved = (new - old.astype(np.float64)).astype(np.float64)
    np.testing.assert_allclose(
        change, np.linalg.norm(moved, axis=0) / np.linalg.norm(old.astype(float), axis=0), rtol=1e-9
    )
    assert overall == pytest.approx(np.linalg.norm(moved) / np.linalg.norm(old.astype(float)))


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40)
@given(new=ORDINARY)
def test_changes_norms_and_sketches_are_the_same(layout, new):
    old = np.roll(new, 1) + np.float32(0.5)
    new, old = (LAYOUTS[layout](kernel) for kernel in (new, old))
    for got, expected in zip(*both(relative_change, new, old), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9)
    np.testing.assert_allclose(*both(neuron_norms, new), rtol=1e-9)
    for seed in (0, 7, -3, 2**70):
        np.testing.assert_allclose(*both(sketch, new, seed), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ml_dtypes.bfloat16, np.int8, np.int64])
def test_samples_of_every_dtype_are_counted_as_their_float32(dtype):
    samples = (np.random.default_rng(8).normal(size=(700, 90)) * 4).astype(dtype)
    single = samples.astype(np.float32)
    for view, same in ((samples, single), (samples[::2, ::3], single[::2, ::3].copy())):
        np.testing.assert_array_equal(density(view).counts, density(same).counts)
        np.testing.assert_array_equal(
            active_counts(view, Zones(dead_below=0.5)), (same > 0.5).sum(axis=0)
        )
        wide = view.astype(np.float64)
        np.testing.assert_allclose(mean_and_std(view), (wide.mean(), wide.std()), rtol=1e-9)


SMALL = np.zeros((2, 3), np.float32)
BAD_BLOCKS = (
    np.zeros((2, 3)),
    SMALL.astype(">f4"),
    np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3),
)
VECTOR = np.zeros(3)
CALLS = {
    "describe": lambda c, b: c.describe(
        b, VECTOR, 0, np.zeros(4096, np.int64), np.zeros((5, 3)), np.zeros(11)
    ),
    "density": lambda c, b: c.density(b, np.zeros(515, np.int64)),
    "tails": lambda c, b: c.tails(b, 0.0, 0.0, VECTOR.copy(), VECTOR.copy()),
    "magnitudes": lambda c, b: c.magnitudes(b, VECTOR.copy(), VECTOR.copy()),
    "moments": lambda c, b: c.moments(b, 0.0),
    "changes": lambda c, b: c.changes(b, b, VECTOR.copy(), VECTOR.copy()),
    "sketch": lambda c, b: c.sketch(b, 0, np.zeros((3, 8))),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_loops_take_float32_and_refuse_everything_else(call):
    CALLS[call](engine.compiled, SMALL)
    for block in BAD_BLOCKS:
        with pytest.raises(ValueError, match="float32"):
            CALLS[call](engine.compiled, block)
    with pytest.raises((TypeError, BufferError)):
        CALLS[call](engine.compiled, None)
    with pytest.raises(TypeError, match=f"{call} takes"):
        getattr(engine.compiled, call)()


def test_the_loops_refuse_memory_that_is_too_short_or_read_only():
    c, short, read_only = engine.compiled, np.zeros(2), np.zeros(3)
    read_only.flags.writeable = False
    counts = np.zeros(4096, np.int64)
    for call in (
        lambda: c.describe(SMALL, VECTOR, 0, counts[1:], np.zeros((5, 3)), np.zeros(11)),
        lambda: c.describe(SMALL, VECTOR, 0, counts, np.zeros((4, 3)), np.zeros(11)),
        lambda: c.describe(SMALL, VECTOR, 0, counts, np.zeros((5, 3)), np.zeros(10)),
        lambda: c.intervals(counts[1:], 0.0, 0.0, 4, np.zeros((4, 3))),
        lambda: c.intervals(counts, 0.0, 0.0, 5, np.zeros((4, 3))),
        lambda: c.intervals(counts, 0.0, 0.0, -1, np.zeros((4, 3))),
        lambda: c.density(SMALL, np.zeros(514, np.int64)),
        lambda: c.tails(SMALL, 0.0, 0.0, VECTOR.copy(), short),
        lambda: c.magnitudes(SMALL, short, VECTOR.copy()),
        lambda: c.changes(SMALL, SMALL, VECTOR.copy(), short),
        lambda: c.changes(SMALL, np.zeros((3, 2), np.float32), VECTOR.copy(), VECTOR.copy()),
        lambda: c.changes(SMALL, np.zeros((3, 2), np.float32).T, VECTOR.copy(), VECTOR.copy()),
        lambda: c.sketch(SMALL, 0, np.zeros((3, 7))),
    ):
        with pytest.raises(ValueError, match=r"bytes where|one shape and order|limit must be"):
            call()
    with pytest.raises((ValueError, BufferError), match=r"read-only|not writable"):
        c.magnitudes(SMALL, read_only, VECTOR.copy())
    with pytest.raises((ValueError, BufferError), match="contiguous"):
        c.density(np.zeros((4, 6), np.float32)[::2, ::2], np.zeros(515, np.int64))
