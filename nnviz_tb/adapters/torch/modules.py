"""A torch model as a flat list of its modules, each once and with its path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import parametrize

_WRAPPERS = {
    "OptimizedModule": "_orig_mod",
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
"""Modules that only pass on what they are given, and where they keep what they wrap."""

PACKED = ("_packed_params", "_all_weight_values")
"""Where quantised layers keep their weights; these are no modules that anybody knows."""


@dataclass(frozen=True)
class Place:
    """One module of a model.

    Attributes:
      name: its path with ``/``; the class name for a model that is a single module.
      module: the module.
      aliases: further paths at which the very same module is found.
      outermost: its path is empty: it is the model itself.
    """

    name: str
    module: nn.Module
    aliases: tuple[str, ...] = ()
    outermost: bool = False


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside ``torch.compile``, DistributedDataParallel and the like."""
    while (inner := _inside(module)) is not None:
        module = inner
    return module


def _inside(module: nn.Module) -> nn.Module | None:
    attribute = _WRAPPERS.get(type(module).__name__)
    inner = None if attribute is None else getattr(module, attribute, None)
    return inner if isinstance(inner, nn.Module) else None


def keeps_flat_shards(module: nn.Module) -> bool:
    """Whether FSDP1 holds weights as flattened pieces, of which nobody can tell the neurons."""
    return any(type(one).__name__ == "FullyShardedDataParallel" for one in module.modules())


def places_of(model: nn.Module) -> list[Place]:
    """Every module once, parents before children, in the order in which they were registered.

    The model itself is the first, under the name of its class. Parametrizations are left out: they
    are how a weight is made, not a layer. A model that PEFT adapts keeps the names it had before.
    """
    model = unwrapped(model)
    found: dict[int, tuple[nn.Module, list[str], bool]] = {}
    for path, module in _walk(model, (), ()):
        name = "/".join(path) or class_name(module)
        found.setdefault(id(module), (module, [], not path))[1].append(name)
    return [
        Place(names[0], module, tuple(names[1:]), outermost)
        for module, names, outermost in found.values()
    ]


def _walk(
    module: nn.Module, path: tuple[str, ...], above: tuple[int, ...]
) -> Iterator[tuple[tuple[str, ...], nn.Module]]:
    if id(module) in above:
        return
    yield path, module
    skipped = set(PACKED)
    if parametrize.is_parametrized(module):
        skipped.add("parametrizations")
    for name, child in module._modules.items():
        if child is not None and name not in skipped:
            inner = path if _is_adapted(module, name, path) else (*path, name)
            yield from _walk(unwrapped(child), inner, (*above, id(module)))


def _is_adapted(module: nn.Module, name: str, path: tuple[str, ...]) -> bool:
    """Whether this is the way to the model inside PEFT's own: ``base_model.model``."""
    return not path and name in ("base_model", "model") and hasattr(module, "peft_config")


def class_name(module: nn.Module) -> str:
    """The name of the module's class, before parametrizations, FSDP or scripting changed it."""
    if isinstance(module, torch.jit.ScriptModule):
        return str(getattr(module, "original_name", type(module).__name__))
    kind = parametrize.type_before_parametrizations(module)
    if len(kind.__bases__) == 2 and kind.__bases__[0].__name__ == "FSDPModule":
        kind = kind.__bases__[1]
    return str(kind.__name__)


def torch_kinds(module: nn.Module) -> list[str]:
    """Names of torch's own classes that the module is an instance of, most special first."""
    kinds = _written_as(module).__mro__
    return [kind.__name__ for kind in kinds if kind.__module__.split(".")[0] == "torch"]


def is_torch_own(module: nn.Module) -> bool:
    """Whether the class itself, not only a base class of it, comes with torch."""
    kind = parametrize.type_before_parametrizations(module)
    return str(kind.__module__).split(".")[0] == "torch"


def _written_as(module: nn.Module) -> type:
    """The class of the module; of a scripted one that of torch it was made from, if it was."""
    if isinstance(module, torch.jit.ScriptModule):
        made_from = str(module._c._type().qualified_name())
        found = getattr(nn, class_name(module), None)
        if made_from.startswith("__torch__.torch.nn.") and isinstance(found, type):
            return found
    return type(module)


def own_parameters(module: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters of the module itself, by name."""
    return {name: value for name, value in module._parameters.items() if value is not None}


def own_buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    """The buffers of the module itself, by name."""
    return {name: value for name, value in module._buffers.items() if value is not None}
