"""Which optimizers train a model, and whose steps are the training's."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

import torch
from torch import nn

RESTING_STEPS = 100
"""So many of another optimizer, and none between of the one that is counted, are a switch."""


class Optimizers:
    """Those that hold parameters of a model; the steps of one of them are counted.

    None of them is kept alive.
    """

    def __init__(self, model: nn.Module, given: Iterable[torch.optim.Optimizer]) -> None:
        """
        Args:
          model: what they train.
          given: those that are known to train it, the one to be counted first; others are found
            when they step.
        """
        self._model = model
        self._known: weakref.WeakKeyDictionary[torch.optim.Optimizer, bool] = (
            weakref.WeakKeyDictionary()
        )
        self._counted: weakref.ref[torch.optim.Optimizer] | None = None
        self._steps_of_others = 0
        for one in given:
            self._known[one] = True
            self._counted = self._counted or weakref.ref(one)

    @property
    def counted(self) -> torch.optim.Optimizer | None:
        """The one whose steps are counted; None before any was seen, and once it is gone."""
        return None if self._counted is None else self._counted()

    @property
    def count(self) -> int:
        """How many train the model."""
        return sum(self._known.values())

    def train(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether the optimizer holds parameters of the model; the first that does is counted."""
        ours = self._known.get(optimizer)
        if ours is None:
            own = {id(parameter) for parameter in self._model.parameters()}
            ours = any(id(p) in own for group in optimizer.param_groups for p in group["params"])
            self._known[optimizer] = ours
        if ours and self.counted is None:
            self._counted = weakref.ref(optimizer)
        return ours

    def counts(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether the step that it has just made is one of the training's."""
        if self.counted is not optimizer:
            self._steps_of_others += 1
            return False
        self._steps_of_others = 0
        return True

    def switched_from(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer | None:
        """The one that was counted till now, where the training goes on with this one instead."""
        resting = self.counted
        if self._steps_of_others < RESTING_STEPS or resting is None:
            return None
        self._steps_of_others = 0
        self._known.pop(resting, None)  # it is known again when it steps again
        self._counted = weakref.ref(optimizer)
        return resting
