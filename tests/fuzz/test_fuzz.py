"""The short pass of the fuzzers: a fixed seed, so that a failure comes back. The long one is
``fuzz_long.py``."""

from __future__ import annotations

import resource

import pytest
from mutation import mutated
from targets import TARGETS, seeds

CASES = 1500


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_bytes_are_read_or_refused_as_documented(name: str) -> None:
    corpus = seeds()[name]
    for content in corpus:
        TARGETS[name](content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cases = 0
    for content in mutated(corpus, CASES, seed=7):
        TARGETS[name](content)
        cases += 1
    assert cases == CASES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_a_target_that_lets_something_else_through_would_be_found() -> None:
    found = {len(content) for content in mutated(seeds()["metadata"], CASES, seed=7)}
    broken = [c for c in mutated(seeds()["metadata"], CASES, seed=7) if not c.isascii()]
    with pytest.raises(UnicodeDecodeError):
        broken[0].decode("ascii")
    assert len(found) > 50
    assert len(broken) > CASES / 20
