"""What one optimizer step did to weights that modules compute: their gradients and updates.

The optimizer knows only what such a weight is made of. Its update is the weight as computed after
the step less that before it. Its gradient is what autograd gave for it on the way to its sources;
that holds neither what scaled the loss nor what clipped the gradients, so it is shown only where it
accounts for the gradients that the sources have, times one factor, which is then taken into it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from nnviz_tb.adapters.torch.effective import (
    Made,
    made_weights,
    makes_weights,
    not_training,
    older_hooks,
    older_weight,
)
from nnviz_tb.adapters.torch.tensors import GradientOf

TOLERANCE = 1e-3
"""Largest part of the sources' gradients that the weight's gradient may leave unexplained."""


class ArrivedGradients:
    """Gradients as autograd brings them to weights that modules compute.

    Args:
      modules: of the model.
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        self._keys: dict[int, list[tuple[int, str]]] = {}
        self.makers = [module for module in modules if makes_weights(module)]
        self._older = {id(module) for module in self.makers if older_hooks(module)}
        for module in self.makers:
            if parametrize.is_parametrized(module):
                for name, makes in module.parametrizations.items():  # type: ignore[union-attr,operator]
                    self._keys[id(makes)] = [(id(module), name)]
        self.reset()

    def reset(self) -> None:
        """Forgets what arrived."""
        self.found: GradientOf = {}

    def called(self, module: nn.Module, output: Any) -> None:
        """A module was called: if it made a weight, or made one before, its gradient is awaited."""
        for key in self._keys.get(id(module), ()):
            self._await(key, output)
        if id(module) in self._older:
            for hook in older_hooks(module):
                self._await((id(module), hook.name), getattr(module, hook.name))

    def _await(self, key: tuple[int, str], weight: Any) -> None:
        if not isinstance(weight, torch.Tensor) or weight.grad_fn is None:
            return
        found = self.found

        def arrived(gradient: torch.Tensor) -> None:
            before = found.get(key)
            found[key] = gradient.detach().clone() if before is None else before + gradient

        weight.register_hook(arrived)  # type: ignore[no-untyped-call]


class EffectiveStep:
    """The weights that modules compute, right before a step, to be compared with those after it.

    Args:
      makers: modules that compute weights.
      stepped: says whether the optimizer steps a parameter.
      room: numbers that may be copied.
    """

    def __init__(
        self,
        makers: Iterable[nn.Module],
        stepped: Callable[[torch.Tensor], bool],
        room: int,
    ) -> None:
        self._room = room
        self._before: list[tuple[nn.Module, dict[str, torch.Tensor]]] = []
        for module in makers:
            made = made_weights(module, room)
            trained = [v for v in made.sources.values() if v.requires_grad] if made else []
            if made is None or not trained or not all(map(stepped, trained)):
                continue
            if sum(value.numel() for value in made.weights.values()) > room:
                continue
            room -= sum(value.numel() for value in made.weights.values())
            self._before.append((module, {n: v.clone() for n, v in made.weights.items()}))

    def gradients(self, arrived: GradientOf) -> GradientOf:
        """The weights' gradients, where those of their sources follow from them.

        Args:
          arrived: gradients that autograd brought to the weights.
        """
        found: GradientOf = {}
        for module, before in self._before:
            for name in before:
                gradient = arrived.get((id(module), name))
                made = None if gradient is None else made_weights(module, self._room)
                if gradient is None or made is None:
                    continue
                confirmed = _confirmed(module, name, made, gradient)
                if confirmed is not None:
                    found[id(module), name] = confirmed
        return found

    def finish(self) -> GradientOf:
        """By how much the step changed the weights, right after it."""
        found: GradientOf = {}
        for module, before in self._before:
            made = made_weights(module, self._room)
            for name, value in before.items():
                after = None if made is None else made.weights.get(name)
                if after is not None and after.shape == value.shape:
                    wide = torch.promote_types(after.dtype, torch.float32)
                    found[id(module), name] = after.to(wide) - value.to(wide)
        self._before = []
        return found


def _confirmed(
    module: nn.Module, name: str, made: Made, gradient: torch.Tensor
) -> torch.Tensor | None:
    """The gradient times a factor, if so the sources' gradients follow from it; else None."""
    pairs = [(v, v.grad) for v in made.sources.values() if v.requires_grad and v.grad is not None]
    with torch.enable_grad(), not_training(module):
        weight = _computed_anew(module, name)
        followed = torch.autograd.grad(
            weight, [value for value, _ in pairs], gradient.to(weight.dtype), allow_unused=True
        )
    has, follows, both = 0.0, 0.0, 0.0
    for (_, own), one in zip(pairs, followed, strict=True):
        wide = own.detach().double().flatten()
        has += float(wide @ wide)
        if one is not None:
            other = one.double().flatten()
            follows += float(other @ other)
            both += float(wide @ other)
    factor = both / follows if follows else math.nan
    # ‖own − factor · followed‖², with the factor that makes it smallest.
    left = has - factor * both
    if not factor > 0.0 or not left <= TOLERANCE**2 * has:
        return None
    return gradient * factor


def _computed_anew(module: nn.Module, name: str) -> torch.Tensor:
    hook = next((hook for hook in older_hooks(module) if hook.name == name), None)
    return getattr(module, name) if hook is None else older_weight(module, hook)
