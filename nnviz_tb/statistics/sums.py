"""Sums over a kernel, neuron by neuron, while it is being read, and what they come to."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.statistics.histogram import (
    BUCKETS,
    NAN_BUCKET,
    NEGATIVE_BUCKETS,
    NEGATIVE_INFINITY_BUCKET,
    POSITIVE_INFINITY_BUCKET,
    FloatHistogram,
)

POSITIVE_NONFINITE = slice(POSITIVE_INFINITY_BUCKET, NEGATIVE_BUCKETS)
NEGATIVE_NONFINITE = slice(NEGATIVE_INFINITY_BUCKET, BUCKETS)
"""Buckets of one sign whose numbers are infinite, or none."""


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


def sort_out_nonfinite(
    counts: NDArray[np.int64], nan_count: int, posinf_count: int, neginf_count: int
) -> None:
    """Gathers every NaN, whatever its payload, in one bucket."""
    counts[POSITIVE_NONFINITE] = counts[NEGATIVE_NONFINITE] = 0
    counts[NAN_BUCKET] = nan_count
    counts[POSITIVE_INFINITY_BUCKET] = posinf_count
    counts[NEGATIVE_INFINITY_BUCKET] = neginf_count
