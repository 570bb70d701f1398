"""Ways of doing the same, timed in turns, so that a busy moment of the machine hits them all."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Work = Callable[[], object]


@dataclass
class Timing:
    """Of one way, over all rounds.

    Attributes:
      wall_s, cpu_s: of each round; the processor time is of all threads of this process.
    """

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """Median wall time of a round, in seconds."""
        return statistics.median(self.wall_s)

    @property
    def cpu(self) -> float:
        """Median processor time of a round, in seconds."""
        return statistics.median(self.cpu_s)


def in_turns(ways: Mapping[str, Work], rounds: int) -> dict[str, Timing]:
    """Every way's timing after one round to warm up.

    A way finds the caches and the free memory as the one before it has left them, so every round
    has an order of its own, the same whenever the benchmark is run.

    Args:
      ways: by name, ours first.
      rounds: how often each is timed.
    """
    timings = {name: Timing() for name in ways}
    for work in ways.values():
        work()
    orders = random.Random(0)
    for _ in range(rounds):
        for name, work in orders.sample([*ways.items()], len(ways)):
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            timings[name].wall_s.append(time.perf_counter() - wall)
            timings[name].cpu_s.append(time.process_time() - cpu)
    return timings


def ratio(timing: Timing, ours: Timing) -> float:
    """How many times as long as ours: the median over rounds of the ratio within each round."""
    pairs = zip(timing.wall_s, ours.wall_s, strict=True)
    return statistics.median(theirs / mine for theirs, mine in pairs)
