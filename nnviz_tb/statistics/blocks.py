"""Arrays of any dtype and layout, read in blocks that stay in cache and need no large copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.errors import StatsError

BLOCK_ELEMENTS = 1 << 16
"""256 KiB of float32 and 512 KiB of float64: both stay in a core's second-level cache."""

FLOAT32_MAX = float(np.finfo(np.float32).max)

Array = NDArray[Any]


def real_array(array: Any, name: str = "array") -> Array:
    """``array`` as NumPy, uncopied where it is NumPy already.

    Raises:
      StatsError: its elements are not real numbers.
    """
    values = np.asarray(array)
    kind = values.dtype.kind
    # bfloat16 and float8 of ml_dtypes call themselves void, but have a type of their own.
    extension = kind == "V" and values.dtype.type is not np.void
    if kind in "fiub" or extension:
        return values
    raise StatsError(f"{name} must hold real numbers, got dtype {values.dtype}")


def kernel_view(kernel: Any, name: str = "kernel") -> Array:
    """``kernel`` as ``[fan_in, neurons]``; ``[neurons]`` is taken as a fan-in of one.

    Raises:
      StatsError: it has another number of axes, or does not hold real numbers.
    """
    values = real_array(kernel, name)
    if values.ndim == 1:
        return values[np.newaxis]
    if values.ndim != 2:
        raise StatsError(f"{name} must be [fan_in, neurons], got shape {values.shape}")
    return values


def slabs(array: Array) -> Iterator[Array]:
    """Two-dimensional views that together are ``array``, each element once, none of them a copy."""
    if array.ndim == 2:
        yield array
    elif array.ndim < 2:
        yield array.reshape(-1, 1)
    elif array.flags.c_contiguous or array.flags.f_contiguous:
        yield array.ravel(order="K").reshape(-1, 1)
    else:
        for part in array:
            yield from slabs(part)


def tiles(kernel: Array, elements: int = BLOCK_ELEMENTS) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of blocks that cover ``[fan_in, neurons]`` and follow its memory."""
    rows, columns = kernel.shape
    if not kernel.size:
        return
    if rows_are_near(kernel):
        height = min(rows, elements)
        width = max(1, elements // height)
    else:
        width = min(columns, max(1, elements // 8))
        height = max(1, elements // width)
    for column in range(0, columns, width):
        for row in range(0, rows, height):
            yield slice(row, min(row + height, rows)), slice(column, min(column + width, columns))


def rows_are_near(kernel: Array) -> bool:
    """Whether the weights of one neuron lie closer together than those of one fan-in."""
    return abs(kernel.strides[0]) < abs(kernel.strides[1]) or kernel.shape[1] == 1


def is_narrow(dtype: np.dtype[Any]) -> bool:
    """Whether float32 holds every number of ``dtype`` exactly."""
    if dtype.kind in "iu":
        return dtype.itemsize <= 2
    return dtype.kind == "b" or dtype.itemsize <= (4 if dtype.kind == "f" else 2)


def is_plain_float32(array: Array) -> bool:
    """Whether compiled loops can read the array's numbers where they are."""
    # isnative: the buffer protocol says of a byte-swapped array that it is float32 all the same.
    return array.dtype.char == "f" and array.dtype.isnative and array.flags.aligned


def is_one_stretch(array: Array) -> bool:
    """Whether compiled loops can read the array's memory from its beginning to its end."""
    flags = array.flags
    return is_plain_float32(array) and (flags.c_contiguous or flags.f_contiguous)


def stretches(kernel: Array) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Columns of ``[fan_in, neurons]`` and float32 blocks of them, each in one stretch of memory.

    Args:
      kernel: rounded to float32 where it is of another dtype.
    """
    if is_one_stretch(kernel):
        yield slice(None), kernel
        return
    for rows, columns in tiles(kernel):
        yield columns, compact_float32(kernel[rows, columns])


def compact_float32(block: Array) -> NDArray[np.float32]:
    """``float32`` of the block's shape and order in memory, contiguous and aligned."""
    narrow = as_float32(block).astype(np.float32, copy=not block.flags.aligned)
    return np.asfortranarray(narrow) if rows_are_near(block) else np.ascontiguousarray(narrow)


def as_float32(block: Array) -> NDArray[np.float32]:
    """``float32`` of the block's shape, rounded; finite numbers stay finite."""
    if block.dtype == np.float32:
        return block.astype(np.float32, copy=False)
    if is_narrow(block.dtype):
        return block.astype(np.float32)
    with np.errstate(over="ignore"):
        narrow: NDArray[np.float32] = block.astype(np.float32)
    overflowed = np.isinf(narrow)
    if overflowed.any():
        # A finite number beyond float32's range must not be counted as infinite.
        overflowed &= np.isfinite(block)
        narrow[overflowed] = np.copysign(np.float32(FLOAT32_MAX), narrow[overflowed])
    return narrow
