"""Sums over parts of a kernel, put together in float64 to the sums over all of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.adapters.jax.reduction import Block, Neurons, as_numbers
from nnviz_tb.statistics.histogram import BUCKETS
from nnviz_tb.statistics.reduction import Sums

Columns = slice | NDArray[np.int64]

_FARTHEST_EXPONENT = 400
"""Squares of numbers within 2**±400 are float64; farther out they are scaled."""


@dataclass(frozen=True, eq=False)
class PartialSums:
    """Of some rows of some neurons; see :class:`nnviz_tb.adapters.jax.reduction.Neurons`.

    Attributes:
      columns: which neurons.
      exponent: ``int64``, of the power of two that pivot and sums are to be multiplied by.
      low, high: smallest and largest as float64; infinite where there is no finite weight.
    """

    columns: Columns
    count: NDArray[np.int64]
    exponent: NDArray[np.int64]
    pivot: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def of_sums(sums: Sums, columns: Columns) -> PartialSums:
    """What the package's own reduction found out about a part."""
    exponent = np.full(sums.pivot.size, 1 - math.frexp(sums.scale)[1], np.int64)
    return PartialSums(
        columns,
        sums.count,
        exponent,
        sums.pivot,
        sums.first,
        sums.second,
        sums.low,
        sums.high,
    )


def of_neurons(neurons: Neurons, dtype: Any, columns: Columns = slice(None)) -> PartialSums:
    """What a device found out about a part of weights of this dtype, as it came to the host."""
    count = np.asarray(neurons.count, np.int64)
    low, high = (as_numbers(np.asarray(bits), dtype) for bits in (neurons.low, neurons.high))
    return PartialSums(
        columns,
        count,
        np.asarray(neurons.exponent, np.int64),
        np.asarray(neurons.pivot, np.float64),
        np.asarray(neurons.first, np.float64),
        np.asarray(neurons.second, np.float64),
        np.where(count > 0, low, np.inf),
        np.where(count > 0, high, -np.inf),
    )


def rows_of(neurons: Neurons, dtype: Any) -> list[PartialSums]:
    """The same of ``[parts, neurons]``, where each part has some rows of all neurons."""
    parts = neurons.count.shape[0]
    return [
        of_neurons(Neurons(*(field[part] for field in neurons)), dtype) for part in range(parts)
    ]


def counts_of(block: Block) -> tuple[NDArray[np.int64], int]:
    """Numbers in each bucket, and how many are zero, from their halves."""
    low, high = np.asarray(block.counts, np.int64)
    zero_low, zero_high = np.asarray(block.zero_count, np.int64).tolist()
    return low + (high << 16), zero_low + (zero_high << 16)


def put_together(
    neurons: int, parts: Iterable[PartialSums], counts: NDArray[np.int64], zero_count: int
) -> Sums:
    """The sums over all parts.

    Args:
      neurons: of the kernel.
      parts: together, every weight once.
      counts, zero_count: over all of them.

    Source: Chan, Golub & LeVeque (1979), with sums about any pivot in place of the mean.
    """
    parts = list(parts)
    far = max((_farthest(part) for part in parts), default=0)
    scale = 2.0 ** -max(-1000, min(1000, far)) if abs(far) > _FARTHEST_EXPONENT else 1.0
    pivot, known = np.zeros(neurons), np.zeros(neurons, bool)
    shifted = [(part, *_scaled(part, scale)) for part in parts]
    for part, centre, _, _ in shifted:
        # Any of the pivots will do: all are among the neuron's weights.
        new = (part.count > 0) & ~known[part.columns]
        pivot[part.columns] = np.where(new, centre, pivot[part.columns])
        known[part.columns] |= new
    sums = Sums(pivot, scale)
    for part, centre, first, second in shifted:
        at, off = part.columns, centre - pivot[part.columns]
        n = part.count.astype(np.float64)
        off = np.where(n > 0, off, 0.0)
        sums.count[at] += part.count
        sums.first[at] += first + n * off
        sums.second[at] += second + off * (2.0 * first + n * off)
        sums.low[at] = np.minimum(sums.low[at], part.low)
        sums.high[at] = np.maximum(sums.high[at], part.high)
    sums.counts = np.zeros(BUCKETS, np.int64) + counts
    sums.zero_count = zero_count
    return sums


def _farthest(part: PartialSums) -> int:
    exponents = part.exponent[part.count > 0]
    return int(exponents[np.abs(exponents).argmax()]) if exponents.size else 0


def _scaled(part: PartialSums, scale: float) -> tuple[Any, Any, Any]:
    power = np.ldexp(scale, np.where(part.count > 0, part.exponent, 0))
    return part.pivot * power, part.first * power, part.second * power * power
