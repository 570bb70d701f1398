"""Bucket counts of samples, per-neuron activity and the projections of weights."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from nnviz_tb import buckets
from nnviz_tb.errors import StatsError
from nnviz_tb.schema import DENSITY_HEADER_LENGTH
from nnviz_tb.statistics.curves import Zones
from nnviz_tb.statistics.density import (
    MAX_LEVEL,
    active_counts,
    density,
    dormancy,
    mean_magnitude,
    normalised_entropy,
    saturated_counts,
)
from nnviz_tb.statistics.sketch import sketch

SAMPLES = hnp.arrays(np.float32, st.integers(0, 300), elements=st.floats(width=32))
LEVELS = st.integers(0, MAX_LEVEL)


def as_tuple(d):
    return (d.level, d.nan_count, d.posinf_count, d.neginf_count, d.first, d.counts.tolist())


@given(SAMPLES, LEVELS)
def test_every_sample_is_between_the_borders_of_its_bucket(samples, level):
    got = density(samples, level)
    finite = samples[np.isfinite(samples)].astype(np.float64)
    assert got.count == samples.size
    assert got.nan_count == np.isnan(samples).sum()
    assert got.finite_count == finite.size
    if not finite.size:
        assert got.counts.size == 0
        return
    edges = buckets.edges(got.first, got.counts.size, level)
    edges[0] = -np.inf if finite.min() < edges[0] else edges[0]
    edges[-1] = np.inf if finite.max() > edges[-1] else edges[-1]
    below = np.cumsum(got.counts)[:-1]
    assert (below >= [(finite < e).sum() for e in edges[1:-1]]).all()
    assert (below <= [(finite <= e).sum() for e in edges[1:-1]]).all()
    assert got.counts[0] > 0
    assert got.counts[-1] > 0


@given(SAMPLES, SAMPLES, LEVELS, LEVELS)
def test_merging_densities_of_any_levels_is_the_density_of_all(a, b, level_a, level_b):
    merged = density(a, level_a).merge(density(b, level_b))
    whole = density(np.concatenate([a, b]), max(level_a, level_b))
    assert as_tuple(merged) == as_tuple(whole)


@given(SAMPLES, st.integers(28, 3000))
def test_a_row_fits_its_bytes_and_counts_everything(samples, max_bytes):
    row = density(samples).to_row(max_bytes)
    assert row.dtype == np.int32
    assert row.nbytes <= max_bytes
    level, nan_count, posinf_count, neginf_count, first = row[:DENSITY_HEADER_LENGTH]
    assert nan_count == np.isnan(samples).sum()
    assert posinf_count == np.isposinf(samples).sum()
    assert neginf_count == np.isneginf(samples).sum()
    counts = row[DENSITY_HEADER_LENGTH:]
    assert counts.sum() == np.isfinite(samples).sum()
    again = density(samples, int(level))
    assert (again.first, again.counts.tolist()) == (first, counts.tolist())


def test_counts_beyond_int32_are_stored_as_the_largest():
    import dataclasses

    huge = dataclasses.replace(
        density(np.array([1.0, 2.0])), counts=np.array([2**40, 1]), nan_count=2**35
    )
    row = huge.to_row(4096)
    assert row[1] == row[DENSITY_HEADER_LENGTH] == 2**31 - 1
    assert row[-1] == 1


def test_a_row_that_cannot_fit_is_refused():
    with pytest.raises(StatsError, match="max_bytes must be at least 28, got 27"):
        density(np.zeros(3)).to_row(27)


@pytest.mark.parametrize("level", [-1, MAX_LEVEL + 1])
def test_a_level_that_does_not_exist_is_refused(level):
    with pytest.raises(StatsError, match="level must be"):
        density(np.zeros(3), level)


def test_samples_of_any_shape_and_layout_are_counted():
    samples = np.random.default_rng(0).normal(size=(50, 8, 9, 30)).astype(np.float16)
    expected = as_tuple(density(samples.ravel()))
    assert as_tuple(density(samples)) == expected
    assert as_tuple(density(samples.transpose(2, 0, 3, 1))) == expected
    assert as_tuple(density(np.float64(0.5))) == as_tuple(density(np.array([0.5])))


INPUTS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 30), st.integers(0, 10)),
    elements=st.floats(-10, 10, width=32) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0]),
)


@given(INPUTS)
def test_active_samples_are_those_outside_the_zone_of_death(inputs):
    zones = Zones(dead_below=0.0, dead_above=6.0)
    np.testing.assert_array_equal(
        active_counts(inputs, zones), ((inputs > 0) & (inputs < 6)).sum(axis=0)
    )
    np.testing.assert_array_equal(active_counts(inputs, Zones()), (~np.isnan(inputs)).sum(axis=0))


@given(INPUTS)
def test_saturated_samples_are_those_in_either_tail(inputs):
    zones = Zones(saturated_below=-2.0, saturated_above=3.0)
    expected = ((inputs <= -2) | (inputs >= 3)).sum(axis=0)
    np.testing.assert_array_equal(saturated_counts(inputs, zones), expected)
    assert not saturated_counts(inputs, Zones()).any()


def test_samples_of_many_blocks_are_counted_in_both_layouts():
    inputs = np.random.default_rng(1).normal(size=(5000, 300)).astype(np.float32)
    for view in (inputs, np.asfortranarray(inputs), inputs[:, ::-1][:, ::-1]):
        got = active_counts(view, Zones(dead_below=0.0))
        np.testing.assert_array_equal(got, (inputs > 0).sum(axis=0))
        np.testing.assert_allclose(
            mean_magnitude(view), np.abs(inputs.astype(np.float64)).mean(axis=0), rtol=1e-12
        )


@given(INPUTS)
def test_mean_magnitude_is_over_finite_samples(outputs):
    expected = [
        np.abs(column[np.isfinite(column)]).mean() if np.isfinite(column).any() else np.nan
        for column in outputs.T
    ]
    np.testing.assert_allclose(mean_magnitude(outputs), expected, rtol=1e-12)


def test_dormancy_is_the_share_of_the_mean_magnitude():
    np.testing.assert_allclose(dormancy(np.array([0.0, 1.0, 3.0, np.nan])), [0, 0.75, 2.25, np.nan])
    np.testing.assert_array_equal(dormancy(np.zeros(3)), np.zeros(3))
    assert dormancy(np.zeros(0)).shape == (0,)


@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(1, 20), st.integers(2, 9)), elements=st.floats(0, 50)
    )
)
def test_entropy_is_shannons_over_the_logarithm_of_the_classes(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    expected = np.mean([-(row[row > 0] * np.log(row[row > 0])).sum() for row in p])
    got = normalised_entropy(p)
    np.testing.assert_allclose(got, expected / np.log(p.shape[1]), rtol=1e-9, atol=1e-12)


def test_entropy_is_one_when_uniform_zero_when_certain_and_nan_when_undefined():
    assert normalised_entropy(np.full((4, 3, 8), 1 / 8)) == pytest.approx(1.0)
    assert normalised_entropy(np.eye(5)) == 0.0
    assert normalised_entropy(np.array([[0.5, 0.5], [np.nan, 1.0]])) == pytest.approx(1.0)
    assert np.isnan(normalised_entropy(np.ones((3, 1))))
    assert np.isnan(normalised_entropy(np.zeros((0, 4))))


def test_sketches_keep_distances():
    kernel = np.random.default_rng(2).normal(size=(2000, 400))
    length = np.linalg.norm(sketch(kernel), axis=1) / np.linalg.norm(kernel, axis=0)
    # ‖sketch‖²/‖w‖² is chi-squared with 8 degrees over 8: mean 1, standard deviation 1/2.
    assert np.mean(length**2) == pytest.approx(1.0, abs=0.1)
    assert np.std(length**2) == pytest.approx(0.5, abs=0.1)


def test_sketches_are_linear_fixed_and_independent_of_blocks_and_neighbours():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 70_000, 3))
    np.testing.assert_allclose(sketch(a + b), sketch(a) + sketch(b), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(sketch(a[:, [2]]), sketch(a)[[2]], rtol=1e-6)
    np.testing.assert_allclose(sketch(np.asfortranarray(a)), sketch(a), rtol=1e-5, atol=1e-3)
    assert not np.allclose(sketch(a, seed=1), sketch(a))
    unit = sketch(np.eye(4))
    np.testing.assert_allclose(np.abs(unit), 8**-0.5, rtol=1e-6)


def test_sketches_take_what_is_not_finite_as_zero():
    kernel = np.array([[1.0, np.nan], [2.0, 3.0], [np.inf, 1.0]])
    cleaned = np.array([[1.0, 0.0], [2.0, 3.0], [0.0, 1.0]])
    np.testing.assert_array_equal(sketch(kernel), sketch(cleaned))
    assert sketch(np.zeros((0, 3))).shape == (3, 8)
