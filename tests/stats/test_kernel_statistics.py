"""Per-neuron statistics and summaries against NumPy in float64."""

import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from nnviz_tb.definitions import QUANTILES, SUMMARY_FIELDS
from nnviz_tb.errors import StatsError
from nnviz_tb.statistics.stats import (
    array_statistics,
    kernel_statistics,
    neuron_norms,
    relative_change,
)

SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))
WEIGHTS = st.floats(-1e4, 1e4, width=32) | st.sampled_from([0.0, -0.0, 1.0])
KERNELS = hnp.arrays(np.float32, SHAPES, elements=WEIGHTS)
DAMAGED = hnp.arrays(
    np.float32, SHAPES, elements=WEIGHTS | st.sampled_from([np.nan, np.inf, -np.inf])
)
PER_NEURON = ("norm", "mean", "std", "minimum", "maximum")


def oracle(kernel):
    """The statistics as NumPy has them, over what is finite in each column."""
    wide = np.asarray(kernel).astype(np.float64)
    finite = np.isfinite(wide)
    known = finite.any(axis=0)
    first = wide[finite.argmax(axis=0), np.arange(wide.shape[1])]
    weights = np.ma.masked_array(wide, ~finite)
    apart = np.ma.masked_array(np.where(finite, wide - np.where(known, first, 0.0), 0.0), ~finite)
    figures = {
        "norm": np.ma.sqrt((weights * weights).sum(axis=0)),
        "mean": weights.mean(axis=0),
        "std": apart.std(axis=0),
        "minimum": weights.min(axis=0),
        "maximum": weights.max(axis=0),
    }
    return {name: np.where(known, np.ma.filled(f, np.nan), np.nan) for name, f in figures.items()}


def assert_matches_oracle(kernel, rtol=1e-9):
    got = kernel_statistics(kernel)
    scale = np.abs(np.nan_to_num(np.asarray(kernel).astype(np.float64), posinf=0, neginf=0))
    atol = 1e-12 * scale.max(initial=0.0)
    for name, expected in oracle(kernel).items():
        np.testing.assert_allclose(getattr(got, name), expected, rtol=rtol, atol=atol, err_msg=name)
    return got


def assert_same(a, b):
    np.testing.assert_array_equal(a.histogram.counts, b.histogram.counts)
    for name in ("zero_count", "nan_count", "posinf_count", "neginf_count", "minimum", "maximum"):
        np.testing.assert_equal(getattr(a.histogram, name), getattr(b.histogram, name))
    for name in PER_NEURON:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12, err_msg=name)


@given(DAMAGED)
def test_every_neuron_has_the_statistics_that_numpy_has(kernel):
    assert_matches_oracle(kernel)


@given(DAMAGED, st.randoms(use_true_random=False))
def test_permuting_neurons_permutes_the_results(kernel, random):
    order = list(range(kernel.shape[1]))
    random.shuffle(order)
    whole, permuted = kernel_statistics(kernel), kernel_statistics(kernel[:, order])
    np.testing.assert_array_equal(whole.histogram.counts, permuted.histogram.counts)
    for name in PER_NEURON:
        expected = getattr(whole, name)[order]
        np.testing.assert_allclose(getattr(permuted, name), expected, rtol=1e-12, err_msg=name)


@given(DAMAGED)
def test_the_axis_order_in_memory_does_not_matter(kernel):
    assert_same(kernel_statistics(kernel), kernel_statistics(np.asfortranarray(kernel)))


