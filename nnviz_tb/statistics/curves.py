"""An activation function as a curve: its values, its slope and its zones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb import buckets
from nnviz_tb.errors import StatsError
from nnviz_tb.statistics.density import Density
from nnviz_tb.statistics.sampled import SampledFunction
from nnviz_tb.statistics.zones import Zones, find_zones

__all__ = ["DEFAULT_LIMIT", "Curve", "Zones", "curve_limit", "sample_curve"]

DEFAULT_LIMIT = 5.0
GRID = 257
"""An odd number, so that zero is on the grid."""

_COVERED = 0.999
_MAX_DOUBLINGS = 10


@dataclass(frozen=True, eq=False)
class Curve:
    """An activation function on a grid.

    Attributes:
      x: ``float64[grid]`` ascending, symmetric about zero.
      f: ``float64[bands, grid]`` values: one band, or lowest, median and highest over the
        channels.
      slope: ``float64[bands, grid]`` the same of the derivative.
      zones: of death and of saturation; of the median over the channels.
      bounded: the outputs have a limit on both sides.
      has_dead_zone: a tail maps to zero, or tends there, without a slope.
    """

    x: NDArray[np.float64]
    f: NDArray[np.float64]
    slope: NDArray[np.float64]
    zones: Zones
    bounded: bool
    has_dead_zone: bool

    def to_rows(self) -> NDArray[np.float32]:
        """``float32[1 + 2 * bands, grid]`` of the ``curve`` series: x, values, slopes."""
        limit = np.finfo(np.float32).max
        rows = np.concatenate([self.x[np.newaxis], self.f, self.slope])
        return np.asarray(np.clip(rows, -limit, limit).astype(np.float32))


def sample_curve(
    function: Callable[[Any], Any],
    limit: float = DEFAULT_LIMIT,
    channels: int = 0,
    grid: int = GRID,
    *,
    name: str | None = None,
) -> Curve:
    """The function's curve on ``linspace(-limit, limit, grid)``, with its zones.

    A window wider than the default is halved until the function gives numbers all over it: an
    exponential has none beyond 709.

    Args:
      function: maps ``float64[n]`` to ``float64[n]``; with ``channels``, ``float64[n, channels]``
        to the same, column by column. It may compute in float32 or less.
      limit: half the width of the window, above 0.
      channels: of a per-channel function, else 0.
      grid: points, at least 3.
      name: for messages; the function's own by default.

    Raises:
      StatsError: the function raised, returned another shape or NaN or infinity in the window, or
        an argument is out of range.
    """
    label = str(name or getattr(function, "__name__", type(function).__name__))
    if not 0.0 < limit < math.inf:
        raise StatsError(f"limit of {label} must be positive and finite, got {limit}")
    if grid < 3:
        raise StatsError(f"grid of {label} must be at least 3, got {grid}")
    sampled = SampledFunction.of(function, label, channels)
    while True:
        x = np.linspace(-limit, limit, grid)
        f, slope = sampled.with_slope(x)
        lost = ~(np.isfinite(f).all(axis=1) & np.isfinite(slope).all(axis=1))
        if not lost.any():
            break
        if limit <= DEFAULT_LIMIT:
            where = x[lost][0]
            raise StatsError(f"activation {label} is not finite near x = {where:g}")
        limit = max(limit / 2.0, DEFAULT_LIMIT)
    zones, bounded = find_zones(sampled)
    dead = not (math.isnan(zones.dead_below) and math.isnan(zones.dead_above))
    return Curve(x, _bands(f), _bands(slope), zones, bounded, dead)


def _bands(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if values.shape[1] == 1:
        return np.ascontiguousarray(values.T)
    bands: NDArray[np.float64] = np.stack(
        [values.min(axis=1), np.median(values, axis=1), values.max(axis=1)]
    )
    return bands


def curve_limit(density: Density | None) -> float:
    """Half the width of a window that shows 99.9 % of the samples: 5, 10, 20, … up to 5120.

    Args:
      density: of the activation's inputs; None when there are none.
    """
    if density is None or not density.finite_count:
        return DEFAULT_LIMIT
    edges = buckets.edges(density.first, density.counts.size, density.level)
    reach = np.maximum(np.abs(edges[:-1]), np.abs(edges[1:]))
    order = np.argsort(reach)
    covered = np.cumsum(density.counts[order])
    enough = int(np.searchsorted(covered, _COVERED * density.finite_count))
    needed = float(reach[order][enough])
    doublings = math.ceil(math.log2(max(needed / DEFAULT_LIMIT, 1.0)))
    return DEFAULT_LIMIT * 2.0 ** min(doublings, _MAX_DOUBLINGS)
