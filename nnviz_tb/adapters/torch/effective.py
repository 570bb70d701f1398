"""Weights as a module uses them, where it makes them from others: parametrized, normalised."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils import parametrize


def computed_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    """By name the weights that the module computes from parameters, as they are now.

    ``torch.nn.utils.parametrize`` with all that builds on it, and the older ``weight_norm`` and
    ``spectral_norm``, which compute the weight in a hook before the next forward pass.
    """
    found: dict[str, torch.Tensor] = {}
    with torch.no_grad(), _not_training(module):
        if parametrize.is_parametrized(module):
            for name in module.parametrizations:  # type: ignore[union-attr]
                found[str(name)] = getattr(module, str(name)).detach()
        for hook in module._forward_pre_hooks.values():
            kind = type(hook).__name__
            if kind == "WeightNorm":
                found[hook.name] = hook.compute_weight(module).detach()  # type: ignore[attr-defined]
            elif kind == "SpectralNorm":
                weight = hook.compute_weight(module, do_power_iteration=False)  # type: ignore[attr-defined]
                found[hook.name] = weight.detach()  # type: ignore[attr-defined]
    return found


def sources_of(module: nn.Module, computed: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The parameters from which the weights are computed, by name."""
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
def _not_training(module: nn.Module) -> Iterator[None]:
    """Some parametrizations take a step of their own whenever they are read while training."""
    flags = [(inner, inner.training) for inner in module.modules()]
    try:
        for inner, _ in flags:
            inner.training = False
        yield
    finally:
        for inner, training in flags:
            inner.training = training
