"""Layers with a low-rank term beside their weight, as PEFT's LoRA builds them.

They are told by how they are built, so PEFT is never imported: a ``base_layer`` beside ``lora_A``
and ``lora_B``, a ``scaling`` for every adapter, and ``get_delta_weight``, which says what an
adapter adds to the weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from nnviz_tb.adapters.torch.tensors import problem_of


@dataclass(frozen=True)
class LowRank:
    """What a wrapper makes of the layer that it wraps.

    Attributes:
      base: the layer inside, whose kind says which axis holds the neurons.
      weights: by name in the base, the weights as they take part in the forward pass; empty when
        they cannot be computed, and ``note`` says why.
      note: a sentence on what they are made of.
    """

    base: nn.Module
    weights: dict[str, torch.Tensor]
    note: str


def is_low_rank(module: nn.Module) -> bool:
    """Whether the module wraps a layer as PEFT's LoRA does."""
    children = dict(module._modules.items())  # of a scripted module it is no dict
    return (
        isinstance(children.get("base_layer"), nn.Module)
        and ("lora_A" in children or "lora_embedding_A" in children)
        and isinstance(getattr(module, "scaling", None), dict)
        and callable(getattr(module, "get_delta_weight", None))
    )


def low_rank(module: nn.Module, room: int) -> LowRank:
    """The effective weights of a wrapper, as they are now.

    Args:
      module: one of which ``is_low_rank`` holds.
      room: numbers that a weight may have to be computed.
    """
    base = module._modules["base_layer"]
    assert base is not None
    weight, bias = base._parameters.get("weight"), base._parameters.get("bias")
    if weight is None or getattr(module, "parameter_name", "weight") != "weight":
        return LowRank(base, {}, "its base_layer has no weight that adapters are added to as one")
    problem = problem_of(weight)
    if problem is not None:
        said = f"the weight of its base_layer {problem}, so the effective weight is not computed"
        return LowRank(base, {}, said)
    weights: dict[str, torch.Tensor] = {"weight": weight}
    if bias is not None:
        weights["bias"] = bias
    if getattr(module, "merged", False):
        return LowRank(base, weights, "its adapters are merged into the weight")
    if getattr(module, "disable_adapters", False):
        return LowRank(base, weights, "its adapters are switched off, so its weight is the base's")
    adapters = _active(module)
    variants = [name for name in adapters if name in (getattr(module, "lora_variant", None) or ())]
    variants += [name for name in adapters if _flags(module, "use_dora").get(name)]
    if variants:
        said = f"adapter {variants[0]} is a variant of LoRA whose effective weight is not computed"
        return LowRank(base, {}, said)
    if adapters and weight.numel() > room:
        said = "the effective weights of the model are too large to be computed while it trains"
        return LowRank(base, {}, said)
    said = "the weight is the effective one: base_layer"
    with torch.no_grad():
        for name in adapters:
            delta: torch.Tensor = module.get_delta_weight(name)  # type: ignore[operator]
            if delta.shape != weight.shape:
                return LowRank(base, {}, f"adapter {name} is not of the shape of its base_layer")
            weights["weight"] = weights["weight"].detach() + delta.detach().to(weight.dtype)
            scaling = module.scaling[name]  # type: ignore[index]
            said += f" + {scaling:g} × lora_B · lora_A of adapter {name}"
            if bias is not None and _flags(module, "lora_bias").get(name):
                own = module.lora_B[name].bias  # type: ignore[index,union-attr]
                weights["bias"] = weights["bias"].detach() + own.detach() * scaling
    if adapters:
        said += "; gradients are those of lora_A and lora_B"
    return LowRank(base, weights, said)


def _active(module: nn.Module) -> list[str]:
    """Adapters that take part in the forward pass of this very module."""
    active = getattr(module, "active_adapters", ())
    names = [active] if isinstance(active, str) else list(active)
    scaling = module.scaling
    return [name for name in names if name in scaling]  # type: ignore[operator]


def _flags(module: nn.Module, name: str) -> dict[str, bool]:
    flags = getattr(module, name, None)
    return flags if isinstance(flags, dict) else {}
