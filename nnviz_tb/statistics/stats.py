"""Everything that is recorded of a kernel, of another array, and of what changed between two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import QUANTILES, SUMMARY_FIELDS
from nnviz_tb.errors import StatsError
from nnviz_tb.statistics import engine
from nnviz_tb.statistics.blocks import (
    Array,
    is_one_stretch,
    kernel_view,
    real_array,
    slabs,
    tiles,
)
from nnviz_tb.statistics.engine import ENGINE
from nnviz_tb.statistics.histogram import BUCKETS, FloatHistogram
from nnviz_tb.statistics.reduction import Sums, in_one_go, reduce_kernel

__all__ = [
    "ENGINE",
    "KernelStatistics",
    "array_statistics",
    "kernel_statistics",
    "neuron_norms",
    "ratio_of_squares",
    "relative_change",
    "squared_change",
    "statistics_of_sums",
]


EXACT_QUANTILES = 1024
"""Of up to so many numbers they are taken from the numbers themselves."""

_RANKS = np.array(QUANTILES)


@dataclass(frozen=True, eq=False)
class KernelStatistics:
    """What is recorded of one kernel; all but the histogram are over finite weights.

    Attributes:
      histogram: of all weights.
      summary: ``float64[len(SUMMARY_FIELDS)]`` over all weights. Quantiles of up to 1024 weights
        are exact, else they are the histogram's.
      norm, mean, std, minimum, maximum: ``float64[neurons]``. NaN for a neuron without a finite
        weight.
    """

    histogram: FloatHistogram
    summary: NDArray[np.float64]
    norm: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]


def kernel_statistics(kernel: Any) -> KernelStatistics:
    """Histogram, summary and per-neuron statistics of a kernel.

    Args:
      kernel: ``[fan_in, neurons]`` of any real dtype, strides and byte order; ``[neurons]`` is
        taken as a fan-in of one. It is neither copied nor kept.

    Raises:
      StatsError: another number of axes, or not real numbers.
    """
    view = kernel_view(kernel)
    described = _described(view)
    if described is not None:
        histogram, summary, neurons = described
        return KernelStatistics(histogram, summary, *neurons)
    return statistics_of_sums(reduce_kernel(view), view)


def statistics_of_sums(sums: Sums, kernel: Array | None = None) -> KernelStatistics:
    """The statistics of a kernel of which there are the sums.

    Args:
      sums: over all of it.
      kernel: itself, for exact quantiles where it is small; None when it does not lie here.
    """
    histogram, moments = sums.histogram(), sums.moments()
    totals = _total(sums.count, *moments)
    quantiles = histogram.quantile(QUANTILES) if kernel is None else _quantiles(histogram, kernel)
    summary = _summary_vector(histogram, totals, quantiles)
    return KernelStatistics(histogram, summary, *moments, *sums.extremes())


def array_statistics(array: Any) -> tuple[FloatHistogram, NDArray[np.float64]]:
    """The histogram of an array of any shape, and ``float64[len(SUMMARY_FIELDS)]`` about it.

    Raises:
      StatsError: it does not hold real numbers.
    """
    values = real_array(array)
    parts = list(slabs(values))
    described = _described(parts[0]) if len(parts) == 1 else None
    if described is not None:
        return described[:2]
    histogram = FloatHistogram.empty()
    columns = []
    for part in parts:
        sums = reduce_kernel(part)
        histogram = histogram.merge(sums.histogram())
        columns.append((sums.count, *sums.moments()))
    count, norm, mean, std = (np.concatenate(column) for column in zip(*columns, strict=True))
    totals = _total(count, norm, mean, std)
    return histogram, _summary_vector(histogram, totals, _quantiles(histogram, values))


def _described(
    view: Array,
) -> tuple[FloatHistogram, NDArray[np.float64], NDArray[np.float64]] | None:
    """Histogram, summary and the rows of :class:`KernelStatistics`, all from one compiled call.

    Of a small layer, NumPy would take longer to be called than to compute.
    """
    kernel = None if engine.compiled is None else in_one_go(view)
    if engine.compiled is None or kernel is None:
        return None
    counts = np.zeros(BUCKETS, np.int64)
    neurons = np.empty((5, kernel.shape[1]))
    summary = np.empty(len(SUMMARY_FIELDS))
    found = engine.compiled.describe(kernel, _RANKS, EXACT_QUANTILES, counts, neurons, summary)
    return FloatHistogram(counts, *found), summary, neurons


def neuron_norms(array: Any) -> NDArray[np.float64]:
    """``float64[neurons]`` norm of the finite entries of each column; NaN without any."""
    view = kernel_view(array, "array")
    described = _described(view)
    return reduce_kernel(view).moments()[0] if described is None else described[2][0]


def relative_change(new: Any, old: Any) -> tuple[NDArray[np.float64], float]:
    """``float64[neurons]`` of ‖new − old‖ / ‖old‖ by neuron, and the same over all of them.

    0 where nothing moved, even from zero. NaN where it is not defined: a neuron that left zero, or
    one with a weight that is not finite; the latter do not take part in the overall figure.

    Args:
      new, old: ``[fan_in, neurons]`` of one shape.

    Raises:
      StatsError: the shapes differ, or there is something other than real numbers.
    """
    return ratio_of_squares(*squared_change(new, old))


def squared_change(new: Any, old: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``float64[neurons]`` of ‖new − old‖² and of ‖old‖², which add up over parts of the weights.

    Args:
      new, old: ``[fan_in, neurons]`` of one shape.

    Raises:
      StatsError: as :func:`relative_change`.
    """
    after, before = kernel_view(new, "new"), kernel_view(old, "old")
    if after.shape != before.shape:
        raise StatsError(f"cannot compare kernels of shapes {after.shape} and {before.shape}")
    moved, length = np.zeros((2, after.shape[1]))
    with np.errstate(over="ignore", invalid="ignore"):
        if engine.compiled is not None and _in_one_order(after, before):
            engine.compiled.changes(after, before, moved, length)
        else:
            for rows, columns in tiles(after):
                start = before[rows, columns].astype(np.float64)
                change = after[rows, columns].astype(np.float64) - start
                moved[columns] += np.einsum("ij,ij->j", change, change)
                length[columns] += np.einsum("ij,ij->j", start, start)
    return moved, length


