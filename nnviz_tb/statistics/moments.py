"""Mean and spread of many samples, where nothing else about them is wanted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnviz_tb.definitions import SUMMARY_FIELDS
from nnviz_tb.statistics import passes
from nnviz_tb.statistics.blocks import is_narrow, real_array, slabs, tiles
from nnviz_tb.statistics.stats import array_statistics

_MEAN, _STD = SUMMARY_FIELDS.index("mean"), SUMMARY_FIELDS.index("std")
_SMALLEST_SQUARE = 1e-280


def mean_and_std(samples: Any) -> tuple[float, float]:
    """Mean and population standard deviation of the finite samples; NaN where there are none.

    Args:
      samples: real numbers of any shape and dtype; at most a block of them is copied at a time.

    Raises:
      StatsError: the samples are not real numbers.
    """
    values = real_array(samples, "samples")
    if is_narrow(values.dtype):
        return _of_float32(*passes.sum_moments(values))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mean, square = math.nan, 0.0
        if values.size:
            mean = _total(values, 0.0, 1) / values.size
        if math.isfinite(mean):
            square = _total(values, mean, 2)
        if _SMALLEST_SQUARE < square < math.inf:
            return mean, math.sqrt(square / values.size)
    # Something is not finite, nothing differs, or squares are beyond float64: the careful way.
    _, summary = array_statistics(values)
    return float(summary[_MEAN]), float(summary[_STD])


def _of_float32(pivot: float, first: float, second: float, count: int) -> tuple[float, float]:
    if not count:
        return math.nan, math.nan
    shift = first / count
    return pivot + shift, math.sqrt(max(second / count - shift * shift, 0.0))


def _total(values: Any, centre: float, power: int) -> float:
    total = 0.0
    for slab in slabs(values):
        for rows, columns in tiles(slab):
            block = slab[rows, columns].astype(np.float64)
            if power == 1:
                total += float(block.sum())
            else:
                block -= centre
                total += float(np.einsum("ij,ij->", block, block))
    return total
