"""What one step of a torch optimizer did: the gradients it was given, and how weights changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nnviz_tb.adapters.torch.effective_step import ArrivedGradients, EffectiveStep
from nnviz_tb.adapters.torch.tensors import GradientOf, dense, problem_of

MAX_NUMBERS_COPIED = 1 << 26
"""256 MiB of float32, for weights before the step and gradients together. Of a larger model every
logged step tells the updates of another part."""


class OneStep:
    """Copies made right before a step, to be compared with what it leaves.

    Args:
      optimizer: about to step.
      wanted: says whether a parameter is to be looked at.
      turn: number of the logged step, which chooses the part of a model that is too large.
      room: numbers that may be copied.
      arrived: what came to weights that modules compute, None when there are none.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        wanted: Callable[[torch.Tensor], bool],
        turn: int = 0,
        room: int = MAX_NUMBERS_COPIED,
        arrived: ArrivedGradients | None = None,
    ) -> None:
        self.gradient_of: GradientOf = {}
        self.update_of: GradientOf = {}
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []
        parameters = [
            parameter
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and wanted(parameter) and not problem_of(parameter)
        ]
        # A fused optimizer divides by the loss's scale itself, while it steps.
        scale = getattr(optimizer, "grad_scale", None)
        self._effective: EffectiveStep | None = None
        if arrived is not None and arrived.makers:
            stepped = _ById(id(p) for group in optimizer.param_groups for p in group["params"])
            self._effective = EffectiveStep(
                arrived.makers, stepped.__contains__, arrived.found, room
            )
            for key, gradient in self._effective.gradient_of.items():
                self.gradient_of[key] = _unscaled(gradient, scale)
        chosen = _part(parameters, turn, room)
        with torch.no_grad():
            for parameter in parameters:
                self.gradient_of[id(parameter)] = _gradient(parameter, scale, parameter in chosen)
                if parameter in chosen and parameter.dim() >= 2:
                    self._before.append((parameter, parameter.detach().clone()))

    def finish(self) -> None:
        """Fills ``update_of``, right after the step."""
        with torch.no_grad():
            for parameter, before in self._before:
                after = parameter.detach()
                if after.shape != before.shape:
                    continue
                if before.dtype in (torch.float32, torch.float64):
                    update = before.neg_().add_(after)
                else:
                    # Narrow floats would round the small difference of two large numbers again.
                    update = after.float() - before.float()
                self.update_of[id(parameter)] = update
        self._before = []
        if self._effective is not None:
            self.update_of.update(self._effective.finish())


def _gradient(parameter: torch.Tensor, scale: Any, copied: bool) -> torch.Tensor:
    assert parameter.grad is not None
    gradient = dense(parameter.grad.detach())
    if scale is not None:
        return _unscaled(gradient, scale)
    # Some optimizers use the gradient's memory for their own, as SGD does with Nesterov momentum.
    return gradient.clone() if copied else gradient


def _unscaled(gradient: torch.Tensor, scale: Any) -> torch.Tensor:
    unscaled: torch.Tensor = gradient if scale is None else gradient / scale.to(gradient.device)
    return unscaled


class _ById(set[int]):
    def __contains__(self, parameter: object) -> bool:
        return super().__contains__(id(parameter))


def _part(parameters: list[torch.Tensor], turn: int, room: int) -> _ById:
    """As many parameters as may be copied, beginning elsewhere at every turn."""
    costs = [parameter.numel() * (2 if parameter.dim() >= 2 else 1) for parameter in parameters]
    if sum(costs) <= room:
        return _ById(map(id, parameters))
    windows: list[list[int]] = [[]]
    used = 0
    for parameter, cost in zip(parameters, costs, strict=True):
        if used + cost > room and windows[-1]:
            windows.append([])
            used = 0
        if cost <= room:
            windows[-1].append(id(parameter))
            used += cost
    return _ById(windows[turn % len(windows)])
