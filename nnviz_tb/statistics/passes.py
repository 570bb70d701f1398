"""Passes over samples: each in a compiled loop where there is one, and in NumPy, which defines it.

All round to float32 what it cannot hold, and read arrays of any dtype and strides block by block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnviz_tb import buckets
from nnviz_tb.statistics import engine
from nnviz_tb.statistics.blocks import (
    BLOCK_ELEMENTS,
    Array,
    compact_float32,
    is_narrow,
    is_one_stretch,
    slabs,
    stretches,
    tiles,
)

PLACES = 2 * buckets.BUCKETS_PER_SIGN
"""Buckets of both signs, from the lowest to the highest."""

_SMALL = np.float32(2.0**buckets.MIN_EXPONENT)
_SHIFT = 23 - buckets.MANTISSA_BITS
_BELOW_ALL, _INFINITE = PLACES, PLACES + 1


def _places_of_leading_bits() -> NDArray[np.int64]:
    """``int64[8192]`` the place of each ``float32 bits >> 19``, but for small and infinite ones."""
    leading = np.arange(1 << (32 - _SHIFT), dtype=np.uint32)
    values = (leading << np.uint32(_SHIFT)).view(np.float32)
    finite = np.isfinite(values)
    place = buckets.bucket_of(np.where(finite, values, 0)).astype(np.int64) + PLACES // 2
    place[np.abs(values) < _SMALL] = _BELOW_ALL
    place[~finite] = _INFINITE
    return place


_PLACE_OF_LEADING_BITS = _places_of_leading_bits()


def count_places(samples: Array) -> NDArray[np.int64]:
    """``int64[PLACES + 3]`` samples in each bucket, and those that are NaN, ∞ and −∞.

    Args:
      samples: of any shape.
    """
    counts = np.zeros(PLACES + 3, np.int64)
    if engine.compiled is not None and is_one_stretch(samples):
        engine.compiled.density(samples, counts)
        return counts
    for slab in slabs(samples):
        for rows, columns in tiles(slab):
            block = compact_float32(slab[rows, columns])
            if engine.compiled is not None:
                engine.compiled.density(block, counts)
            else:
                counts += _places_in_block(block.ravel(order="K"))
    return counts


def _places_in_block(block: NDArray[np.float32]) -> NDArray[np.int64]:
    # Beyond the linear buckets the leading bits are the bucket, which is cheaper than computing it.
    leading = np.bincount(block.view(np.uint32) >> _SHIFT, minlength=_PLACE_OF_LEADING_BITS.size)
    counts = np.zeros(PLACES + 3, np.int64)
    np.add.at(counts, _PLACE_OF_LEADING_BITS, leading)
    small_count, infinite_count = counts[_BELOW_ALL], counts[_INFINITE]
    counts[PLACES:] = 0
    if small_count:
        # Not of the samples themselves: where few are small, most of the work would be for nothing.
        small = buckets.bucket_of(block[np.abs(block) < _SMALL]) + PLACES // 2
        counts[:PLACES] += np.bincount(small, minlength=PLACES)
    if infinite_count:
        kinds = (np.isnan(block), block == np.inf, block == -np.inf)
        counts[PLACES:] = [np.count_nonzero(kind) for kind in kinds]
    return counts


def count_tails(
    samples: Array, below: float, above: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``int64[neurons]`` samples ``<= below`` or ``>= above``, and samples that are NaN.

    Args:
      samples: ``[samples, neurons]``.
      below, above: NaN where there is no such tail.
    """
    inside, nan = np.zeros((2, samples.shape[1]))
    for columns, block in stretches(samples):
        if engine.compiled is not None:
            engine.compiled.tails(block, below, above, inside[columns], nan[columns])
            continue
        for rows, part in tiles(block):
            x = block[rows, part]
            inside[columns][part] += np.count_nonzero((x <= below) | (x >= above), axis=0)
            nan[columns][part] += np.count_nonzero(np.isnan(x), axis=0)
    return inside.astype(np.int64), nan.astype(np.int64)


def sum_magnitudes(samples: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``float64[neurons]`` sum of the finite magnitudes, and how many they are.

    Args:
      samples: ``[samples, neurons]``; the one pass that does not round to float32.
    """
    total, count = np.zeros((2, samples.shape[1]))
    if engine.compiled is not None and is_narrow(samples.dtype):
        for columns, block in stretches(samples):
            engine.compiled.magnitudes(block, total[columns], count[columns])
        return total, count
    for rows, columns in tiles(samples):
        magnitude = np.abs(samples[rows, columns].astype(np.float64))
        finite = np.isfinite(magnitude)
        magnitude[~finite] = 0.0
        total[columns] += magnitude.sum(axis=0)
        count[columns] += np.count_nonzero(finite, axis=0)
    return total, count


def sum_moments(samples: Array) -> tuple[float, float, float, int]:
    """A pivot, sum and sum of squares of the finite samples less the pivot, and their number.

    The pivot is one of the samples, so that nearly equal ones keep their spread.

    Args:
      samples: of any shape.
    """
    pivot, total = 0.0, np.zeros(3)
    for slab in slabs(samples):
        for _, block in stretches(slab):
            flat = block.ravel(order="K")
            for start in range(0, flat.size, BLOCK_ELEMENTS):
                part = flat[start : start + BLOCK_ELEMENTS]
                if not total[2]:
                    finite = np.isfinite(part)
                    pivot = float(part[finite.argmax()]) if finite.any() else 0.0
                total += _moments_of_block(part, pivot)
    return pivot, float(total[0]), float(total[1]), int(total[2])


def _moments_of_block(block: NDArray[np.float32], pivot: float) -> tuple[float, float, float]:
    if engine.compiled is not None:
        first, second, count = engine.compiled.moments(block, pivot)
        return first, second, count
    wide = block.astype(np.float64)
    wide = wide[np.isfinite(wide)] - pivot
    return float(wide.sum()), float(np.einsum("i,i->", wide, wide)), float(wide.size)
