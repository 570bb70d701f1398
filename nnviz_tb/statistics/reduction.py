"""Bucket counts and sums of every neuron of a kernel, in blocks, and in threads where they help.

Sums are taken in float64 around each neuron's first finite weight. Because that pivot is itself
one of the weights, neither the norm nor the standard deviation can cancel: their relative error is
at most about fan_in · 2⁻⁵³, for outliers and for nearly constant neurons alike.

float32 goes through the compiled loop where it was built, everything else through NumPy
(:mod:`nnviz_tb.statistics.numpy_pass`), which is the loop's definition.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.statistics import engine as engines
from nnviz_tb.statistics.blocks import (
    BLOCK_ELEMENTS,
    Array,
    compact_float32,
    is_narrow,
    is_plain_float32,
    rows_are_near,
    tiles,
)
from nnviz_tb.statistics.engine import ENGINE, THREADS_VARIABLE, compiled, thread_count
from nnviz_tb.statistics.histogram import BUCKETS
from nnviz_tb.statistics.numpy_pass import (
    BESIDE_ELEMENTS,
    LEAST_ELEMENTS,
    add_sums,
    count_buckets,
    reduce_alone,
)
from nnviz_tb.statistics.sums import Sums, sort_out_nonfinite

__all__ = [
    "ENGINE",
    "THREADS_VARIABLE",
    "Sums",
    "compiled",
    "in_one_go",
    "reduce_kernel",
    "thread_count",
]

_ELEMENTS_PER_THREAD = 1 << 19
"""A third of a millisecond's work, against a tenth for starting a thread."""

_LARGEST_SQUARE = 2.0**500
_SMALLEST_SQUARE = 2.0**-480


