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


def with_closure(
    args: Any, kwargs: Any, closed: Callable[[torch.optim.Optimizer], None]
) -> tuple[Any, Any] | None:
    """What to call an optimizer's ``step`` with to hear of its closure; None where it has none.

    A closure makes the gradients after the step has begun; Lightning trains in one.

    Args:
      args: of the step, the optimizer first.
      kwargs: of the step.
      closed: called with the optimizer each time that the closure has returned.
    """
    optimizer, *rest = args
    closure = rest[0] if rest else kwargs.get("closure")
    if not callable(closure):
        return None

    def called(*given: Any, **named: Any) -> Any:
        result = closure(*given, **named)
        closed(optimizer)
        return result

    if rest:
        return (optimizer, called, *rest[1:]), kwargs
    return tuple(args), {**kwargs, "closure": called}


class OneStep:
    """Copies made right before a step, to be compared with what it leaves.

    Args:
      optimizer: about to step.
      wanted: says whether a parameter is to be looked at.
      turn: number of the logged step, which chooses the part of a model that is too large.
      room: numbers that may be copied.
      arrived: what came to weights that modules compute, None when there are none.
      gradients_come: those that are there are of the step before; see :meth:`take_gradients`.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        wanted: Callable[[torch.Tensor], bool],
        turn: int = 0,
        room: int = MAX_NUMBERS_COPIED,
        arrived: ArrivedGradients | None = None,
        gradients_come: bool = False,
    ) -> None:
        self.gradient_of: GradientOf = {}
        self.update_of: GradientOf = {}
        self._optimizer = optimizer
        self._arrived = arrived
        self._taken = False
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._parameters = [
            parameter
            for group in optimizer.param_groups
            for parameter in group["params"]
            if (parameter.requires_grad if gradients_come else parameter.grad is not None)
            and wanted(parameter)
            and not problem_of(parameter)
        ]
        self._effective: EffectiveStep | None = None
        if arrived is not None and arrived.makers:
            stepped = _ById(id(p) for group in optimizer.param_groups for p in group["params"])
            self._effective = EffectiveStep(arrived.makers, stepped.__contains__, room)
            if gradients_come:
                arrived.reset()
        self._chosen = _part(self._parameters, turn, room)
        with torch.no_grad():
            for parameter in self._parameters:
                if parameter in self._chosen and parameter.dim() >= 2:
                    self._before.append((parameter, parameter.detach().clone()))
        if not gradients_come:
            self.take_gradients()

    def take_gradients(self) -> None:
        """Fills ``gradient_of`` from what the step is given; once, at the first call."""
        if self._taken:
            return
        self._taken = True
        # A fused optimizer divides by the loss's scale itself, while it steps.
        scale = getattr(self._optimizer, "grad_scale", None)
        if self._effective is not None and self._arrived is not None:
            for key, gradient in self._effective.gradients(self._arrived.found).items():
                self.gradient_of[key] = _unscaled(gradient, scale)
        with torch.no_grad():
            for parameter in self._parameters:
                if parameter.grad is not None:
                    copied = parameter in self._chosen
                    self.gradient_of[id(parameter)] = _gradient(parameter, scale, copied)

    def finish(self) -> None:
        """Fills ``update_of``, right after the step."""
        with torch.no_grad():
            for parameter, before in self._before:
                after = parameter.detach()
                if after.shape != before.shape or id(parameter) not in self.gradient_of:
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
