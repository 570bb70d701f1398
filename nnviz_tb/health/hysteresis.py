"""When a figure has been beyond a limit for long enough to be said aloud, and until when.

The median over a window of measured rows stands against single outliers; a second, easier limit
for leaving stands against flicker at the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RISING = 1.5
"""What grows by a straight line doubles from the middle of its way to the end."""


@dataclass(frozen=True)
class Limit:
    """A limit with hysteresis.

    Attributes:
      enter: beyond it the state begins.
      leave: on the good side of it the state ends.
      above: worse is larger; else worse is smaller.
    """

    enter: float
    leave: float
    above: bool = True

    @classmethod
    def upper(cls, value: float, leave: float) -> Limit:
        """The state begins above ``value`` and ends at ``value * leave`` or less."""
        return cls(value, value * leave, above=True)

    @classmethod
    def lower(cls, value: float, leave: float) -> Limit:
        """The state begins below ``value`` and ends at ``value / leave`` or more."""
        return cls(value, value / leave, above=False)

    def beyond(self, values: Floats) -> NDArray[np.bool_]:
        """Which values are worse than ``enter``."""
        return values > self.enter if self.above else values < self.enter

    def relieved(self, values: Floats) -> NDArray[np.bool_]:
        """Which values are good enough to end the state."""
        return values <= self.leave if self.above else values >= self.leave


@dataclass(frozen=True)
class Episode:
    """The last stretch of rows over which a state held.

    Attributes:
      first: index of the first row that gave evidence for it.
      last: index of the last row at which it held.
      ongoing: it held at the last row of all.
      figure: the median over the window at ``last``.
      peak: the worst median while it held.
    """

    first: int
    last: int
    ongoing: bool
    figure: float
    peak: float


def rolling_median(values: Floats, window: int) -> Floats:
    """``float64[..., n - window + 1]`` medians over the window, along the last axis.

    Entry i is over rows i to i + window − 1; empty when there are fewer rows than the window.
    """
    if values.shape[-1] < window:
        return np.empty((*values.shape[:-1], 0))
    view = np.sort(sliding_window_view(values, window, axis=-1), axis=-1)
    middle = window // 2
    if window % 2:
        odd: Floats = view[..., middle]
        return odd
    low, high = view[..., middle - 1], view[..., middle]
    # Two equal infinities have no midpoint by subtraction; their mean by halves does.
    even: Floats = low * 0.5 + high * 0.5
    return even


def held(medians: Floats, limit: Limit) -> NDArray[np.bool_]:
    """``bool[n]`` whether the state holds after each median (a Schmitt trigger)."""
    beyond, relieved = limit.beyond(medians), limit.relieved(medians)
    decided = np.where(beyond | relieved, np.arange(medians.size), -1)
    last_decision = np.maximum.accumulate(decided) if decided.size else decided
    state: NDArray[np.bool_] = (last_decision >= 0) & beyond[np.maximum(last_decision, 0)]
    return state


def last_episode(values: Floats, limit: Limit, window: int) -> Episode | None:
    """The last stretch over which the windowed median was beyond the limit; None if it never was.

    Args:
      values: ``float64[rows]`` without NaN: the measured rows only.
      limit: when it begins and ends.
      window: rows over which the median is taken.
    """
    if not limit.beyond(values).any():
        return None  # no median is beyond where no value is: so it is of nearly all layers
    medians = rolling_median(values, window)
    state = held(medians, limit)
    on = np.flatnonzero(state)
    if on.size == 0:
        return None
    end = int(on[-1])
    off_before = np.flatnonzero(~state[:end])
    start = int(off_before[-1]) + 1 if off_before.size else 0
    # The window that raised it holds rows from before; the first of them beyond is the evidence.
    first = start + int(np.argmax(limit.beyond(values[start : start + window])))
    stretch = medians[start : end + 1]
    return Episode(
        first=first,
        last=end + window - 1,
        ongoing=end == medians.size - 1,
        figure=float(medians[end]),
        peak=float(stretch.max() if limit.above else stretch.min()),
    )


def is_rising(steps: NDArray[np.int64], values: Floats) -> bool:
    """Whether a figure is still on its way up, as step sizes are while the learning rate warms up.

    Its last two values are clearly above the two in the middle of the steps.
    """
    middle = int(np.searchsorted(steps, (int(steps[0]) + int(steps[-1])) / 2))
    before, lately = values[max(middle - 2, 0) : max(middle, 1)], values[-2:]
    return bool(lately.mean() > _RISING * before.mean())
