"""What the statistics run on: compiled loops or NumPy, and how many threads."""

from __future__ import annotations

import os
from types import ModuleType

compiled: ModuleType | None
try:
    from nnviz_tb.statistics import _stats as compiled
except ImportError:  # no compiler when the package was installed
    compiled = None

ENGINE = "numpy" if compiled is None else "c"
"""Which path reduces float32: ``numpy``, or ``c`` when the extension was built."""

THREADS_VARIABLE = "NNVIZ_TB_THREADS"
_MOST_THREADS = 8


def thread_count() -> int:
    """How many threads may be used: the processors this process may run on, up to eight.

    The environment variable ``NNVIZ_TB_THREADS`` sets it, from 1 up; what is not a number there
    counts as 1, because logging must not fail over it.
    """
    chosen = os.environ.get(THREADS_VARIABLE)
    if chosen:
        return max(1, int(chosen)) if chosen.isdecimal() else 1
    affinity = getattr(os, "sched_getaffinity", None)
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, _MOST_THREADS)