@given(DAMAGED)
def test_views_of_any_strides_and_byte_order_read_the_same(kernel):
    expected = kernel_statistics(kernel)
    wide = np.full((2 * kernel.shape[0], 3 * kernel.shape[1]), 77.0, np.float32)
    wide[::-2, 1::3] = kernel
    assert_same(expected, kernel_statistics(wide[::-2, 1::3]))
    assert_same(expected, kernel_statistics(kernel.astype(">f4")))
    unaligned = np.zeros(kernel.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(kernel.shape)
    unaligned[:] = kernel
    assert_same(expected, kernel_statistics(unaligned))


@pytest.mark.parametrize(
    "dtype",
    [
        np.float64, np.float16, np.longdouble, np.int8, np.int16, np.int32, np.int64, np.uint8,
        np.bool_, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2,
        ml_dtypes.int4,
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_dtype_is_read_for_what_it_holds(dtype, order):
    values = np.random.default_rng(0).normal(size=(37, 11)) * 3
    kernel = np.asarray(values.astype(dtype), order=order)
    got = assert_matches_oracle(kernel)
    assert got.histogram.zero_count == (kernel.astype(np.float64) == 0).sum()
    single = kernel.astype(np.float32)
    np.testing.assert_array_equal(
        got.histogram.counts, np.bincount(single.view(np.uint32).ravel() >> 20, minlength=4096)
    )


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3000, 70), (70, 3000), (1, 200_000), (200_000, 1), (513, 517)])
def test_kernels_of_many_blocks_match(shape, order):
    rng = np.random.default_rng(2)
    kernel = np.asarray(rng.normal(0.3, 2.0, size=shape).astype(np.float32), order=order)
    assert_matches_oracle(kernel)
    kernel[rng.random(shape) < 1e-3] = np.nan
    kernel[rng.random(shape) < 1e-3] = -np.inf
    kernel[rng.random(shape) < 1e-2] = 0.0
    got = assert_matches_oracle(kernel)
    assert got.histogram.nan_count == np.isnan(kernel).sum()
    assert got.histogram.neginf_count == np.isneginf(kernel).sum()
    assert got.histogram.zero_count == (kernel == 0).sum()


def test_nearly_constant_neurons_keep_their_spread():
    spread = np.random.default_rng(3).integers(-8, 9, size=(5000, 4))
    kernel = (1.0 + spread * 2.0**-23).astype(np.float32)
    got = kernel_statistics(kernel)
    np.testing.assert_allclose(got.std, kernel.astype(np.float64).std(axis=0), rtol=1e-6)
    assert (kernel_statistics(np.full((1000, 3), 0.1, np.float32)).std == 0).all()


def test_an_outlier_in_front_cancels_nothing():
    kernel = np.random.default_rng(4).normal(0, 1e-3, size=(4000, 3))
    kernel[0] = 1e6
    assert_matches_oracle(kernel, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e300, 1e160, 1e-160, 1e-300])
def test_doubles_whose_squares_do_not_exist_have_a_norm(scale):
    values = np.random.default_rng(5).normal(size=(50, 4))
    got, expected = kernel_statistics(values * scale), oracle(values)
    for name, figure in expected.items():
        np.testing.assert_allclose(getattr(got, name) / scale, figure, rtol=1e-9, err_msg=name)
    summary = dict(zip(SUMMARY_FIELDS, got.summary, strict=True))
    np.testing.assert_allclose(summary["norm"] / scale, np.linalg.norm(values), rtol=1e-9)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
def test_a_kernel_without_weights_has_counts_of_zero_and_nothing_else(shape):
    got = kernel_statistics(np.zeros(shape, np.float32))
    assert got.norm.shape == (shape[1],)
    assert np.isnan(got.norm).all()
    assert np.isnan(got.summary[: len(QUANTILES) + 3]).all()
    assert (got.summary[len(QUANTILES) + 3 :] == 0).all()


def test_a_neuron_of_nan_has_no_statistics_and_disturbs_no_other():
    kernel = np.array([[np.nan, 3.0], [np.inf, 4.0]], np.float32)
    got = kernel_statistics(kernel)
    for name, second in zip(PER_NEURON, (5.0, 3.5, 0.5, 3.0, 4.0), strict=True):
        np.testing.assert_array_equal(getattr(got, name), [np.nan, second], err_msg=name)


@given(DAMAGED)
def test_the_summary_of_a_small_array_is_exact(kernel):
    summary = dict(zip(SUMMARY_FIELDS, array_statistics(kernel)[1], strict=True))
    values = kernel.astype(np.float64).ravel()
    finite = values[np.isfinite(values)]
    assert summary["count"] == values.size
    assert summary["zero_count"] == (values == 0).sum()
    assert summary["nan_count"] == np.isnan(values).sum()
    assert summary["posinf_count"] == (values == np.inf).sum()
    assert summary["neginf_count"] == (values == -np.inf).sum()
    names = SUMMARY_FIELDS[: len(QUANTILES)]
    if not finite.size:
        assert np.isnan([summary[name] for name in (*names, "mean", "std", "norm")]).all()
        return
    atol = 1e-10 * np.abs(finite).max()
    np.testing.assert_allclose(
        [summary[name] for name in names], np.quantile(finite, QUANTILES), rtol=1e-9, atol=atol
    )
    np.testing.assert_allclose(summary["mean"], finite.mean(), rtol=1e-9, atol=atol)
    np.testing.assert_allclose(summary["std"], np.std(finite - finite[0]), rtol=1e-9, atol=atol)
    np.testing.assert_allclose(summary["norm"], np.linalg.norm(finite), rtol=1e-9)


