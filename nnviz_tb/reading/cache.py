"""A cache bounded in bytes, and one computation for all who ask for the same thing at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from nnviz_tb.reading.desk import Desk

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """Keeps the most recently used values whose sizes add up to at most ``limit`` bytes.

    Safe to use from several threads. A value larger than the limit is not kept at all.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    @property
    def held_bytes(self) -> int:
        """Sum of the sizes of what is kept."""
        return self._bytes

    def get(self, key: Hashable) -> Value | None:
        """The value kept under ``key``, now the most recently used; None when there is none."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keeps ``value``, and drops the least recently used until all fit.

        Args:
          size: bytes that the value holds in memory.
        """
        with self._lock:
            previous = self._entries.pop(key, None)
            if previous is not None:
                self._bytes -= previous[1]
            if size > self._limit:
                return
            self._entries[key] = (value, size)
            self._bytes += size
            while self._bytes > self._limit:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._bytes -= dropped


class SingleFlight(Generic[Value]):
    """Runs one computation per key at a time; whoever asks meanwhile gets its result or error."""

    def __init__(self, desk: Desk | None = None) -> None:
        """
        Args:
          desk: where computations are made; by the thread that asks first without one.
        """
        self._desk = desk
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Future[Value]] = {}

    def run(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """What ``compute()`` returns, or raises, for whoever asks from now until it has ended."""
        if self._desk is not None and self._desk.at_work():
            # A part of something greater. Waiting for another would be waiting for a turn at the
            # desk, which never comes when all who have one wait.
            return compute()
        with self._lock:
            flight = self._flights.get(key)
            ours = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if not ours:
            return flight.result()
        try:
            result = compute() if self._desk is None else self._desk.do(compute)
        except BaseException as error:
            self._land(key)
            flight.set_exception(error)
            raise
        self._land(key)
        flight.set_result(result)
        return result

    def _land(self, key: Hashable) -> None:
        # Before the result is published: who comes later must look at newer data.
        with self._lock:
            del self._flights[key]
