"""A histogram whose borders never change: the leading bits of the float are the bucket.

The upper 12 bits of a float32 (sign, eight of exponent, three of mantissa) number 4096 buckets,
eight in every octave of both signs. No pass over the data is needed to find a range, and counts of
other blocks, threads, steps and machines add up exactly, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnviz_tb.statistics import engine

BUCKETS = 4096
SHIFT = 20
"""Bits of the float32 that a bucket leaves open."""

POSITIVE_INFINITY_BUCKET = 0x7F8
NAN_BUCKET = 0x7FC
NEGATIVE_BUCKETS = 0x800
NEGATIVE_INFINITY_BUCKET = 0xFF8


def _finite_borders() -> NDArray[np.float64]:
    """``float64[0x7F9]`` lower borders of the buckets of positive numbers, ending at 2**128."""
    bits = (np.arange(POSITIVE_INFINITY_BUCKET, dtype=np.uint32) << SHIFT).view(np.float32)
    return np.append(bits.astype(np.float64), 2.0**128)


_BORDERS = _finite_borders()
_LEFT, _RIGHT = (np.full(BUCKETS, np.nan) for _ in range(2))
_LEFT[:POSITIVE_INFINITY_BUCKET], _RIGHT[:POSITIVE_INFINITY_BUCKET] = _BORDERS[:-1], _BORDERS[1:]
_LEFT[NEGATIVE_BUCKETS:NEGATIVE_INFINITY_BUCKET] = -_BORDERS[1:]
_RIGHT[NEGATIVE_BUCKETS:NEGATIVE_INFINITY_BUCKET] = -_BORDERS[:-1]
"""Borders of each bucket; NaN for what is not finite."""

_SIGNS = np.array([POSITIVE_INFINITY_BUCKET, NEGATIVE_BUCKETS, NEGATIVE_INFINITY_BUCKET])


@dataclass(frozen=True, eq=False)
class FloatHistogram:
    """Counts of numbers by the leading bits of their float32.

    Attributes:
      counts: ``int64[4096]`` by ``float32 bits >> 20``. Finite numbers beyond float32's range are
        in the outermost finite bucket of their sign; every NaN is in bucket 0x7FC.
      zero_count: how many numbers are exactly zero, of either sign.
      nan_count, posinf_count, neginf_count: how many are not finite, by kind.
      minimum, maximum: over the finite numbers, exact; NaN where there are none.
    """

    counts: NDArray[np.int64]
    zero_count: int
    nan_count: int
    posinf_count: int
    neginf_count: int
    minimum: float
    maximum: float

    @classmethod
    def empty(cls) -> FloatHistogram:
        """The histogram of no numbers, which changes nothing when merged."""
        return cls(np.zeros(BUCKETS, np.int64), 0, 0, 0, 0, float("nan"), float("nan"))

    @property
    def count(self) -> int:
        """How many numbers, finite or not."""
        return int(self.counts.sum())

    @property
    def finite_count(self) -> int:
        """How many numbers are neither NaN nor infinite."""
        return self.count - self.nan_count - self.posinf_count - self.neginf_count

    def merge(self, other: FloatHistogram) -> FloatHistogram:
        """The histogram of both sets of numbers together: exact, in any order."""
        return FloatHistogram(
            self.counts + other.counts,
            self.zero_count + other.zero_count,
            self.nan_count + other.nan_count,
            self.posinf_count + other.posinf_count,
            self.neginf_count + other.neginf_count,
            float(np.fmin(self.minimum, other.minimum)),
            float(np.fmax(self.maximum, other.maximum)),
        )

    def intervals(self, limit: int = 64) -> NDArray[np.float64]:
        """``float64[k, 3]`` left, right, count of ``k <= limit`` neighbouring intervals.

        What TensorBoard's ``histograms`` plugin stores. Borders ascend and touch; the first is the
        minimum, the last the maximum; counts add up to :attr:`finite_count`. Equal numbers make
        one interval of no width; no finite numbers make ``[0, 3]``.

        Neighbouring buckets are joined so that no interval but a single bucket holds much more
        than ``2 / limit`` of the numbers or spans much more than ``2 / limit`` of the range: the
        bulk stays sharp when there are outliers, and the outliers keep their place.
        """
        limit = max(1, min(limit, 2 * BUCKETS))
        if engine.compiled is not None:
            table = np.empty((limit, 3))
            rows = engine.compiled.intervals(self.counts, self.minimum, self.maximum, limit, table)
            return table[:rows]
        left, right, counts = self._contiguous()
        if not counts.size:
            return np.zeros((0, 3))
        if counts.size > limit:
            width = right - left
            span = self.maximum - self.minimum
            score = counts / counts.sum() + width / (span if span > 0.0 else 1.0)
            part = np.ceil(np.cumsum(score) * (limit / 2.0) - 1e-9)
            # A part ends with the bucket that carries the sum over its border.
            starts = np.flatnonzero(np.diff(np.clip(part, 1, limit), prepend=-1))
            left, counts = left[starts], np.add.reduceat(counts, starts)
            right = np.append(left[1:], right[-1])
        return np.stack([left, right, counts.astype(np.float64)], axis=1)

    def quantile(self, q: ArrayLike) -> NDArray[np.float64]:
        """``float64[...]`` of ``q``'s shape: quantiles of the finite numbers; NaN without any.

        Exact at 0 and 1; between them linear inside a bucket, so at most one bucket's width, an
        eighth of the octave's lower border, away from the number of that rank.
        """
        ranks = np.asarray(q, dtype=np.float64)
        left, right, counts = self._occupied()
        if not counts.size:
            return np.full(ranks.shape, np.nan)
        above = np.cumsum(counts)
        # Rank r of n numbers is at r·(n − 1), as np.quantile has it; the numbers of a bucket are
        # taken to stand in the middles of as many equal cells.
        rank = ranks * (above[-1] - 1.0)
        bucket = np.minimum(np.searchsorted(above, rank, side="right"), counts.size - 1)
        inside = (rank - (above[bucket] - counts[bucket]) + 0.5) / counts[bucket]
        inside = np.minimum(inside, 1.0)
        value = left[bucket] + inside * (right[bucket] - left[bucket])
        value = np.where(ranks <= 0.0, self.minimum, np.where(ranks >= 1.0, self.maximum, value))
        return np.asarray(value)

    def _occupied(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Borders and counts of the buckets that hold a number, ascending."""
        bucket = np.flatnonzero(self.counts)
        positive, negative, end = np.searchsorted(bucket, _SIGNS)
        bucket = np.concatenate([bucket[negative:end][::-1], bucket[:positive]])
        if not bucket.size:
            return np.zeros(0), np.zeros(0), self.counts[:0]
        # Clipping, because a float64 may round into a bucket that it is just outside of.
        left = np.minimum(np.maximum(_LEFT[bucket], self.minimum), self.maximum)
        right = np.minimum(np.maximum(_RIGHT[bucket], self.minimum), self.maximum)
        left[0], right[-1] = self.minimum, self.maximum
        return left, right, self.counts[bucket]

    def _contiguous(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Borders and counts from the minimum's bucket to the maximum's; gaps hold none."""
        left, right, counts = self._occupied()
        gaps = np.flatnonzero(left[1:] > right[:-1]) + 1
        if not gaps.size:
            return left, right, counts
        left, right = np.insert(left, gaps, right[gaps - 1]), np.insert(right, gaps, left[gaps])
        return left, right, np.insert(counts, gaps, 0)
