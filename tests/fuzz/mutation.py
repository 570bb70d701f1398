"""Damaged copies of well-formed bytes, the same for the same seed on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_TELLING = (0, 1, 0x7F, 0x80, 0xFF, ord("-"), ord("9"), ord("["), ord('"'))
_NUMBERS = (b"9" * 20, b"-1", b"1e999", b"NaN", b"null", b"true", b"[]", b"9007199254740993")


def mutated(corpus: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """``count`` inputs, each one to six edits away from one of the corpus."""
    rng = random.Random(seed)
    for _ in range(count):
        content = bytearray(rng.choice(corpus))
        for _ in range(rng.randint(1, 6)):
            _edit(content, rng, corpus)
        yield bytes(content)


def _edit(content: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    place = rng.randrange(len(content) + 1)
    end = min(len(content), place + rng.randint(1, 12))
    kind = rng.randrange(7)
    if kind == 0 and place < len(content):
        content[place] ^= 1 << rng.randrange(8)
    elif kind == 1 and place < len(content):
        content[place] = rng.choice(_TELLING)
    elif kind == 2:
        del content[place:end]
    elif kind == 3:
        content[place:place] = content[place:end] * rng.randint(1, 20)
    elif kind == 4:
        del content[place:]
    elif kind == 5:
        content[place:end] = rng.choice(_NUMBERS)
    else:
        other = rng.choice(corpus)
        start = rng.randrange(len(other) + 1)
        content[place:end] = other[start : start + rng.randint(1, 60)]
