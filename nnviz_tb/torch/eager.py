"""Compiled code running as written, for as long as any watch has a step to see."""

from __future__ import annotations

import sys
import threading
import warnings
from typing import Any

import torch


class _Eager:
    """How many watches want compiled code to run as written; what was before comes back after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = 0
        self._stance: Any = None

    def begin(self) -> bool:
        """Whether there may be compiled code, which then runs as written until ``end``."""
        stance = getattr(torch.compiler, "set_stance", None)
        # Whoever has compiled something has imported this.
        if stance is None or "torch._dynamo" not in sys.modules:
            return False
        # Hooks that see compiled wrappers as well are no harm, but torch warns of them.
        warnings.filterwarnings("ignore", message="Using `torch.compile.module.` when there are")
        with self._lock:
            if not self._wanted:
                eager = stance("force_eager")
                eager.__enter__()  # raises inside compiled code
                self._stance = eager
            self._wanted += 1
        return True

    def end(self) -> None:
        """Ends one ``begin`` that returned True; watches may end in any order."""
        with self._lock:
            self._wanted -= 1
            if not self._wanted:
                self._stance.__exit__(None, None, None)
                self._stance = None


EAGER = _Eager()
