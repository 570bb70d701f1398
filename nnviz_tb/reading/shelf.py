"""What took long to make, made once for all who ask, and kept until what it is made of changes.

Where the version of that may stay the same although it has changed, what is kept is only good for
a while. Whoever finds it older is given it all the same, and it is made anew a little later, for
those who ask then: nobody who comes back to a finished run waits for the sake of a rare change.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nnviz_tb.reading.cache import ByteCache, SingleFlight
from nnviz_tb.reading.desk import Desk

Value = TypeVar("Value")


@dataclass(frozen=True)
class _Kept(Generic[Value]):
    version: Hashable
    good_until: float
    value: Value


class Shelf(Generic[Value]):
    """Safe to use from several threads."""

    def __init__(
        self,
        limit: int,
        size_of: Callable[[Any, Value], int],
        desk: Desk | None = None,
        clock: Callable[[], float] = time.monotonic,
        alike: Callable[[Value, Value], bool] = lambda old, new: False,
    ) -> None:
        """
        Args:
          limit: bytes, as of :class:`ByteCache`.
          size_of: bytes that a version and a value hold in memory.
          desk: where values are made. Without one the caller's own thread makes them, and what is
            no longer good is made anew before it is given.
          clock: in seconds.
          alike: whether a value made anew is no other than the old one, which then stays.
        """
        self._size_of, self._desk, self._clock, self._alike = size_of, desk, clock, alike
        self._cache: ByteCache[_Kept[Value]] = ByteCache(limit)
        self._flights: SingleFlight[Value] = SingleFlight(desk)

    @property
    def held_bytes(self) -> int:
        """Bytes of what is kept."""
        return self._cache.held_bytes

    def get(
        self,
        key: Hashable,
        version: Hashable,
        make: Callable[[], Value],
        good_s: float = math.inf,
    ) -> Value:
        """What ``make`` gives, or gave when it was asked for this version before.

        Args:
          key: what it is. A version takes the place of the one before it, so that a run that grows
            for days is not kept in all its lengths.
          version: of what it is made of.
          good_s: how long the version can be relied upon.
        """
        kept = self._kept(key, version)
        if kept is not None and self._is_good(kept):
            return kept.value
        # A part of something greater is not made of what may be wrong.
        if kept is not None and self._desk is not None and not self._desk.at_work():
            self.put(key, version, kept.value, good_s)  # So that one renewal is enough.
            self._desk.later(lambda: self._renew(key, version, make, good_s))
            return kept.value

        def make_and_put() -> Value:
            value = make()
            self.put(key, version, value, good_s)
            return value

        return self._flights.run((key, version), make_and_put)

    def look(self, key: Hashable, version: Hashable) -> Value | None:
        """What is kept of this version and good, None when there is none."""
        kept = self._kept(key, version)
        return kept.value if kept is not None and self._is_good(kept) else None

    def put(self, key: Hashable, version: Hashable, value: Value, good_s: float = math.inf) -> None:
        """Keeps a value, good from now on for so long."""
        kept = _Kept(version, self._clock() + good_s, value)
        self._cache.put(key, kept, self._size_of(version, value))

    def _kept(self, key: Hashable, version: Hashable) -> _Kept[Value] | None:
        kept = self._cache.get(key)
        return kept if kept is not None and kept.version == version else None

    def _is_good(self, kept: _Kept[Value]) -> bool:
        return self._clock() <= kept.good_until

    def _renew(
        self, key: Hashable, version: Hashable, make: Callable[[], Value], good_s: float
    ) -> None:
        kept = self._kept(key, version)
        if kept is None:
            return
        value = make()
        if not self._alike(kept.value, value):
            self.put(key, version, value, good_s)
