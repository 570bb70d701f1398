"""The reduction in NumPy: bucket counts, and sums of every neuron, block by block.

It serves where no compiler was found, takes doubles everywhere, and is what defines the compiled
loop: the same counts bit for bit, and the same sums but for the order of addition.

``np.bincount`` keeps the interpreter's lock, and every other call of NumPy that ends meanwhile has
to wait for it. So the work is in two halves: one thread counts, in small blocks, while others take
sums in blocks so large that they seldom come to the end of a call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.statistics.blocks import (
    BLOCK_ELEMENTS,
    Array,
    as_float32,
    is_narrow,
    rows_are_near,
    tiles,
)
from nnviz_tb.statistics.histogram import BUCKETS, NEGATIVE_BUCKETS, SHIFT
from nnviz_tb.statistics.sums import (
    NEGATIVE_NONFINITE,
    POSITIVE_NONFINITE,
    Sums,
    sort_out_nonfinite,
)

BESIDE_ELEMENTS = 8 * BLOCK_ELEMENTS
"""Of a block of sums beside a thread that counts: 4 MiB of float64."""

LEAST_ELEMENTS = 2 * BLOCK_ELEMENTS
"""For smaller blocks NumPy takes longer to be called than is lost in the cache for these."""


def reduce_alone(sums: Sums, kernel: Array) -> None:
    """Does both for one block after the other, while it is in the cache.

    Args:
      sums: to be added to.
      kernel: ``[fan_in, neurons]`` of any real dtype and layout.
    """
    # Memory that is used again for the next block: fresh pages cost as much as the sums. Weights
    # are counted before they are centred, so there is one place for both.
    space = np.empty(min(kernel.size, LEAST_ELEMENTS))
    for rows, columns in tiles(kernel, LEAST_ELEMENTS):
        block = kernel[rows, columns]
        _count_block(sums, block, space.view(np.int64))
        _add_block(sums, block, columns, space)


def count_buckets(sums: Sums, kernel: Array) -> None:
    """Counts the weights in their buckets, and the zeros; touches nothing else of the sums."""
    space = np.empty(min(kernel.size, BLOCK_ELEMENTS), np.int64)
    for rows, columns in tiles(kernel):
        _count_block(sums, kernel[rows, columns], space)


def add_sums(sums: Sums, kernel: Array, elements: int) -> None:
    """Takes all but the counts, of which it touches nothing.

    Args:
      sums: to be added to.
      kernel: as of :func:`reduce_alone`.
      elements: of a block.
    """
    space = np.empty(min(kernel.size, elements))
    for rows, columns in tiles(kernel, elements):
        _add_block(sums, kernel[rows, columns], columns, space)


def _count_block(sums: Sums, block: Array, space: NDArray[np.int64]) -> None:
    narrow = as_float32(block)
    np.right_shift(narrow.view(np.uint32), SHIFT, out=_shaped(space, narrow))
    counts = np.bincount(space[: block.size], minlength=BUCKETS)
    if counts[0] or counts[NEGATIVE_BUCKETS]:
        sums.zero_count += block.size - int(np.count_nonzero(block))
    if counts[POSITIVE_NONFINITE].any() or counts[NEGATIVE_NONFINITE].any():
        kinds = (np.isnan(narrow), narrow == np.inf, narrow == -np.inf)
        sort_out_nonfinite(counts, *(int(np.count_nonzero(kind)) for kind in kinds))
    sums.counts += counts


def _add_block(sums: Sums, block: Array, columns: slice, space: NDArray[np.float64]) -> None:
    wide: NDArray[Any] = as_float32(block) if is_narrow(block.dtype) else block.astype(np.float64)
    count: Any = block.shape[0]
    low = high = wide
    centred = _shaped(space, block)
    centred[...] = wide  # apart from the subtraction: NumPy casts inside one slowly
    if sums.scale != 1.0:
        centred *= sums.scale
    centred -= sums.pivot[columns]
    first = np.add.reduce(centred, axis=0)
    if not np.isfinite(first).all():
        finite = np.isfinite(wide)
        centred[~finite] = 0.0
        low, high = np.where(finite, low, np.inf), np.where(finite, high, -np.inf)
        count = np.count_nonzero(finite, axis=0)
        first = np.add.reduce(centred, axis=0)
    sums.count[columns] += count
    sums.first[columns] += first
    sums.second[columns] += np.einsum("ij,ij->j", centred, centred)
    sums.low[columns] = np.minimum(sums.low[columns], np.minimum.reduce(low, axis=0))
    sums.high[columns] = np.maximum(sums.high[columns], np.maximum.reduce(high, axis=0))


def _shaped(flat: NDArray[Any], like: Array) -> NDArray[Any]:
    """As much of ``flat`` as a block has elements, in its shape and axis order."""
    part = flat[: like.size]
    return part.reshape(like.shape[::-1]).T if rows_are_near(like) else part.reshape(like.shape)