@pytest.mark.parametrize("shape", [(), (5,), (0,), (2, 3, 4), (3, 0, 2), (20, 30, 40)])
@pytest.mark.parametrize(
    "view", [lambda a: a, lambda a: a.T, lambda a: a[..., ::-2] if a.ndim else a]
)
def test_arrays_of_any_rank_are_summarised(shape, view):
    array = view(np.random.default_rng(6).normal(size=shape).astype(np.float32))
    histogram, summary = array_statistics(array)
    assert histogram.count == array.size
    flat_histogram, flat_summary = array_statistics(array.ravel())
    np.testing.assert_array_equal(histogram.counts, flat_histogram.counts)
    np.testing.assert_allclose(summary, flat_summary, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "bad", [np.array(["a"]), np.zeros(3, complex), np.zeros(2, "V4"), np.array([None]),
            np.zeros(2, [("x", "f4")]), np.zeros(2, "M8[s]")]
)  # fmt: skip
def test_what_is_not_a_real_number_is_refused_by_dtype(bad):
    with pytest.raises(StatsError, match="real numbers"):
        array_statistics(bad)


def test_a_kernel_of_three_axes_is_refused_by_shape():
    with pytest.raises(StatsError, match=r"\[fan_in, neurons\].*\(2, 2, 2\)"):
        kernel_statistics(np.zeros((2, 2, 2)))


@given(DAMAGED)
def test_norms_alone_are_the_kernel_statistics_norms(kernel):
    np.testing.assert_array_equal(neuron_norms(kernel), kernel_statistics(kernel).norm)


def test_norms_of_a_vector_are_magnitudes():
    np.testing.assert_array_equal(neuron_norms(np.array([3.0, -4.0])), [3.0, 4.0])


@given(KERNELS, st.floats(0.25, 4.0))
def test_scaling_a_kernel_changes_it_by_the_factor_less_one(kernel, factor):
    kernel = kernel.astype(np.float64)
    kernel[np.abs(kernel) < 1e-100] = 0.0
    change, overall = relative_change(kernel * factor, kernel)
    alive = np.linalg.norm(kernel, axis=0) > 0
    np.testing.assert_allclose(change, np.where(alive, abs(factor - 1), 0.0), atol=1e-12)
    np.testing.assert_allclose(overall, abs(factor - 1) if alive.any() else 0.0, atol=1e-12)


@given(KERNELS)
def test_relative_change_is_what_numpy_says(kernel):
    new, old = kernel, np.roll(kernel, 1, axis=0) + np.float32(1.5)
    change, overall = relative_change(np.asfortranarray(new), old)
    new, old = new.astype(np.float64), old.astype(np.float64)
    length = np.linalg.norm(old, axis=0)
    moved = np.linalg.norm(new - old, axis=0)
    expected = np.where(moved == 0, 0, moved / np.where(length > 0, length, np.nan))
    np.testing.assert_allclose(change, expected, rtol=1e-12)
    whole = np.linalg.norm(old)
    if whole > 0:
        np.testing.assert_allclose(overall, np.linalg.norm(new - old) / whole, rtol=1e-12)


def test_change_from_zero_is_not_defined_and_no_change_is_zero():
    old = np.array([[0.0, 0.0, 1.0, 1.0]])
    new = np.array([[0.0, 1.0, 1.0, np.nan]])
    change, overall = relative_change(new, old)
    np.testing.assert_array_equal(change, [0.0, np.nan, 0.0, np.nan])
    assert overall == 1.0


def test_kernels_of_other_shapes_cannot_be_compared():
    with pytest.raises(StatsError, match=r"\(2, 3\) and \(3, 2\)"):
        relative_change(np.zeros((2, 3)), np.zeros((3, 2)))