def reduce_kernel(kernel: Array, engine: str | None = None, scale: float = 1.0) -> Sums:
    """All sums over ``[fan_in, neurons]`` of any real dtype and layout.

    Args:
      engine: ``numpy`` or ``c``; by default ``c`` where it was built.
      scale: a power of two by which float64 is multiplied before its moments are taken.
    """
    if not kernel.size:
        return Sums(np.zeros(kernel.shape[1]))
    engine = engine or ("numpy" if engines.compiled is None else "c")
    with np.errstate(over="ignore", invalid="ignore"):
        sums = Sums(_pivots(kernel) * scale, scale)
    threads = max(1, min(thread_count(), kernel.size // _ELEMENTS_PER_THREAD))
    if engine == "c" and is_narrow(kernel.dtype):
        _reduce_shares(sums, kernel, threads, _reduce_compiled)
    elif threads == 1:
        with np.errstate(over="ignore", invalid="ignore"):
            reduce_alone(sums, kernel)
    else:
        elements = max(LEAST_ELEMENTS, BESIDE_ELEMENTS // (threads - 1))
        add = partial(add_sums, elements=elements)
        _reduce_shares(sums, kernel, threads - 1, add, partial(count_buckets, sums, kernel))
    if scale == 1.0 and not is_narrow(kernel.dtype) and sums.count.any():
        # Squares of very large or very small float64 do not exist: scale by a power of two.
        largest = max(-float(sums.low.min()), float(sums.high.max()))
        if largest > _LARGEST_SQUARE or 0.0 < largest < _SMALLEST_SQUARE:
            exponent = max(-1000, min(1000, -math.frexp(largest)[1]))
            return reduce_kernel(kernel, engine, 2.0**exponent)
    return sums


def _shares(kernel: Array, number: int) -> list[tuple[slice, slice]]:
    """Shares of the rows or of the columns, so that each thread reads one stretch."""
    everything = slice(None)
    if number < 2:
        return [(everything, everything)]
    axis = 1 if rows_are_near(kernel) and kernel.shape[1] >= number else 0
    borders = [kernel.shape[axis] * k // number for k in range(number + 1)]
    parts = [slice(a, b) for a, b in itertools.pairwise(borders) if a < b]
    return [(everything, part) if axis else (part, everything) for part in parts]


def _reduce_shares(
    sums: Sums,
    kernel: Array,
    number: int,
    reduce: Callable[[Sums, Array], None],
    beside: Callable[[], None] | None = None,
) -> None:
    """Reduces shares of the kernel, each in a thread, with something else beside them."""
    shares = _shares(kernel, number)
    if len(shares) == 1:
        parts = [sums]
    else:
        parts = [Sums(sums.pivot[columns], sums.scale) for _, columns in shares]
    tasks = [
        partial(reduce, part, kernel[share]) for part, share in zip(parts, shares, strict=True)
    ]
    _do_together([*tasks, beside] if beside else tasks)
    if len(shares) > 1:
        for (_, columns), part in zip(shares, parts, strict=True):
            sums.add(part, columns)


def _do_together(tasks: Sequence[Callable[[], None]]) -> None:
    """Does the last task here and the others in threads."""

    def do(task: Callable[[], None]) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            task()

    if len(tasks) == 1:
        do(tasks[0])
        return
    # A pool of the call's own: none is left behind for a fork to inherit without its threads.
    with ThreadPoolExecutor(len(tasks) - 1, "nnviz_tb") as pool:
        pending = [(_submitted(pool, partial(do, task)), task) for task in tasks[:-1]]
        do(tasks[-1])
        for future, task in pending:
            future.result() if future else do(task)


def _submitted(pool: ThreadPoolExecutor, task: Callable[[], None]) -> Future[None] | None:
    try:
        return pool.submit(task)
    except RuntimeError:  # the interpreter is shutting down and starts no threads any more
        return None


def _reduce_compiled(sums: Sums, kernel: Array) -> None:
    if _is_direct(kernel):
        _add_compiled(sums, kernel, slice(None))
    else:
        for rows, columns in tiles(kernel):
            _add_compiled(sums, compact_float32(kernel[rows, columns]), columns)


def _is_direct(kernel: Array) -> bool:
    """Whether the compiled loop can read the kernel where it is."""
    return is_plain_float32(kernel) and 4 in kernel.strides


def in_one_go(kernel: Array) -> NDArray[np.float32] | None:
    """The kernel as ``describe`` takes it; None where it is to be read in parts, or by NumPy."""
    if not 0 < kernel.size < 2 * _ELEMENTS_PER_THREAD:
        return None
    if _is_direct(kernel):
        return kernel
    if kernel.size <= BLOCK_ELEMENTS and is_narrow(kernel.dtype):
        return compact_float32(kernel)
    return None


def _add_compiled(sums: Sums, block: Array, columns: slice) -> None:
    assert compiled is not None
    counts = np.zeros(BUCKETS, np.int64)
    zero_count, nan_count, posinf_count, neginf_count = compiled.reduce(
        block,
        sums.pivot[columns],
        sums.first[columns],
        sums.second[columns],
        sums.low[columns],
        sums.high[columns],
        sums.count[columns],
        counts,
    )
    if nan_count or posinf_count or neginf_count:
        sort_out_nonfinite(counts, nan_count, posinf_count, neginf_count)
    sums.counts += counts
    sums.zero_count += zero_count


def _pivots(kernel: Array) -> NDArray[np.float64]:
    """``float64[neurons]`` first finite weight of each neuron, 0 where there is none."""
    pivot: NDArray[np.float64] = kernel[0].astype(np.float64)
    if np.isfinite(pivot).all():
        return pivot
    missing = np.flatnonzero(~np.isfinite(pivot))
    pivot[missing] = 0.0
    row, height = 1, 1
    while missing.size and row < kernel.shape[0]:
        block = kernel[row : row + height][:, missing].astype(np.float64)
        finite = np.isfinite(block)
        found = finite.any(axis=0)
        pivot[missing[found]] = block[finite.argmax(axis=0), np.arange(missing.size)][found]
        missing = missing[~found]
        row, height = row + height, max(1, min(2 * height, 65536 // max(1, missing.size)))
    return pivot
