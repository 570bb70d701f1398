"""Weights that a device reduces have the figures that NumPy gives of them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from nnviz_tb.adapters.jax.partial_sums import counts_of, of_neurons, put_together
from nnviz_tb.adapters.jax.reduction import as_float32, reduce_block, squares_of_change
from nnviz_tb.statistics.reduction import Sums, reduce_kernel
from nnviz_tb.statistics.stats import relative_change

ROWS, NEURONS = 700, 5
BOUND = 2.0**-20


def normal(dtype: Any = np.float32) -> np.ndarray:
    values = np.random.default_rng(2).normal(size=(ROWS, NEURONS))
    return (20 * values).astype(dtype) if dtype is not np.float32 else values.astype(dtype)


def with_outliers() -> np.ndarray:
    values = 1e-3 * normal()
    values[0], values[5, 2] = 1.0, 1e20
    return values


def not_all_finite() -> np.ndarray:
    values = normal()
    values[::7, ::3], values[1::9, 0], values[2::8, 1] = np.nan, np.inf, -np.inf
    values[:, 3], values[4], values[8] = np.nan, -0.0, 1e-42
    return values


def reduced(values: np.ndarray) -> Sums:
    block = jax.device_get(jax.jit(reduce_block)(jnp.asarray(values)))
    dtype = jnp.asarray(values).dtype
    return put_together(NEURONS, [of_neurons(block.neurons, dtype)], *counts_of(block))


CASES = {
    "normal": normal(),
    "large": normal() * np.float32(1e30),
    "small": normal() * np.float32(1e-30),
    "nearly constant": normal() * np.float32(1e-6) + np.float32(3),
    "constant": np.full((ROWS, NEURONS), 0.1, np.float32),
    "outliers": with_outliers(),
    "not all finite": not_all_finite(),
    "one row": normal()[:1],
    "bfloat16": normal(ml_dtypes.bfloat16),
    "float16": normal(np.float16),
    "float8": normal(ml_dtypes.float8_e5m2),
    "int8": normal(np.int8),
    "int32": normal(np.int32) << 20,
    "bool": normal() > 0,
}


@pytest.mark.parametrize("name", CASES)
def test_a_device_counts_and_sums_as_numpy_does(name: str) -> None:
    values = CASES[name]
    found, expected = reduced(values), reduce_kernel(values, "numpy")

    np.testing.assert_array_equal(found.counts, expected.counts)
    assert found.zero_count == expected.zero_count
    np.testing.assert_array_equal(found.count, expected.count)
    np.testing.assert_array_equal(found.extremes(), expected.extremes())
    (norm, mean, std), (norm_here, mean_here, std_here) = expected.moments(), found.moments()
    # A neuron that has nothing but a denormal number in it, which the processor takes for zero.
    nothing = 1e-37
    np.testing.assert_allclose(norm_here, norm, rtol=BOUND, atol=nothing)
    np.testing.assert_allclose(std_here, std, rtol=BOUND, atol=nothing)
    length = norm / np.sqrt(np.maximum(expected.count, 1))
    assert (np.abs(mean_here - mean) <= BOUND * length + nothing)[~np.isnan(mean)].all()


def test_double_precision_stays_double_where_jax_has_it() -> None:
    with jax.enable_x64(True):
        for scale in (1.0, 1e300, 1e-290):
            values = normal(np.float64) * scale
            found, expected = reduced(values), reduce_kernel(values, "numpy")
            np.testing.assert_array_equal(found.counts, expected.counts)
            np.testing.assert_array_equal(found.extremes(), expected.extremes())
            np.testing.assert_allclose(found.moments(), expected.moments(), rtol=1e-11)


def test_denormal_numbers_are_counted_though_the_processor_takes_them_for_zero() -> None:
    for values in (normal() * np.float32(1e-41), (normal() * 1e-39).astype(ml_dtypes.bfloat16)):
        found, expected = reduced(values), reduce_kernel(values, "numpy")
        np.testing.assert_array_equal(found.counts, expected.counts)
        np.testing.assert_array_equal(found.extremes(), expected.extremes())
        assert found.zero_count == expected.zero_count
        bits = np.asarray(jax.jit(as_float32)(jnp.asarray(values))).view(np.uint32)
        np.testing.assert_array_equal(bits, values.astype(np.float32).view(np.uint32))


@pytest.mark.parametrize("cut", [1, 350, 699])
def test_parts_put_together_are_the_whole(cut: int) -> None:
    for values in (normal(), with_outliers(), not_all_finite()):
        parts, counts, zero_count = [], 0, 0
        for part in (values[:cut], values[cut:]):
            block = jax.device_get(jax.jit(reduce_block)(part))
            found_counts, found_zeros = counts_of(block)
            parts.append(of_neurons(block.neurons, part.dtype))
            counts, zero_count = counts + found_counts, zero_count + found_zeros
        found = put_together(NEURONS, parts, counts, zero_count)
        expected = reduce_kernel(values, "numpy")
        np.testing.assert_array_equal(found.counts, expected.counts)
        np.testing.assert_array_equal(found.extremes(), expected.extremes())
        for place in (0, 2):
            np.testing.assert_allclose(
                found.moments()[place], expected.moments()[place], rtol=BOUND, atol=1e-37
            )


@pytest.mark.parametrize("scale", [1.0, 1e25, 1e-25])
def test_the_way_of_neurons_is_as_far_as_numpy_measures(scale: float) -> None:
    before = normal() * np.float32(scale)
    now = before * np.float32(1.001)
    now[3, 1] = np.nan
    squares = jax.device_get(jax.jit(squares_of_change)(now, before))
    found = np.sqrt(squares.moved.astype(np.float64) / squares.length)
    np.testing.assert_allclose(found, relative_change(now, before)[0], rtol=1e-6)
