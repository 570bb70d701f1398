"""What reached a layer's activation, and what left it: bucket counts and figures per neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnviz_tb import buckets
from nnviz_tb.errors import StatsError
from nnviz_tb.schema import DENSITY_HEADER_LENGTH
from nnviz_tb.statistics import passes
from nnviz_tb.statistics.blocks import BLOCK_ELEMENTS, kernel_view, real_array

MAX_LEVEL = 8
"""At this merge level one bucket of each sign is left."""

_INT32_MAX = int(np.iinfo(np.int32).max)


class ZoneLimits(Protocol):
    """Tails of an activation: ``x <= below`` and ``x >= above``; NaN where there is none."""

    @property
    def dead_below(self) -> float: ...
    @property
    def dead_above(self) -> float: ...
    @property
    def saturated_below(self) -> float: ...
    @property
    def saturated_above(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Density:
    """Counts of neighbouring buckets of :mod:`nnviz_tb.buckets`.

    Attributes:
      level: how many times buckets were merged in pairs, 0 to :data:`MAX_LEVEL`.
      nan_count, posinf_count, neginf_count: samples that are in no bucket.
      first: the lowest bucket with a sample, 0 when there is none.
      counts: ``int64[n]`` of the buckets ``first .. first + n - 1``, both ends not empty; empty
        without finite samples.
    """

    level: int
    nan_count: int
    posinf_count: int
    neginf_count: int
    first: int
    counts: NDArray[np.int64]

    @property
    def finite_count(self) -> int:
        """Samples that are in a bucket."""
        return int(self.counts.sum())

    @property
    def count(self) -> int:
        """All samples."""
        return self.finite_count + self.nan_count + self.posinf_count + self.neginf_count

    def at_level(self, level: int) -> Density:
        """The same samples in buckets merged up to ``level``.

        Raises:
          StatsError: ``level`` is finer than these buckets are, or beyond :data:`MAX_LEVEL`.
        """
        if not self.level <= level <= MAX_LEVEL:
            raise StatsError(f"level must be {self.level} to {MAX_LEVEL}, got {level}")
        if level == self.level or not self.counts.size:
            return self._with(level, self.first, self.counts)
        merged = (self.first + np.arange(self.counts.size)) >> (level - self.level)
        starts = np.flatnonzero(np.diff(merged, prepend=merged[0] - 1))
        return self._with(level, int(merged[0]), np.add.reduceat(self.counts, starts))

    def merge(self, other: Density) -> Density:
        """The density of both sets of samples, at the coarser of the two levels: exact."""
        level = max(self.level, other.level)
        parts = [part for part in (self.at_level(level), other.at_level(level)) if part.counts.size]
        first = min((part.first for part in parts), default=0)
        stop = max((part.first + part.counts.size for part in parts), default=first)
        counts = np.zeros(stop - first, np.int64)
        for part in parts:
            counts[part.first - first : part.first - first + part.counts.size] += part.counts
        return Density(
            level,
            self.nan_count + other.nan_count,
            self.posinf_count + other.posinf_count,
            self.neginf_count + other.neginf_count,
            first,
            counts,
        )

    def to_row(self, max_bytes: int) -> NDArray[np.int32]:
        """``int32[5 + n]`` of the ``density`` series, of at most ``max_bytes``.

        Buckets are merged in pairs until they fit. A count beyond int32 is stored as the largest
        int32.

        Raises:
          StatsError: ``max_bytes`` is too small for the coarsest density.
        """
        smallest = 4 * (DENSITY_HEADER_LENGTH + 2)
        if max_bytes < smallest:
            raise StatsError(f"max_bytes must be at least {smallest}, got {max_bytes}")
        density = self
        while 4 * (DENSITY_HEADER_LENGTH + density.counts.size) > max_bytes:
            density = density.at_level(density.level + 1)
        header = [density.level, self.nan_count, self.posinf_count, self.neginf_count]
        row = np.concatenate([header, [density.first], density.counts])
        stored: NDArray[np.int32] = np.minimum(row, _INT32_MAX).astype(np.int32)
        return stored

    def _with(self, level: int, first: int, counts: NDArray[np.int64]) -> Density:
        return Density(level, self.nan_count, self.posinf_count, self.neginf_count, first, counts)


def density(samples: Any, level: int = 0) -> Density:
    """How many samples of an array of any shape are in each bucket.

    Args:
      samples: real numbers of any dtype; those that float32 cannot hold are rounded to it.
      level: of the answer, see :class:`Density`.

    Raises:
      StatsError: the samples are not real numbers.
    """
    counts = passes.count_places(real_array(samples, "samples"))
    occupied = np.flatnonzero(counts[: passes.PLACES])
    first, stop = (int(occupied[0]), int(occupied[-1]) + 1) if occupied.size else (0, 0)
    nan_count, posinf_count, neginf_count = counts[passes.PLACES :].tolist()
    lowest = first - buckets.BUCKETS_PER_SIGN if occupied.size else 0
    counted = counts[first:stop].copy()
    found = Density(0, nan_count, posinf_count, neginf_count, lowest, counted)
    return found.at_level(level) if level else found


def active_counts(inputs: Any, zones: ZoneLimits) -> NDArray[np.int64]:
    """``int64[neurons]`` samples outside the activation's zones of death.

    A NaN is neither active nor dead: it is not counted. Without a zone, all other samples are.

    Args:
      inputs: ``[samples, neurons]`` pre-activations.
      zones: ``x <= dead_below`` and ``x >= dead_above`` are dead.
    """
    view = kernel_view(inputs, "inputs")
    dead, nan = passes.count_tails(view, zones.dead_below, zones.dead_above)
    active: NDArray[np.int64] = view.shape[0] - dead - nan
    return active


def saturated_counts(inputs: Any, zones: ZoneLimits) -> NDArray[np.int64]:
    """``int64[neurons]`` samples in the activation's saturated tails; NaN is in none.

    Args:
      inputs: ``[samples, neurons]`` pre-activations.
      zones: ``x <= saturated_below`` and ``x >= saturated_above`` are saturated.
    """
    view = kernel_view(inputs, "inputs")
    return passes.count_tails(view, zones.saturated_below, zones.saturated_above)[0]


def mean_magnitude(outputs: Any) -> NDArray[np.float64]:
    """``float64[neurons]`` mean |h| over the finite samples; NaN for a neuron that has none.

    Args:
      outputs: ``[samples, neurons]`` post-activations.
    """
    total, count = passes.sum_magnitudes(kernel_view(outputs, "outputs"))
    mean = np.full(total.shape, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def dormancy(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """``float64[neurons]`` dormancy score s = E|h| / mean over the neurons of E|h|.

    0 for every neuron of a layer that puts out nothing but zeros; NaN where ``magnitude`` is.

    Args:
      magnitude: ``float64[neurons]`` from :func:`mean_magnitude`.

    Source: Sokar et al., "The Dormant Neuron Phenomenon in Deep Reinforcement Learning" (2023).
    """
    values = np.asarray(magnitude, dtype=np.float64)
    known = values[np.isfinite(values)]
    level = float(known.mean()) if known.size else 0.0
    score: NDArray[np.float64] = values / level if level > 0.0 else values * 0.0
    return score


def normalised_entropy(probabilities: Any) -> float:
    """Mean of −Σ p·ln p over samples, divided by ln of the number of classes: 0 to 1.

    NaN with fewer than two classes or no finite sample; samples with a NaN do not take part.

    Args:
      probabilities: ``[..., classes]``, each row summing to one.

    Source: Shannon (1948).
    """
    values = real_array(probabilities, "probabilities")
    if values.ndim == 0 or values.shape[-1] < 2 or not values.size:
        return float("nan")
    classes = values.shape[-1]
    total, count = 0.0, 0
    rows = values.reshape(-1, classes)
    step = max(1, BLOCK_ELEMENTS // classes)
    for start in range(0, rows.shape[0], step):
        p = rows[start : start + step].astype(np.float64)
        p = p[np.isfinite(p).all(axis=1)]
        total -= float((p * np.log(np.where(p > 0.0, p, 1.0))).sum())
        count += p.shape[0]
    return total / (count * float(np.log(classes))) if count else float("nan")
