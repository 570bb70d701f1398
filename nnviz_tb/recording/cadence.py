"""When a training step is worth logging. Pure: the clock is passed in.

Steps are taken from grids that double their stride as the run grows, so that a run has about as
many logged steps early as late when seen on a logarithmic axis, and a bounded number of them:
nearly 200 after a thousand steps, 350 after ten thousand, 500 after a hundred thousand. What
logging was measured to cost then thins them further, until it stays below its share of the time.

A share of one per cent of the first second would buy nothing, and the first steps are those that
people wait for. So half a second may be spent at once, and another half until the share of all the
time has come to be a second: with one per cent that is after 111 s. From then on the share holds,
without anything on top; a tenth of it is left for what no callback can time of itself.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from nnviz_tb.errors import ArgumentError

Every = int | Literal["auto", "epoch"]

ALLOWANCE_SECONDS = 1.0
"""The most that a young run may spend before its share of the time comes to as much."""

_AIM = 0.9
"""Of the share that logging may take: so much is spent, as far as it can be timed."""

_FARTHEST_STRIDES = 1 << 10
"""That are looked ahead for a step that can be afforded."""

_OCTAVES = 12
"""Of stride doubling, after which ``target_steps`` are logged."""


def parse_every(every: Any) -> Every:
    """``every`` as an int >= 1, ``"auto"`` or ``"epoch"``.

    Raises:
      ArgumentError: something else.
    """
    if isinstance(every, str):
        if every == "auto":
            return "auto"
        if every == "epoch":
            return "epoch"
    elif not isinstance(every, (bool, np.bool_)):
        try:
            count = operator.index(every)
        except TypeError:
            count = 0
        if count >= 1:
            return count
    raise ArgumentError(f"every must be an integer >= 1, 'auto' or 'epoch', got {every!r:.80}")


class Cadence:
    """Chooses the steps to log, dense early and thinner later, within a share of the time."""

    def __init__(
        self,
        max_overhead: float = 0.01,
        target_steps: int = 500,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        Args:
          max_overhead: at most this share of the time is spent on logging, once it comes to
            :data:`ALLOWANCE_SECONDS`, and at most those seconds before; above 0, up to 1.
          target_steps: logged steps of a run of about a hundred thousand, at least 24; a run ten
            times as long has about a fourth more.
          clock: seconds, of any origin.

        Raises:
          ArgumentError: an argument is out of range.
        """
        if not isinstance(max_overhead, (int, float)) or not 0.0 < max_overhead <= 1.0:
            raise ArgumentError(f"max_overhead must be above 0, up to 1, got {max_overhead!r:.80}")
        if type(target_steps) is not int or target_steps < 2 * _OCTAVES:
            raise ArgumentError(
                f"target_steps must be an integer >= {2 * _OCTAVES}, got {target_steps!r:.80}"
            )
        self._max_overhead = float(max_overhead)
        self._per_octave = target_steps // _OCTAVES
        self._clock = clock
        self._began = math.nan
        self._first: int | None = None
        self._last = 0
        self._spent = 0.0
        self._expected = 0.0

    @property
    def overhead(self) -> float:
        """Share of the time since the first step that was spent on logging; 0 before it."""
        elapsed = self._clock() - self._began
        return self._spent / elapsed if elapsed > 0.0 else 0.0

    def due(self, step: int) -> bool:
        """Whether to log this step; True counts as logged. The first step asked about always is.

        Args:
          step: ascending, with gaps if they like; going back starts the grids anew.
        """
        if self._first is None:
            self._began = self._clock()
        if self._first is None or step < self._first + self._last:
            self._first, self._last = step, 0
            return True
        age = step - self._first
        stride = self.stride(age)
        # A grid line was crossed: callers that skip steps need not hit it.
        if age // stride == self._last // stride or not self._affords_one():
            return False
        self._last = age
        return True

    def next_due(self, step: int, step_seconds: float) -> int:
        """The step after this one that will be due, and counts as logged.

        For several processes that must know it before: their clocks and costs differ.

        Args:
          step: just made; :meth:`due` was true of one before it, or of this one.
          step_seconds: what steps take that are not logged, as far as that is known.
        """
        assert self._first is not None
        elapsed, strides = self._clock() - self._began, 1
        while True:
            age = step - self._first
            stride = self.stride(age)
            age = (age // stride + strides) * stride
            wait = (self._first + age - step) * step_seconds
            affordable = self._spent + self._expected <= self.allowed_seconds(elapsed + wait)
            if affordable or strides >= _FARTHEST_STRIDES or not step_seconds > 0.0:
                self._last = age
                return self._first + age
            strides *= 2

    def leave_out(self, since: float) -> None:
        """Nothing was trained from then until now: a share of that time may not be spent.

        Args:
          since: of the clock; NaN where it is not known.
        """
        now = self._clock()
        if since <= now and self._began <= since:
            self._began += now - since

    def record_cost(self, seconds: float) -> None:
        """Tells what logging one step took."""
        if seconds >= 0.0 and math.isfinite(seconds):
            self._spent += seconds
            # The first one is dearer than the others, and is soon forgotten.
            self._expected = seconds if not self._expected else (self._expected + seconds) / 2.0

    def stride(self, age: int) -> int:
        """Steps between two logged ones, so many steps after the first: a power of two."""
        return 1 << max(0, (age // self._per_octave).bit_length() - 1)

    def allowed_seconds(self, elapsed: float) -> float:
        """What may have been spent on logging so many seconds after the first step."""
        share = _AIM * self._max_overhead * elapsed
        if share >= ALLOWANCE_SECONDS:
            return share
        return ALLOWANCE_SECONDS * (0.5 + 0.5 * math.sqrt(max(0.0, share) / ALLOWANCE_SECONDS))

    def _affords_one(self) -> bool:
        elapsed = self._clock() - self._began
        return self._spent + self._expected <= self.allowed_seconds(elapsed)
