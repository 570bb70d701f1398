"""One pass over a kernel in cache-sized blocks: bucket counts and sums of every neuron together.

Sums are taken in float64 around each neuron's first finite weight. Because that pivot is itself
one of the weights, neither the norm nor the standard deviation can cancel: their relative error is
at most about fan_in · 2⁻⁵³, for outliers and for nearly constant neurons alike.

float32 goes through the compiled loop where it was built. What NumPy computes here is its
definition: the same counts bit for bit, and the same sums but for the order of addition.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.statistics import engine as engines
from nnviz_tb.statistics.blocks import (
    BLOCK_ELEMENTS,
    Array,
    as_float32,
    compact_float32,
    is_narrow,
    is_plain_float32,
    rows_are_near,
    tiles,
)
from nnviz_tb.statistics.engine import ENGINE, THREADS_VARIABLE, compiled, thread_count
from nnviz_tb.statistics.histogram import (
    BUCKETS,
    NAN_BUCKET,
    NEGATIVE_BUCKETS,
    NEGATIVE_INFINITY_BUCKET,
    POSITIVE_INFINITY_BUCKET,
    SHIFT,
    FloatHistogram,
)

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

_NUMPY_BLOCK_ELEMENTS = 2 * BLOCK_ELEMENTS
"""NumPy takes longer to be called for smaller blocks than it loses in the cache for these."""

_LARGEST_SQUARE = 2.0**500
_SMALLEST_SQUARE = 2.0**-480

_POSITIVE_NONFINITE = slice(POSITIVE_INFINITY_BUCKET, NEGATIVE_BUCKETS)
_NEGATIVE_NONFINITE = slice(NEGATIVE_INFINITY_BUCKET, BUCKETS)


class Sums:
    """Sums over a kernel, neuron by neuron, while it is being read."""

    def __init__(self, pivot: NDArray[np.float64], scale: float = 1.0) -> None:
        neurons = pivot.size
        self.scale = scale
        self.pivot = pivot
        self.count = np.zeros(neurons, np.int64)
        self.first = np.zeros(neurons)
        self.second = np.zeros(neurons)
        self.low = np.full(neurons, np.inf)
        self.high = np.full(neurons, -np.inf)
        self.counts = np.zeros(BUCKETS, np.int64)
        self.zero_count = 0

    def add(self, part: Sums, columns: slice) -> None:
        """Takes in the sums over some rows of some of the neurons."""
        self.count[columns] += part.count
        self.first[columns] += part.first
        self.second[columns] += part.second
        self.low[columns] = np.minimum(self.low[columns], part.low)
        self.high[columns] = np.maximum(self.high[columns], part.high)
        self.counts += part.counts
        self.zero_count += part.zero_count

    def extremes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Smallest and largest finite weight of each neuron."""
        known = self.count > 0
        return np.where(known, self.low, np.nan), np.where(known, self.high, np.nan)

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Norm, mean and population standard deviation of each neuron."""
        n = np.where(self.count > 0, self.count, np.nan)
        shift = self.first / n
        variance = np.maximum(self.second / n - shift * shift, 0.0)
        square = self.second + self.pivot * (2.0 * self.first + n * self.pivot)
        norm = np.sqrt(np.maximum(square, 0.0))
        mean, std = self.pivot + shift, np.sqrt(variance)
        if self.scale == 1.0:
            return norm, mean, std
        unscale = 1.0 / self.scale
        with np.errstate(over="ignore"):  # a norm of doubles may itself be beyond float64
            return norm * unscale, mean * unscale, std * unscale

    def histogram(self) -> FloatHistogram:
        """The buckets counted so far."""
        known = bool(self.count.any())
        return FloatHistogram(
            self.counts,
            self.zero_count,
            int(self.counts[NAN_BUCKET]),
            int(self.counts[POSITIVE_INFINITY_BUCKET]),
            int(self.counts[NEGATIVE_INFINITY_BUCKET]),
            # Adding zero makes −0 a 0, so that the order of merging shows nowhere.
            float(self.low.min()) + 0.0 if known else math.nan,
            float(self.high.max()) + 0.0 if known else math.nan,
        )


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
        parts = _parts(kernel)
        if len(parts) == 1:
            _reduce_part(sums, kernel, engine)
        else:
            _reduce_parts(sums, kernel, parts, engine)
    if scale == 1.0 and not is_narrow(kernel.dtype) and sums.count.any():
        # Squares of very large or very small float64 do not exist: scale by a power of two.
        largest = max(-float(sums.low.min()), float(sums.high.max()))
        if largest > _LARGEST_SQUARE or 0.0 < largest < _SMALLEST_SQUARE:
            exponent = max(-1000, min(1000, -math.frexp(largest)[1]))
            return reduce_kernel(kernel, engine, 2.0**exponent)
    return sums


def _parts(kernel: Array) -> list[tuple[slice, slice]]:
    """A share of the rows or of the columns for each thread, so that each reads one stretch."""
    threads = min(thread_count(), kernel.size // _ELEMENTS_PER_THREAD)
    everything = slice(None)
    if threads < 2:
        return [(everything, everything)]
    axis = 1 if rows_are_near(kernel) and kernel.shape[1] >= threads else 0
    borders = [kernel.shape[axis] * k // threads for k in range(threads + 1)]
    shares = [slice(a, b) for a, b in itertools.pairwise(borders) if a < b]
    return [(everything, share) if axis else (share, everything) for share in shares]


def _reduce_parts(sums: Sums, kernel: Array, parts: list[tuple[slice, slice]], engine: str) -> None:
    partial = [Sums(sums.pivot[columns], sums.scale) for _, columns in parts]

    def reduce(index: int) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            _reduce_part(partial[index], kernel[parts[index]], engine)

    # A pool of the call's own: none is left behind for a fork to inherit without its threads.
    with ThreadPoolExecutor(len(parts) - 1, "nnviz_tb") as pool:
        pending = [_submitted(pool, reduce, index) for index in range(1, len(parts))]
        reduce(0)
        for index, future in enumerate(pending, 1):
            future.result() if future else reduce(index)
    for (_, columns), part in zip(parts, partial, strict=True):
        sums.add(part, columns)


def _submitted(
    pool: ThreadPoolExecutor, task: Callable[[int], None], index: int
) -> Future[None] | None:
    try:
        return pool.submit(task, index)
    except RuntimeError:  # the interpreter is shutting down and starts no threads any more
        return None


def _reduce_part(sums: Sums, kernel: Array, engine: str) -> None:
    if engine != "c" or not is_narrow(kernel.dtype):
        space = _Workspace(min(kernel.size, _NUMPY_BLOCK_ELEMENTS))
        for rows, columns in tiles(kernel, _NUMPY_BLOCK_ELEMENTS):
            _add_block(sums, kernel[rows, columns], columns, space)
    elif _is_direct(kernel):
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
        _sort_out_nonfinite(counts, nan_count, posinf_count, neginf_count)
    sums.counts += counts
    sums.zero_count += zero_count


def _sort_out_nonfinite(
    counts: NDArray[np.int64], nan_count: int, posinf_count: int, neginf_count: int
) -> None:
    """Gathers every NaN, whatever its payload, in one bucket."""
    counts[_POSITIVE_NONFINITE] = counts[_NEGATIVE_NONFINITE] = 0
    counts[NAN_BUCKET] = nan_count
    counts[POSITIVE_INFINITY_BUCKET] = posinf_count
    counts[NEGATIVE_INFINITY_BUCKET] = neginf_count


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


class _Workspace:
    """Memory for one block, used again for the next: fresh pages cost as much as the sums.

    Buckets are counted before the weights are centred, so both are kept in the same place.
    """

    def __init__(self, elements: int) -> None:
        self.centred = np.empty(elements)
        self.bucket = self.centred.view(np.int64)

    def shaped(self, flat: NDArray[Any], like: Array) -> NDArray[Any]:
        """As much of ``flat`` as a block has elements, in its shape and axis order."""
        part = flat[: like.size]
        return part.reshape(like.shape[::-1]).T if rows_are_near(like) else part.reshape(like.shape)


def _add_block(sums: Sums, block: Array, columns: slice, space: _Workspace) -> None:
    narrow = as_float32(block)
    np.right_shift(narrow.view(np.uint32), SHIFT, out=space.shaped(space.bucket, narrow))
    counts = np.bincount(space.bucket[: block.size], minlength=BUCKETS)
    if counts[0] or counts[NEGATIVE_BUCKETS]:
        sums.zero_count += block.size - int(np.count_nonzero(block))
    wide = narrow if is_narrow(block.dtype) else block.astype(np.float64)
    count: Any = block.shape[0]
    low = high = wide
    centred = space.shaped(space.centred, block)
    centred[...] = wide  # apart from the subtraction: NumPy casts inside one slowly
    if sums.scale != 1.0:
        centred *= sums.scale
    centred -= sums.pivot[columns]
    if counts[_POSITIVE_NONFINITE].any() or counts[_NEGATIVE_NONFINITE].any():
        finite = np.isfinite(narrow)
        centred[~finite] = 0.0
        low, high = np.where(finite, low, np.inf), np.where(finite, high, -np.inf)
        count = np.count_nonzero(finite, axis=0)
        kinds = (np.isnan(narrow), narrow == np.inf, narrow == -np.inf)
        _sort_out_nonfinite(counts, *(int(np.count_nonzero(kind)) for kind in kinds))
    sums.counts += counts
    sums.count[columns] += count
    sums.first[columns] += np.add.reduce(centred, axis=0)
    sums.second[columns] += np.einsum("ij,ij->j", centred, centred)
    sums.low[columns] = np.minimum(sums.low[columns], np.minimum.reduce(low, axis=0))
    sums.high[columns] = np.maximum(sums.high[columns], np.maximum.reduce(high, axis=0))
