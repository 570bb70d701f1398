"""Hooks around every optimizer's step that may be taken away from within one.

torch goes through its dict of hooks while it calls them, and a hook that is removed then makes the
``optimizer.step()`` of the user fail, whoever's hook it was. So a watch that ends inside a hook
only falls silent; what is left of it is removed when the next watch begins or ends outside of one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import optimizer as optimizer_hooks

from nnviz_tb.adapters.torch.pieces import is_being_captured

_Call = Callable[[torch.optim.Optimizer, Any, Any], Any]


class _Within(threading.local):
    depth = 0


_within = _Within()
_left_over: list[Any] = []


class _Hook:
    """What torch calls; nothing more once it has no ``call``."""

    def __init__(self, call: _Call) -> None:
        self.call: _Call | None = call

    def __call__(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> Any:
        # Inside compiled code nothing can be seen, and what a CUDA graph captures is replayed.
        if torch.compiler.is_compiling() or self.call is None or is_being_captured():
            return None
        _within.depth += 1
        try:
            return self.call(optimizer, args, kwargs)
        finally:
            _within.depth -= 1


class StepHooks:
    """Two hooks of one watch.

    Args:
      before: called before a step of any optimizer with it and the step's ``args`` and ``kwargs``;
        what it returns in their place, the step is called with.
      after: called after it.
    """

    def __init__(self, before: _Call, after: _Call) -> None:
        sweep()
        self._hooks = [_Hook(before), _Hook(after)]
        self._handles = [
            optimizer_hooks.register_optimizer_step_pre_hook(self._hooks[0]),
            optimizer_hooks.register_optimizer_step_post_hook(self._hooks[1]),
        ]

    def remove(self) -> None:
        """Neither is called from here on."""
        for hook in self._hooks:
            hook.call = None
        _left_over.extend(self._handles)
        self._handles = []
        sweep()


def sweep() -> None:
    """Removes the hooks of watches that ended within a step, if none is under way now."""
    if not _within.depth:
        while _left_over:
            _left_over.pop().remove()
