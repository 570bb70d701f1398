"""Where an activation function stops responding: its zones of death and of saturation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import SATURATED_SLOPE
from nnviz_tb.errors import StatsError
from nnviz_tb.statistics.sampled import SampledFunction

Values = NDArray[np.float64]
Predicate = Callable[[Values], NDArray[np.bool_]]

ZERO = 1e-12
"""What is meant by an output that is exactly zero."""

_FINE_LIMIT = 16.0
_FAR_EXPONENT = 20
_LATTICE = 2.0**21
"""Borders are multiples of 1 / this, as 0 and 6 are; float32 holds them exactly up to eight."""

_GROWTH = 1.02
"""A tail that grows by more than this as x doubles has no limit: log does by 1.05 out there."""


@dataclass(frozen=True)
class Zones:
    """Tails of an activation function: ``x <= below`` and ``x >= above``; NaN where there is none.

    Attributes:
      dead_below, dead_above: output and slope are zero; or, of a function without limits, the
        output tends to zero and \\|f′(x)\\| < 0.05·max\\|f′\\|.
      saturated_below, saturated_above: \\|f′(x)\\| < 0.05·max\\|f′\\| of a bounded function, on a
        side without a zone of death.
    """

    dead_below: float = math.nan
    dead_above: float = math.nan
    saturated_below: float = math.nan
    saturated_above: float = math.nan


def find_zones(function: SampledFunction) -> tuple[Zones, bool]:
    """The function's zones, and whether it is bounded on both sides.

    A per-channel function is judged by the median over its channels. Tails are judged out to
    ``x = ±2**20``, or as far as the function gives numbers.
    """
    survey = _Survey.of(function)
    if survey is None:
        return Zones(), False
    left, right = survey.tail(-1), survey.tail(1)
    bounded = left.bounded and right.bounded
    below, above = (tail.zones(bounded) for tail in (left, right))
    return Zones(below[0], above[0], below[1], above[1]), bounded


@dataclass(frozen=True)
class _Survey:
    """The function and its slope at points dense around zero and sparse far out."""

    function: SampledFunction
    x: Values
    f: Values
    slope: Values
    steepest: float

    @classmethod
    def of(cls, function: SampledFunction) -> _Survey | None:
        fine = np.arange(-_FINE_LIMIT, _FINE_LIMIT + 1 / 128, 1 / 64)
        octaves = np.arange(math.log2(_FINE_LIMIT) + 0.25, _FAR_EXPONENT + 0.125, 0.25)
        far = np.exp2(octaves)
        for x in (np.concatenate([-far[::-1], fine, far]), fine):
            try:
                f, slope = (np.median(y, axis=1) for y in function.with_slope(x))
            except StatsError:
                continue  # some functions raise where others overflow
            break
        else:
            return None
        magnitude = np.abs(slope)
        if not np.isfinite(magnitude).any():
            return None
        peak = x[np.nanargmax(np.where(np.isfinite(magnitude), magnitude, -1.0))]
        around = peak + np.linspace(-1 / 64, 1 / 64, 129) * max(1.0, abs(peak))
        refined = np.abs(np.median(function.with_slope(around)[1], axis=1))
        # An infinite slope stays infinite: nothing is flat compared with it.
        steepest = float(np.nanmax(np.concatenate([magnitude, refined])))
        return cls(function, x, f, slope, steepest)

    def tail(self, side: int) -> _Tail:
        order = np.argsort(-side * self.x, kind="stable")
        half = order[side * self.x[order] >= 0.0]
        # A function that overflows to NaN far out is judged where it still gives numbers.
        lost = np.flatnonzero(np.isnan(self.f[half]))
        start = int(lost[-1]) + 1 if lost.size else 0
        reach = abs(float(self.x[half[start]])) if start < half.size else 0.0
        return _Tail(self, side, order[start:], reach)


@dataclass(frozen=True)
class _Tail:
    """One side of the function: ``order`` lists the survey's points from far out inward."""

    survey: _Survey
    side: int
    order: NDArray[np.int64]
    reach: float

    @property
    def bounded(self) -> bool:
        """Whether the function has a limit on this side."""
        x = self.side * self.survey.x
        origin = self.survey.f[np.argmin(np.abs(x))]
        rise = np.abs(self.survey.f - origin)
        outer = rise[(x > self.reach / 2) & (x <= self.reach)]
        inner = rise[(x >= 0.0) & (x <= self.reach / 2)]
        if not outer.size or not inner.size or not np.isfinite(outer).all():
            return False
        return bool(outer.max() <= _GROWTH * inner.max() + ZERO)

    def zones(self, function_is_bounded: bool) -> tuple[float, float]:
        """Borders of this side's zones of death and of saturation."""
        dead = self._zero_border()
        flat = math.nan
        if self.bounded and self._slope_has_limit():
            flat = self._settled(self._border(self._is_flat))
        if function_is_bounded:
            # Half of what enters a ReLU6 is negative, as with any ReLU: that side is death alone.
            return dead, self._sharpened(flat) if math.isnan(dead) else math.nan
        if math.isnan(dead) and self._tends_to_zero():
            dead = flat
        return dead, math.nan

    def _is_flat(self, x: Values) -> NDArray[np.bool_]:
        slope = np.median(self.survey.function.with_slope(x)[1], axis=1)
        return np.asarray(np.abs(slope) < SATURATED_SLOPE * self.survey.steepest)

    def _is_zero(self, x: Values) -> NDArray[np.bool_]:
        return np.asarray(np.abs(np.median(self.survey.function(x), axis=1)) <= ZERO)

    def _slope_has_limit(self) -> bool:
        near = np.abs(self.survey.slope[np.abs(self.survey.x) <= _FINE_LIMIT])
        return bool(self.survey.steepest <= 1.1 * np.nanmax(near, initial=0.0))

    def _tends_to_zero(self) -> bool:
        scale = np.abs(self.survey.f[np.abs(self.survey.x) <= _FINE_LIMIT]).max()
        return bool(abs(self.survey.f[self.order[0]]) <= 1e-3 * scale)

    def _zero_border(self) -> float:
        """Border of the tail that is exactly zero; NaN when it only tends there."""
        border = self._border(self._is_zero)
        if math.isnan(border):
            return border
        inside = np.array([border - self.side / 16])
        scale = np.abs(self.survey.f[np.abs(self.survey.x) <= _FINE_LIMIT]).max()
        # An exponential passes 1e-12 too, but is hardly larger one sixteenth further in.
        if abs(float(np.median(self.survey.function(inside)))) <= 1e-9 * scale:
            return math.nan
        exact = self._border(lambda x: np.median(self.survey.function(x), axis=1) == 0.0)
        return exact if abs(exact - border) < 1e-3 else border

    def _border(self, predicate: Predicate) -> float:
        """The innermost x up to which ``predicate`` holds all the way from far out."""
        x = self.survey.x[self.order]
        holds = predicate(x)
        if not holds.size or not holds[0] or holds.all():
            return math.nan
        fails = int(np.argmin(holds))
        far, near = (round(float(place) * _LATTICE) for place in (x[fails - 1], x[fails]))
        while abs(far - near) > 1:
            places = np.unique(np.linspace(far, near, 66).round().astype(np.int64))
            places = places if far < near else places[::-1]
            inside = predicate(places / _LATTICE)
            inside[0], inside[-1] = True, False
            fails = int(np.argmin(inside))
            far, near = int(places[fails - 1]), int(places[fails])
        border = far / _LATTICE
        # Where the function oscillates, its outermost sample says nothing about a tail.
        return border if abs(border) < self.reach / 2 or border * self.side < 0 else math.nan

    def _settled(self, border: float) -> float:
        """``border``, or NaN where the function swings beyond it: a sine looks flat from afar."""
        tail = self.order[self.side * self.survey.x[self.order] >= self.side * border]
        f = self.survey.f[tail]
        if not f.size:
            return math.nan
        swing = float(np.abs(np.diff(f)).sum())
        scale = float(np.ptp(self.survey.f[np.abs(self.survey.x) <= _FINE_LIMIT]))
        return border if swing <= 1.05 * abs(f[-1] - f[0]) + 1e-2 * scale else math.nan

    def _sharpened(self, border: float) -> float:
        """``border``, or the exact kink next to it, which the difference quotient blurs."""
        if math.isnan(border):
            return border
        step = 4.0 * self.survey.function.step
        x = border + step * np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
        f = np.median(self.survey.function(x), axis=1)
        rise: Any = np.diff(f) / np.diff(x)
        bend = abs(rise[0] - rise[4])
        straight = abs(rise[0] - rise[1]) + abs(rise[3] - rise[4]) < 1e-2 * bend
        if not straight or bend < SATURATED_SLOPE * self.survey.steepest:
            return border
        kink = (f[4] - f[1] + rise[0] * x[1] - rise[4] * x[4]) / (rise[0] - rise[4])
        digits = 128.0 / self.survey.function.step
        return float(round(kink * digits) / digits)
