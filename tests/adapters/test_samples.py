"""What is kept of the inputs of an activation stays in bounds and stays representative."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnviz_tb.adapters.samples import SampleStore, numbers_per_activation


def fed(calls: list[int], columns: int, limit: int) -> tuple[SampleStore, np.ndarray]:
    """A store after calls of so many rows, each row holding its own number, and all the rows."""
    store = SampleStore(limit)
    rows = np.arange(sum(calls), dtype=np.float32)
    matrix = np.repeat(rows[:, np.newaxis], columns, axis=1)
    for part in np.split(matrix, np.cumsum(calls)[:-1]):
        kept = store.rows_to_keep(part.shape[0], columns)
        chosen = part if kept is None else part[kept]
        store.add(chosen, -chosen)
    return store, matrix


def test_few_samples_are_all_kept() -> None:
    store, matrix = fed([3, 5], columns=4, limit=1000)

    np.testing.assert_array_equal(store.inputs, matrix)
    assert store.notes == ()


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=30),
    st.integers(1, 8),
    st.integers(8, 2000),
)
def test_what_is_kept_is_bounded_and_inputs_stay_beside_their_outputs(
    calls: list[int], columns: int, limit: int
) -> None:
    store, matrix = fed(calls, columns, limit)

    assert store.inputs is not None
    # One row of each call may be kept beyond the limit before the next call thins them.
    assert store.inputs.size <= max(limit, columns) + 2 * columns * len(calls)
    np.testing.assert_array_equal(store.outputs, -store.inputs)
    assert np.isin(store.inputs, matrix).all()
    assert bool(store.notes) == (store.inputs.shape[0] < matrix.shape[0])


def test_a_sample_is_the_same_every_time_and_spread_over_all_rows() -> None:
    first, _ = fed([100_000], columns=2, limit=4096)
    second, _ = fed([100_000], columns=2, limit=4096)

    np.testing.assert_array_equal(first.inputs, second.inputs)
    assert 1024 <= first.inputs.shape[0] <= 2048 + 1
    quarters = np.histogram(first.inputs[:, 0], bins=4, range=(0, 100_000))[0]
    assert quarters.min() > 0.9 * quarters.max()


def test_later_calls_weigh_as_much_as_earlier_ones() -> None:
    store, _ = fed([64] * 64, columns=1, limit=256)

    halves = np.histogram(store.inputs, bins=2, range=(0, 64 * 64))[0]
    assert halves.min() > 0.5 * halves.max()


def test_many_activations_share_the_memory_of_a_pass() -> None:
    assert numbers_per_activation(1000) * 1000 <= 1 << 26
    assert numbers_per_activation(1) == numbers_per_activation(2)


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.bool_])
def test_samples_are_floats_that_can_be_computed_with(dtype: type) -> None:
    store = SampleStore()
    store.rows_to_keep(1, 3)
    store.add(np.ones((1, 3), dtype), np.ones((1, 3), dtype))

    assert store.inputs.dtype in (np.float32, np.float64)
