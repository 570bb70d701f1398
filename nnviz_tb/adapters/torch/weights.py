"""The weights of one torch module, with their gradients, as layers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from nnviz_tb.adapters.torch.effective import computed_weights, sources_of
from nnviz_tb.adapters.torch.modules import Place, class_name, own_buffers, own_parameters
from nnviz_tb.adapters.torch.tensors import GradientOf, is_sharded, problem_of, to_numpy
from nnviz_tb.adapters.torch.views import Part, View, parts_of
from nnviz_tb.layers import Array, Layer

PACKED_NOTE = "its weight is quantised and packed, so it is not shown"


@dataclass
class Known:
    """What is known of the parameters of a whole model, by their ``id``.

    Attributes:
      gradient_of, update_of: given or read.
      owners: the path at which each parameter was found first.
      further: its other paths, where several modules share it.
    """

    gradient_of: GradientOf
    update_of: GradientOf
    owners: dict[int, str] = field(default_factory=dict)
    further: dict[int, list[str]] = field(default_factory=dict)

    def find_owners(self, places: list[Place]) -> None:
        """Notes where each parameter is found."""
        for place in places:
            for name, parameter in own_parameters(place.module).items():
                path = f"{place.name}/{name}"
                if self.owners.setdefault(id(parameter), path) != path:
                    self.further.setdefault(id(parameter), []).append(path)


@dataclass
class _Sorted:
    """The tensors of one module.

    Attributes:
      named: what can be shown, parameters and computed weights.
      buffers: real numbers that are no parameters.
      notes: on what cannot be shown, or stands elsewhere too.
      computed: whether some of them are computed from other parameters.
    """

    named: dict[str, torch.Tensor]
    buffers: dict[str, torch.Tensor]
    notes: list[str]
    computed: dict[str, torch.Tensor]
    sources: dict[str, torch.Tensor]


def weight_layers(place: Place, known: Known) -> list[Layer]:
    """The layers of one module, the main one first; none for one that only holds others."""
    tensors = _sorted(place, known)
    if not (tensors.named or tensors.buffers or tensors.notes):
        return []
    real = {name: value for name, value in tensors.named.items() if not value.is_complex()}
    parts = parts_of(place.module, real)
    taken = {name for part in parts for name in (part.kernel, part.bias)}
    others = {name: value for name, value in tensors.named.items() if name not in taken}
    layers = [_layer(place, part, real, known) for part in parts]
    alone = not parts or (bool(parts[0].suffix) and bool(others or tensors.buffers))
    if alone:
        layers.insert(0, Layer(place.name, class_name(place.module), trainable=False))
    held = [*others.values(), *tensors.sources.values()]
    uncounted = sum(tensors.computed[name].numel() for name in tensors.computed if name in taken)
    layers[0] = replace(
        layers[0],
        others=_histograms({**others, **tensors.buffers}),
        parameters=layers[0].parameters + sum(value.numel() for value in held) - uncounted,
        trainable=layers[0].trainable or any(value.requires_grad for value in held),
        notes=(*layers[0].notes, *tensors.notes),
    )
    return layers


def _sorted(place: Place, known: Known) -> _Sorted:
    module = place.module
    parameters = own_parameters(module)
    computed = {n: v for n, v in computed_weights(module).items() if problem_of(v) is None}
    sources = sources_of(module, computed)
    notes = []
    named: dict[str, torch.Tensor] = dict(computed)
    for name, value in parameters.items():
        path, problem = f"{place.name}/{name}", problem_of(value)
        if name in sources:
            continue
        if known.owners.get(id(value), path) != path:
            notes.append(f"{name} is the same parameter as {known.owners[id(value)]}, shown there")
        elif problem is not None:
            notes.append(f"{name} {problem}, so it is not shown")
        else:
            named[name] = value
            if id(value) in known.further:
                notes.append(f"{name} is also {' and '.join(known.further[id(value)])}")
    made_of = " and ".join(sources)
    notes += [f"{name} is the effective one, computed from {made_of}" for name in computed]
    if not parameters and hasattr(module, "_packed_params"):
        notes.append(PACKED_NOTE)
    notes += [f"{name} holds complex numbers" for name, v in named.items() if v.is_complex()]
    return _Sorted(named, _buffers(module), notes, computed, sources)


def _buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    """Buffers worth a histogram: what the module keeps as real numbers."""
    return {
        name: value
        for name, value in own_buffers(module).items()
        if value.is_floating_point() and value.dim() > 0 and problem_of(value) is None
    }


def _layer(place: Place, part: Part, named: dict[str, torch.Tensor], known: Known) -> Layer:
    kernel, bias = named.get(part.kernel), named.get(part.bias)
    notes = list(part.notes)
    values = None if kernel is None else part.view(to_numpy(kernel))
    offsets = None if bias is None else part.bias_view(to_numpy(bias))
    if kernel is not None and is_sharded(kernel):
        notes.append("only the shard of this process is shown")
    if values is not None and values.dtype.kind in "iu":
        notes.append(f"quantised: the kernel holds {values.dtype} values before scaling")
    return Layer(
        name=f"{place.name}/{part.suffix}" if part.suffix else place.name,
        type=class_name(place.module),
        kernel=values,
        kernel_name=part.kernel or "kernel",
        kernel_shape=() if kernel is None else tuple(kernel.shape),
        bias=offsets,
        bias_name=part.bias or "bias",
        gradient=_viewed(known.gradient_of, kernel, part.view),
        bias_gradient=_viewed(known.gradient_of, bias, part.bias_view),
        update=_viewed(known.update_of, kernel, part.view),
        parameters=sum(int(array.size) for array in (values, offsets) if array is not None),
        trainable=any(value.requires_grad for value in (kernel, bias) if value is not None),
        notes=tuple(notes),
    )


def _viewed(tensors: GradientOf, parameter: torch.Tensor | None, view: View) -> Array | None:
    value = None if parameter is None else tensors.get(id(parameter))
    return None if value is None else view(to_numpy(value))


def _histograms(tensors: dict[str, torch.Tensor]) -> dict[str, Array]:
    """The values by name; of complex numbers the two parts."""
    found: dict[str, Array] = {}
    for name, value in tensors.items():
        array = to_numpy(value)
        if np.iscomplexobj(array):
            found[f"{name}.real"], found[f"{name}.imag"] = array.real, array.imag
        else:
            found[name] = array
    return found
