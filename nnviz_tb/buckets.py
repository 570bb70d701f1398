"""The borders in which inputs and outputs of activations are counted.

A bucket is a small floating-point number with gradual underflow (IEEE 754-2019, section 3.4, with
fewer bits): ``2**MANTISSA_BITS`` equal buckets in every octave, and equal buckets of the smallest
width below ``2**MIN_EXPONENT``. The borders are constants, so counts of other steps, batches,
devices and runs add up, no pass over the data is needed to find a range, and the picture on a
linear axis has no hole around zero as a purely logarithmic one has.

Bucket ``b >= 0`` holds ``edge(b) <= x < edge(b + 1)``; bucket ``-1 - b`` holds the mirror image
``-edge(b + 1) < x <= -edge(b)`` of the negative numbers; zero of either sign is in bucket 0. The
outermost bucket of each sign is open and ends at infinity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MANTISSA_BITS = 4
MIN_EXPONENT = -3
BUCKETS_PER_SIGN = 256
"""16 octaves, from 2**-3 up to 2**12, of 16 buckets each, the first of them the linear one."""

_PER_OCTAVE = 1 << MANTISSA_BITS
_FLOAT32_MANTISSA_BITS = 23
_SHIFT = _FLOAT32_MANTISSA_BITS - MANTISSA_BITS
_FIRST_NORMAL = (127 + MIN_EXPONENT) << MANTISSA_BITS


def bucket_of(values: NDArray[np.float32]) -> NDArray[np.int32]:
    """``int32`` bucket of each finite value, same shape; what NaN and infinity give is undefined.

    Args:
      values: float32 of any shape.
    """
    magnitude = np.abs(values)
    # Scaling by a power of two is exact, so flooring puts every value on its side of the border.
    linear = np.minimum(magnitude, np.float32(2.0**MIN_EXPONENT)) * np.float32(
        2.0 ** (MANTISSA_BITS - MIN_EXPONENT)
    )
    normal = (magnitude.view(np.int32) >> _SHIFT) - _FIRST_NORMAL + _PER_OCTAVE
    bucket = np.where(magnitude < np.float32(2.0**MIN_EXPONENT), linear.astype(np.int32), normal)
    np.minimum(bucket, BUCKETS_PER_SIGN - 1, out=bucket)
    return np.where(values < 0, -1 - bucket, bucket).astype(np.int32, copy=False)


def edges(first: int, count: int, level: int = 0) -> NDArray[np.float64]:
    """``float64[count + 1]`` ascending borders of the buckets ``first .. first + count - 1``.

    Args:
      first: the lowest bucket, negative for negative numbers.
      count: how many neighbouring buckets.
      level: how many times neighbours were merged in pairs; bucket ``b`` of a level holds the
        buckets ``b << level`` to ``((b + 1) << level) - 1`` of level 0.

    The open outermost buckets are given their finite border as if they were closed.
    """
    index = np.arange(first, first + count + 1, dtype=np.int64) << level
    borders: NDArray[np.float64] = np.sign(index) * _positive_edge(np.abs(index))
    return borders


def _positive_edge(index: NDArray[np.int64]) -> NDArray[np.float64]:
    octave, fraction = np.divmod(index, _PER_OCTAVE)
    linear = index * 2.0 ** (MIN_EXPONENT - MANTISSA_BITS)
    normal = (1.0 + fraction / _PER_OCTAVE) * 2.0 ** (MIN_EXPONENT + octave - 1.0)
    return np.where(octave == 0, linear, normal)
