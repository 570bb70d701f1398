"""The fan around a layer's neurons: quantiles over the finite values of every step. Pure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import QUANTILES

Array = NDArray[Any]

_SHARED_VALUES = 1 << 20
"""From so many values on half of them are sorted in another thread: NumPy lets go of the
interpreter, and sorting is what takes longest of a wide layer that is asked for the first time."""

_BLOCK_VALUES = 1 << 17
"""So many are sorted at a time, in memory that stays in the cache."""


def finite_quantiles(values: Array) -> NDArray[np.float32]:
    """``float32[9, steps]`` quantiles over the finite ones of ``values`` at each step.

    Linear between neighbours (Hyndman & Fan's type 7); NaN where no value is finite.

    Args:
      values: ``float32[steps, neurons]``.

    Source: Hyndman & Fan, "Sample Quantiles in Statistical Packages" (1996).
    """
    steps, neurons = values.shape
    result = np.full((len(QUANTILES), steps), np.nan, np.float32)
    if not neurons:
        return result
    if values.size < _SHARED_VALUES:
        _fill(result, values)
        return result
    middle = steps // 2
    with ThreadPoolExecutor(1, "nnviz-quantiles") as beside:
        rest = beside.submit(_fill, result[:, middle:], values[middle:])
        _fill(result[:, :middle], values[:middle])
        rest.result()
    return result


def _fill(result: Array, values: Array) -> None:
    rows = max(1, _BLOCK_VALUES // values.shape[1])
    for start in range(0, values.shape[0], rows):
        block = values[start : start + rows]
        result[:, start : start + rows] = _of_block(np.sort(block, axis=1))


def _of_block(ordered: Array) -> Array:
    """``float64[9, steps]`` of sorted rows: -Inf first, then numbers, +Inf, NaN."""
    count, width = ordered.shape
    counts = np.full(count, width)
    odd = np.flatnonzero(~np.isfinite(ordered[:, 0]) | ~np.isfinite(ordered[:, -1]))
    if odd.size:
        rest = np.where(np.isfinite(ordered[odd]), ordered[odd], np.float32(np.nan))
        rest.sort(axis=1)  # NaN last
        ordered[odd] = rest
        counts[odd] -= np.isnan(rest).sum(axis=1)
    last = np.maximum(counts - 1, 0)
    places = last * np.array(QUANTILES)[:, np.newaxis]
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, last)
    steps = np.arange(count)
    low = ordered[steps, below].astype(np.float64)
    high = ordered[steps, above].astype(np.float64)
    quantiles: Array = low + (high - low) * (places - below)
    return quantiles