def ratio_of_squares(
    moved: NDArray[np.float64], length: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """What :func:`relative_change` gives, from the sums of :func:`squared_change`."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        finite = np.isfinite(moved) & np.isfinite(length)
        change = _ratio(moved, length)
        if not finite.all():
            change[~finite] = np.nan
            moved, length = moved[finite], length[finite]
        far, long = float(moved.sum()), float(length.sum())
    if far == 0.0:
        return change, 0.0
    return change, math.sqrt(far / long) if long > 0.0 else math.nan


def _in_one_order(a: Array, b: Array) -> bool:
    """Whether two arrays of one shape are float32 laid out alike in one stretch of memory."""
    return is_one_stretch(a) and is_one_stretch(b) and a.strides == b.strides


def _ratio(moved: NDArray[np.float64], length: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square root of a quotient of squares; 0/0 is 0, x/0 is NaN."""
    ratio: NDArray[np.float64] = np.sqrt(moved / length)
    from_zero = length == 0.0
    if from_zero.any():
        ratio[from_zero] = np.where(moved[from_zero] == 0.0, 0.0, np.nan)
    return ratio


def _quantiles(histogram: FloatHistogram, array: Array) -> NDArray[np.float64]:
    if not 0 < array.size <= EXACT_QUANTILES:
        return histogram.quantile(QUANTILES)
    values = np.sort(array.astype(np.float64), axis=None)
    values = values[np.isfinite(values)]
    if not values.size:
        return np.full(len(QUANTILES), np.nan)
    ranks = np.multiply(QUANTILES, values.size - 1)
    quantiles: NDArray[np.float64] = np.interp(ranks, np.arange(values.size), values)
    return quantiles


def _total(
    count: NDArray[np.int64],
    norm: NDArray[np.float64],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Mean, standard deviation and norm over all neurons, from those of each."""
    known = count > 0
    total = float(count.sum())
    if not total:
        return math.nan, math.nan, math.nan
    if not known.all():
        count, norm, mean, std = count[known], norm[known], mean[known], std[known]
    overall = float((count * (mean / total)).sum())
    spread = np.hypot(std, mean - overall) * np.sqrt(count / total)
    with np.errstate(over="ignore"):
        return overall, _length(spread), _length(norm)


def _length(values: NDArray[np.float64]) -> float:
    """Euclidean norm, safe from overflow and underflow."""
    largest = float(values.max())
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    scaled = values / largest
    return largest * math.sqrt(float(scaled @ scaled))


def _summary_vector(
    histogram: FloatHistogram,
    totals: tuple[float, float, float],
    quantiles: NDArray[np.float64],
) -> NDArray[np.float64]:
    summary = np.empty(len(SUMMARY_FIELDS))
    summary[: len(QUANTILES)] = quantiles
    summary[len(QUANTILES) :] = (
        *totals,
        histogram.count,
        histogram.zero_count,
        histogram.nan_count,
        histogram.posinf_count,
        histogram.neginf_count,
    )
    return summary
