"""Everything that is recorded of a kernel, from one pass over it in cache-sized blocks.

Sums are taken in float64 around each neuron's first finite weight. Because that pivot is itself
one of the weights, neither the norm nor the standard deviation can cancel: their relative error is
at most about fan_in · 2⁻⁵³, for outliers and for nearly constant neurons alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.blocks import Array, as_float32, is_narrow, kernel_view, real_array, slabs, tiles
from nnviz_tb.definitions import QUANTILES, SUMMARY_FIELDS
from nnviz_tb.errors import StatsError
from nnviz_tb.histogram import (
    BUCKETS,
    NAN_BUCKET,
    NEGATIVE_BUCKETS,
    NEGATIVE_INFINITY_BUCKET,
    POSITIVE_INFINITY_BUCKET,
    SHIFT,
    FloatHistogram,
)

ENGINE = "numpy"
"""Which path computes the statistics: ``numpy``, or ``c`` when the extension was built."""

_LARGEST_SQUARE = 2.0**500
_SMALLEST_SQUARE = 2.0**-480


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
    sums = _reduce(view)
    norm, mean, std = sums.moments()
    return KernelStatistics(
        sums.histogram(), _summary(view, sums), norm, mean, std, *sums.extremes()
    )


def array_statistics(array: Any) -> tuple[FloatHistogram, NDArray[np.float64]]:
    """The histogram of an array of any shape, and ``float64[len(SUMMARY_FIELDS)]`` about it.

    Raises:
      StatsError: it does not hold real numbers.
    """
    values = real_array(array)
    parts = [(part, _reduce(part)) for part in slabs(values)]
    if len(parts) == 1:
        return parts[0][1].histogram(), _summary(*parts[0])
    histogram = FloatHistogram.empty()
    for _, sums in parts:
        histogram = histogram.merge(sums.histogram())
    columns = [sums.columns() for _, sums in parts] or [(np.zeros(0),) * 4]
    totals = _total(*(np.concatenate(column) for column in zip(*columns, strict=True)))
    return histogram, _summary_vector(histogram, totals, _quantiles(histogram, values))


def neuron_norms(array: Any) -> NDArray[np.float64]:
    """``float64[neurons]`` norm of the finite entries of each column; NaN without any."""
    return kernel_statistics(array).norm


def relative_change(new: Any, old: Any) -> tuple[NDArray[np.float64], float]:
    """``float64[neurons]`` of ‖new − old‖ / ‖old‖ by neuron, and the same over all of them.

    0 where nothing moved, even from zero. NaN where it is not defined: a neuron that left zero, or
    one with a weight that is not finite; the latter do not take part in the overall figure.

    Args:
      new, old: ``[fan_in, neurons]`` of one shape.

    Raises:
      StatsError: the shapes differ, or there is something other than real numbers.
    """
    after, before = kernel_view(new, "new"), kernel_view(old, "old")
    if after.shape != before.shape:
        raise StatsError(f"cannot compare kernels of shapes {after.shape} and {before.shape}")
    moved, length = (np.zeros(after.shape[1]) for _ in range(2))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows, columns in tiles(after):
            start = before[rows, columns].astype(np.float64)
            change = after[rows, columns].astype(np.float64) - start
            moved[columns] += np.einsum("ij,ij->j", change, change)
            length[columns] += np.einsum("ij,ij->j", start, start)
        finite = np.isfinite(moved) & np.isfinite(length)
        total = _ratio(moved[finite].sum(keepdims=True), length[finite].sum(keepdims=True))
        return np.where(finite, _ratio(moved, length), np.nan), float(total[0])


def _ratio(moved: NDArray[np.float64], length: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square root of a quotient of squares; 0/0 is 0, x/0 is NaN."""
    known = np.where(length > 0.0, length, np.nan)
    return np.asarray(np.where(moved == 0.0, 0.0, np.sqrt(moved / known)))


class _Sums:
    """Sums over a kernel, neuron by neuron, while it is being read."""

    def __init__(self, neurons: int, scale: float) -> None:
        self.scale = scale
        self.pivot = np.zeros(neurons)
        self.count = np.zeros(neurons, np.int64)
        self.first = np.zeros(neurons)
        self.second = np.zeros(neurons)
        self.low = np.full(neurons, np.inf)
        self.high = np.full(neurons, -np.inf)
        self.counts = np.zeros(BUCKETS, np.int64)
        self.zero_count = 0

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
        unscale = 1.0 / self.scale
        with np.errstate(over="ignore"):  # a norm of doubles may itself be beyond float64
            return norm * unscale, (self.pivot + shift) * unscale, np.sqrt(variance) * unscale

    def columns(self) -> tuple[NDArray[np.float64], ...]:
        """Count, norm, mean and standard deviation of each neuron, for totals."""
        return (self.count.astype(np.float64), *self.moments())

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


