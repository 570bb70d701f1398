"""The compiled loop against NumPy's path, which defines it."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from nnviz_tb.statistics import reduction
from nnviz_tb.statistics.reduction import THREADS_VARIABLE, reduce_kernel, thread_count

SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))
ANY_FLOAT32 = hnp.arrays(np.uint32, SHAPES, elements=st.integers(0, 2**32 - 1)).map(
    lambda bits: bits.view(np.float32)
)
WEIGHTS = hnp.arrays(
    np.float32,
    SHAPES,
    elements=st.floats(-100, 100, width=32) | st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf]),
)
LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "wider rows": lambda k: np.concatenate([k, k], axis=1)[:, : k.shape[1]],
    "reversed rows": lambda k: np.ascontiguousarray(k[::-1])[::-1],
    "neither": lambda k: np.repeat(np.repeat(k, 2, axis=0), 3, axis=1)[::2, ::3],
    "swapped": lambda k: k.astype(k.dtype.newbyteorder()),
}


def assert_same_sums(a, b):
    np.testing.assert_array_equal(a.counts, b.counts)
    assert a.zero_count == b.zero_count
    for name in ("count", "low", "high", "pivot"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    for one, other in zip(a.moments(), b.moments(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_the_extension_was_built():
    assert reduction.compiled is not None
    assert reduction.ENGINE == "c"


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=30)
@given(kernel=ANY_FLOAT32)
def test_any_bits_are_counted_alike(layout, kernel):
    view = LAYOUTS[layout](kernel)
    c, oracle = reduce_kernel(view, "c"), reduce_kernel(view, "numpy")
    np.testing.assert_array_equal(c.counts, oracle.counts)
    assert c.zero_count == oracle.zero_count
    np.testing.assert_array_equal(c.count, oracle.count)
    np.testing.assert_array_equal(c.extremes(), oracle.extremes())


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=30)
@given(kernel=WEIGHTS)
def test_weights_have_the_same_sums(layout, kernel):
    view = LAYOUTS[layout](kernel)
    assert_same_sums(reduce_kernel(view, "c"), reduce_kernel(view, "numpy"))


@pytest.mark.parametrize("threads", ["1", "2", "3"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "shape",
    [(1300, 1301), (2, 900_001), (900_001, 2), (1_700_003, 1), (1, 1_700_003), (20_000, 97)],
)
def test_kernels_of_many_blocks_and_threads_have_the_same_sums(shape, order, threads, monkeypatch):
    rng = np.random.default_rng(0)
    kernel = np.asarray(rng.normal(0.1, 1.0, size=shape).astype(np.float32), order=order)
    flat = kernel.reshape(-1, order="A")
    flat[rng.integers(0, flat.size, 40)] = np.nan
    flat[rng.integers(0, flat.size, 40)] = np.inf
    flat[rng.integers(0, flat.size, 400)] = 0.0
    monkeypatch.setenv(THREADS_VARIABLE, "1")
    oracle = reduce_kernel(kernel, "numpy")
    monkeypatch.setenv(THREADS_VARIABLE, threads)
    assert_same_sums(reduce_kernel(kernel, "c"), oracle)
    assert_same_sums(reduce_kernel(kernel, "numpy"), oracle)


def test_half_precision_goes_through_the_compiled_loop_in_blocks():
    kernel = np.random.default_rng(1).normal(size=(400, 501)).astype(np.float16)
    assert_same_sums(reduce_kernel(kernel, "c"), reduce_kernel(kernel, "numpy"))
    assert_same_sums(reduce_kernel(kernel.T, "c"), reduce_kernel(kernel.T, "numpy"))


def test_a_read_only_kernel_is_read():
    kernel = np.ones((30, 40), np.float32)
    kernel.flags.writeable = False
    assert reduce_kernel(kernel, "c").count.sum() == 1200


@pytest.mark.parametrize(
    ("value", "expected"), [("1", 1), ("3", 3), ("0", 1), ("many", 1), ("-2", 1), ("²", 1)]
)
def test_the_user_sets_how_many_threads_may_run(value, expected, monkeypatch):
    monkeypatch.setenv(THREADS_VARIABLE, value)
    assert thread_count() == expected


def test_without_a_choice_threads_are_bounded_by_the_processors_allowed(monkeypatch):
    monkeypatch.delenv(THREADS_VARIABLE, raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)
    assert thread_count() == 1
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(96)), raising=False)
    assert thread_count() == 8


VECTORS = ("pivot", "first", "second", "low", "high", "count")


def sums_of(neurons):
    return [np.zeros(neurons) for _ in VECTORS[:-1]] + [
        np.zeros(neurons, np.int64),
        np.zeros(4096, np.int64),
    ]


@pytest.mark.parametrize(
    "block",
    [
        np.zeros((2, 3)),
        np.zeros(3, np.float32),
        np.zeros((4, 6), np.float32)[::2, ::2],
        np.zeros((2, 3), np.int32),
        np.zeros((2, 3), np.float32).astype(">f4"),
    ],
)
def test_the_loop_refuses_blocks_it_cannot_read(block):
    with pytest.raises(ValueError, match="block"):
        reduction.compiled.reduce(block, *sums_of(3))


@pytest.mark.parametrize("index", range(7))
def test_the_loop_refuses_vectors_of_another_length(index):
    vectors = sums_of(3)
    vectors[index] = vectors[index][:-1].copy()
    with pytest.raises(ValueError, match="bytes where"):
        reduction.compiled.reduce(np.zeros((2, 3), np.float32), *vectors)


def test_the_loop_refuses_too_few_arguments():
    with pytest.raises(TypeError, match="8 arguments"):
        reduction.compiled.reduce(np.zeros((2, 3), np.float32))
