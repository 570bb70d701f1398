"""How long steps of a training take, and so what a logged one costs. Pure: the time is passed in.

What a watch does in a step can be timed; what it does to the step can not: hooks are called, and
the processor's caches hold other things afterwards. Of a small GPT that came to a tenth of it all.
"""

from __future__ import annotations

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

    def stepped(self, now: float, plain: bool) -> None:
        """Takes note of a step's end.

        Args:
          now: seconds of any origin above 0.
          plain: nothing of the step was looked at.
        """
        if self._ended and plain:
            seconds = now - self._ended
            self.fastest = min(self.fastest or seconds, seconds)
            if self.usual:
                self.usual += (min(seconds, _PAUSE * self.usual) - self.usual) / _LATELY
            else:
                self.usual = seconds
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
        return timed + min(max(passed - self.usual - timed, 0.0), _UNSEEN * timed)
