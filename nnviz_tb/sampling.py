"""Which neurons are tracked when a layer is wider than its share of the byte budget.

The choice is a function of ``(population, size, seed)`` alone, so the reader recomputes it instead
of storing it, and it is nested: a smaller sample is part of a larger one, so the neurons whose raw
weights are kept are among those whose norms are kept.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hash64(counter: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """``uint64`` of the counter's shape: the counter-based generator behind every fixed choice.

    Source: splitmix64's output function, Steele, Lea & Flood (OOPSLA 2014).
    """
    seed_offset = (seed * int(_GOLDEN) + int(_GOLDEN)) & 0xFFFFFFFFFFFFFFFF
    z = counter * _GOLDEN + np.uint64(seed_offset)
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def spread_sample(population: int, size: int, seed: int = 0) -> NDArray[np.int64]:
    """``int64[min(size, population)]`` ascending indexes, spread over ``range(population)``.

    The order of choice is a van der Corput sequence under a nested (Owen) scramble: every aligned
    block of a power of two receives its share, and inside a block the place is hashed, so that a
    stride in the data (attention heads, colour channels) does not line up with the sample.

    Source: Owen, "Randomly permuted (t,m,s)-nets" (1995).
    """
    if size >= population:
        return np.arange(population, dtype=np.int64)
    if size > _LARGEST_KEPT:
        return _spread(population, size, seed)
    # A training asks for the same few samples at every logged step.
    return np.array(_kept_spread(population, size, seed))


def _spread(population: int, size: int, seed: int) -> NDArray[np.int64]:
    bits = max(1, (population - 1).bit_length())
    chosen = np.empty(0, dtype=np.int64)
    start, step = 0, size
    while chosen.size < size:
        # Places beyond the population are skipped; at most every second one is, by choice of bits.
        rank = np.arange(start, min(start + step, 1 << bits), dtype=np.uint64)
        place = _scrambled_reversal(rank, bits, seed)
        chosen = np.concatenate([chosen, place[place < population]])
        start, step = start + step, step * 2
    return np.sort(chosen[:size])


_LARGEST_KEPT = 1 << 14
_kept_spread = functools.lru_cache(maxsize=64)(_spread)


def _scrambled_reversal(rank: NDArray[np.uint64], bits: int, seed: int) -> NDArray[np.int64]:
    """Bit-reversed ranks whose every bit is flipped by a hash of the bits above it."""
    place = np.zeros(rank.shape, dtype=np.uint64)
    one = np.uint64(1)
    for level in range(bits):
        bit = (rank >> np.uint64(level)) & one
        flip = hash64(place + (one << np.uint64(level)), seed) & one
        place = (place << one) | (bit ^ flip)
    return place.astype(np.int64)
