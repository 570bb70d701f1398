"""Weights as a module uses them, where it makes them of others: parametrized, normed, LoRA."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from nnviz_tb.adapters.torch.lora import is_low_rank, low_rank
from nnviz_tb.adapters.torch.modules import own_parameters
from nnviz_tb.adapters.torch.tensors import problem_of

_OLDER = ("WeightNorm", "SpectralNorm")
"""Hooks of torch that compute a weight before the forward pass."""


@dataclass(frozen=True)
class Made:
    """The weights that one module makes of parameters, as they are now.

    Attributes:
      weights: by name, what the forward pass works with.
      sources: what they are made of, by the name below the module.
      shown_elsewhere: those sources that belong to modules of their own.
      notes: sentences on how it is made, or why it cannot be computed.
      base: the module inside a wrapper for whose weights these stand, else None.
    """

    weights: dict[str, torch.Tensor]
    sources: dict[str, torch.Tensor]
    shown_elsewhere: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    base: nn.Module | None = None

    @property
    def held(self) -> dict[str, torch.Tensor]:
        """The sources that are to be shown beside the weights."""
        return {n: v for n, v in self.sources.items() if n not in self.shown_elsewhere}


def makes_weights(module: nn.Module) -> bool:
    """Whether the module computes a weight; nothing is computed to find out."""
    return parametrize.is_parametrized(module) or bool(older_hooks(module)) or is_low_rank(module)


def made_weights(module: nn.Module, room: int) -> Made | None:
    """The weights that the module computes; None when it computes none.

    Args:
      module: of any kind.
      room: numbers that the weight of a wrapper may have.

    ``torch.nn.utils.parametrize`` with all that builds on it, the older ``weight_norm`` and
    ``spectral_norm``, which compute the weight in a hook before the next forward pass, and the
    wrappers of :mod:`nnviz_tb.adapters.torch.lora`, whose parts can be shown instead of the whole.
    """
    if not makes_weights(module):
        return None
    if is_low_rank(module):
        return _of_wrapper(module, room)
    computed = {n: v for n, v in _computed(module).items() if problem_of(v) is None}
    sources = _sources(module, computed)
    made_of = " and ".join(sources)
    notes = tuple(
        f"{name} is the effective one, computed from {made_of}; so are its update and gradient, "
        "where a watch saw them"
        for name in computed
    )
    return Made(computed, sources, notes=notes)


def _of_wrapper(module: nn.Module, room: int) -> Made:
    found = low_rank(module, room)
    own = own_parameters(found.base)
    computed = {n: v for n, v in found.weights.items() if v is not own.get(n)}
    held = {f"base_layer.{name}": own[name] for name in computed}
    terms = {n: v for n, v in module.named_parameters() if not n.startswith("base_layer.")}
    base = found.base if found.weights else None
    return Made(
        computed,
        {**held, **terms} if computed else {},
        frozenset(terms),
        (found.note,),
        base,
    )


def _computed(module: nn.Module) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    with torch.no_grad(), not_training(module):
        if parametrize.is_parametrized(module):
            for name in module.parametrizations:  # type: ignore[union-attr]
                found[str(name)] = getattr(module, str(name)).detach()
        for hook in older_hooks(module):
            found[hook.name] = older_weight(module, hook).detach()
    return found


def older_hooks(module: nn.Module) -> list[Any]:
    """The hooks of an older ``weight_norm`` or ``spectral_norm``, with the ``name`` of a weight."""
    return [hook for hook in module._forward_pre_hooks.values() if type(hook).__name__ in _OLDER]


def older_weight(module: nn.Module, hook: Any) -> torch.Tensor:
    """What the hook will compute before the next pass."""
    rest = {} if type(hook).__name__ == "WeightNorm" else {"do_power_iteration": False}
    weight: torch.Tensor = hook.compute_weight(module, **rest)
    return weight


def _sources(module: nn.Module, computed: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    named = {
        f"{name}{ending}": module._parameters.get(f"{name}{ending}")
        for name in computed
        for ending in ("_g", "_v", "_orig")
    }
    found: dict[str, torch.Tensor] = {n: v for n, v in named.items() if v is not None}
    if parametrize.is_parametrized(module):
        parametrizations = module.parametrizations
        assert isinstance(parametrizations, nn.Module)
        found.update(parametrizations.named_parameters(prefix="parametrizations"))
    return found


@contextlib.contextmanager
def not_training(module: nn.Module) -> Iterator[None]:
    """Some parametrizations take a step of their own whenever they are read while training."""
    flags = [(inner, inner.training) for inner in module.modules()]
    try:
        for inner, _ in flags:
            inner.training = False
        yield
    finally:
        for inner, training in flags:
            inner.training = training
