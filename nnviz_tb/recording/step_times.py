"""How long steps of a training take, and so what a logged one costs. Pure: the clock is passed in.

What logging does in a step can be timed; what it does to the step can not: hooks are called,
gradients kept, and the processor's caches hold other things afterwards. Of a small GPT that came to
a tenth of it all.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_LATELY = 8
"""About so many steps are looked back upon."""
_PAUSE = 2.0
"""A step that takes so many times the usual was interrupted, by a validation say."""
_UNSEEN = 0.5
"""The most that is added to what was timed, as a share of it; what is more came from elsewhere."""


class StepTimes:
    """Of one optimizer.

    Attributes:
      fastest: seconds of the fastest step that was not logged; 0 before the first.
      usual: seconds of such steps lately; 0 before the first.
    """

    def __init__(self) -> None:
        self.fastest = self.usual = 0.0
        self._ended = 0.0

    def stepped(self, now: float, plain: bool) -> float:
        """Takes note of a step's end, and the next one's beginning.

        Args:
          now: seconds of any origin above 0.
          plain: nothing of the step was looked at.

        Returns:
          the seconds that the step took longer than usual, below 0 for a faster one; 0 where its
          beginning or what is usual is not known.
        """
        longer = 0.0
        if self._ended:
            seconds = now - self._ended
            longer = seconds - self.usual if self.usual else 0.0
            if plain:
                self.fastest = min(self.fastest or seconds, seconds)
                if self.usual:
                    self.usual += (min(seconds, _PAUSE * self.usual) - self.usual) / _LATELY
                else:
                    self.usual = seconds
        self._ended = now
        return longer

    def goes_on(self, now: float) -> None:
        """The step under way begins only now: what was done since the last one is none of it."""
        self._ended = now

    def cost(self, timed: float, now: float, uncompiled: bool = False) -> float:
        """Seconds that the step under way costs more than one that is not logged.

        Args:
          timed: seconds that were spent on nothing else.
          now: when all of it was done, before :meth:`stepped`.
          uncompiled: the step ran without its compiled code, which may cost many times as much.
        """
        if not self._ended or not self.usual:
            return timed
        passed = now - self._ended
        if uncompiled:
            return max(timed, passed - self.fastest)
        return timed + unseen(passed - self.usual - timed, timed)


class CostsBetween:
    """What logging costs where all of it is done between steps, in one hook.

    The hook calls :meth:`ended` first and :meth:`begins` last, and says in between how long it
    worked. The step before a logged one may have to keep something, and the one after it finds the
    caches empty, so both are held against the usual ones.

    Attributes:
      seen: when the training was last heard of, by the clock; NaN before the first time.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        Args:
          clock: seconds, of any origin, above 0.
        """
        self._clock = clock
        self._times = StepTimes()
        self._plain = True
        self.seen = math.nan
        self._began = 0.0
        self._spent = self._longer = self._last = 0.0

    def ended(self) -> None:
        """A step has ended."""
        self._began = self._clock()
        longer = self._times.stepped(self._began, self._plain)
        if not self._plain:
            self._longer += longer
        self._plain = True

    def begins(self) -> None:
        """The next step begins."""
        now = self.seen = self._clock()
        self._times.goes_on(now)
        if self._began and self._plain:
            self._spent += now - self._began
        self._began = 0.0

    def rests(self) -> None:
        """An epoch or the training has ended; when the next step begins is not known."""
        self.seen = self._clock()

    def prepared(self, seconds: float) -> None:
        """So long it took to prepare for a step that will be logged."""
        self._spent += seconds
        self._plain = False

    def logged(self, seconds: float) -> None:
        """So long it took to log a step, without what :meth:`before` told of it."""
        self._last = seconds
        self._plain = False

    def before(self) -> float:
        """Seconds that logging has cost since the last logged step's own; then they are forgotten.

        They are what was prepared, what the hook took where it had nothing to do, and by how much
        steps around logged ones took longer.
        """
        cost = self._spent + unseen(self._longer, self._last + self._spent)
        self._spent = self._longer = 0.0
        return cost


def unseen(longer: float, timed: float) -> float:
    """The part of the seconds that a step took longer, as what logging did to it unseen.

    Args:
      longer: than usual, without what was timed.
      timed: seconds that logging is known to have taken.
    """
    return min(max(longer, 0.0), _UNSEEN * timed)