def _reduce(kernel: Array, scale: float = 1.0) -> _Sums:
    """All sums over ``[fan_in, neurons]``."""
    sums = _Sums(kernel.shape[1], scale)
    if not kernel.size:
        return sums
    sums.pivot = _pivots(kernel) * scale
    for rows, columns in tiles(kernel):
        _add_block(sums, kernel[rows, columns], columns)
    if scale == 1.0 and not is_narrow(kernel.dtype) and sums.count.any():
        # Squares of very large or very small float64 do not exist: scale by a power of two.
        largest = max(-float(sums.low.min()), float(sums.high.max()))
        if largest > _LARGEST_SQUARE or 0.0 < largest < _SMALLEST_SQUARE:
            exponent = max(-1000, min(1000, -math.frexp(largest)[1]))
            return _reduce(kernel, 2.0**exponent)
    return sums


def _pivots(kernel: Array) -> NDArray[np.float64]:
    """``float64[neurons]`` first finite weight of each neuron, 0 where there is none."""
    pivot: NDArray[np.float64] = kernel[0].astype(np.float64)
    missing = np.flatnonzero(~np.isfinite(pivot))
    pivot[missing] = 0.0
    row, height = 1, 1
    while missing.size and row < kernel.shape[0]:
        block = kernel[row : row + height][:, missing].astype(np.float64)
        finite = np.isfinite(block)
        found = finite.any(axis=0)
        pivot[missing[found]] = block[finite.argmax(axis=0), np.arange(missing.size)][found]
        missing = missing[~found]
        row, height = row + height, min(2 * height, 1024)
    return pivot


def _add_block(sums: _Sums, block: Array, columns: slice) -> None:
    narrow = as_float32(block)
    bucket = narrow.view(np.uint32) >> SHIFT
    counts = np.bincount(bucket.ravel(), minlength=BUCKETS)
    if counts[0] or counts[NEGATIVE_BUCKETS]:
        sums.zero_count += block.size - int(np.count_nonzero(block))
    positive = slice(POSITIVE_INFINITY_BUCKET, NEGATIVE_BUCKETS)
    negative = slice(NEGATIVE_INFINITY_BUCKET, BUCKETS)
    wide = narrow if is_narrow(block.dtype) else block.astype(np.float64)
    count: Any = block.shape[0]
    low = high = wide
    if sums.scale != 1.0:
        wide = wide * sums.scale
    with np.errstate(over="ignore", invalid="ignore"):
        centred = np.subtract(wide, sums.pivot[columns], dtype=np.float64)
    if counts[positive].any() or counts[negative].any():
        finite = np.isfinite(narrow)
        centred[~finite] = 0.0
        low, high = np.where(finite, low, np.inf), np.where(finite, high, -np.inf)
        count = np.count_nonzero(finite, axis=0)
        nan_count = int(np.count_nonzero(np.isnan(narrow)))
        counts[negative.start] = counts[negative].sum() + counts[positive].sum() - nan_count
        posinf_count = int(np.count_nonzero(narrow == np.inf))
        counts[negative.start] -= posinf_count
        counts[negative.start + 1 :] = 0
        counts[positive] = 0
        counts[POSITIVE_INFINITY_BUCKET], counts[NAN_BUCKET] = posinf_count, nan_count
    sums.counts += counts
    sums.count[columns] += count
    with np.errstate(over="ignore"):
        sums.first[columns] += np.add.reduce(centred, axis=0)
        sums.second[columns] += np.einsum("ij,ij->j", centred, centred)
    sums.low[columns] = np.minimum(sums.low[columns], np.minimum.reduce(low, axis=0))
    sums.high[columns] = np.maximum(sums.high[columns], np.maximum.reduce(high, axis=0))


_EXACT_QUANTILES = 1024


def _quantiles(histogram: FloatHistogram, array: Array) -> NDArray[np.float64]:
    if not 0 < array.size <= _EXACT_QUANTILES:
        return histogram.quantile(QUANTILES)
    values = np.sort(array.astype(np.float64), axis=None)
    values = values[np.isfinite(values)]
    if not values.size:
        return np.full(len(QUANTILES), np.nan)
    ranks = np.multiply(QUANTILES, values.size - 1)
    quantiles: NDArray[np.float64] = np.interp(ranks, np.arange(values.size), values)
    return quantiles


def _total(
    count: NDArray[np.float64],
    norm: NDArray[np.float64],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Mean, standard deviation and norm over all neurons, from those of each."""
    known = count > 0
    total = float(count.sum())
    if not total:
        return math.nan, math.nan, math.nan
    count, mean, std = count[known], mean[known], std[known]
    overall = float((count * (mean / total)).sum())
    spread = np.hypot(std, mean - overall) * np.sqrt(count / total)
    with np.errstate(over="ignore"):
        return overall, _length(spread), _length(norm[known])


def _length(values: NDArray[np.float64]) -> float:
    """Euclidean norm, safe from overflow and underflow."""
    largest = float(values.max())
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    scaled = values / largest
    return largest * math.sqrt(float(scaled @ scaled))


def _summary(array: Array, sums: _Sums) -> NDArray[np.float64]:
    histogram = sums.histogram()
    return _summary_vector(histogram, _total(*sums.columns()), _quantiles(histogram, array))


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
