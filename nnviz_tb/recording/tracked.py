"""Which neurons of a layer are tracked, worked out once and not at every step."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.sampling import spread_sample


@lru_cache(maxsize=512)
def tracked_neurons(population: int, size: int, seed: int) -> NDArray[np.int64]:
    """:func:`nnviz_tb.sampling.spread_sample`, kept and therefore read-only."""
    sample = spread_sample(population, size, seed)
    sample.flags.writeable = False
    return sample
