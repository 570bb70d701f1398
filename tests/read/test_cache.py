"""The bound of the cache, and one computation for all who wait for it."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnviz_tb.reading.cache import ByteCache, SingleFlight


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 120)), max_size=60))
def test_the_cache_never_holds_more_than_its_limit(puts: list[tuple[int, int]]) -> None:
    cache: ByteCache[int] = ByteCache(100)
    newest: dict[int, int] = {}
    for key, size in puts:
        cache.put(key, size, size)
        newest[key] = size
        assert cache.held_bytes <= 100
        held = [value for value in map(cache.get, range(10)) if value is not None]
        assert sum(held) == cache.held_bytes
        assert (cache.get(key) == size) == (size <= 100)


def test_the_least_recently_used_goes_first() -> None:
    cache: ByteCache[str] = ByteCache(3)
    for key in "abc":
        cache.put(key, key, 1)
    assert cache.get("a") == "a"
    cache.put("d", "d", 1)
    assert [cache.get(key) for key in "abcd"] == ["a", None, "c", "d"]


def test_threads_that_ask_at_once_share_one_computation() -> None:
    flights: SingleFlight[object] = SingleFlight()
    started = threading.Barrier(8)
    calls = []

    def compute() -> object:
        calls.append(1)
        time.sleep(0.3)
        return object()

    results: list[object] = []

    def ask() -> None:
        started.wait()
        results.append(flights.run("key", compute))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(set(map(id, results))) == 1
    assert len(results) == 8


def test_a_failed_computation_fails_for_those_who_waited_and_not_for_later_ones() -> None:
    flights: SingleFlight[int] = SingleFlight()

    def fail() -> int:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        flights.run("key", fail)
    assert flights.run("key", lambda: 3) == 3
