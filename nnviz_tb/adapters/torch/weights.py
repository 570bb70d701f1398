"""The weights of one torch module, with their gradients, as layers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from nnviz_tb.adapters.torch.axis_view import NO_NEURONS
from nnviz_tb.adapters.torch.distant import StepReading, array_of
from nnviz_tb.adapters.torch.effective import Made, made_weights
from nnviz_tb.adapters.torch.modules import (
    PACKED,
    Place,
    class_name,
    own_buffers,
    own_parameters,
)
from nnviz_tb.adapters.torch.tensors import GradientOf, Key, is_sharded, problem_of
from nnviz_tb.adapters.torch.views import Part, View, parts_of
from nnviz_tb.layers import Array, DistantArray, Layer

MAX_NUMBERS_MADE = 1 << 26
"""256 MiB of float32 for the effective weights of wrapped layers; beyond, their parts are shown."""
SCRIPTED_NOTE = "scripted: activation functions inside are not seen, as torch calls them itself"
PACKED_NOTE = "its weight is quantised and packed, so it is not shown"


@dataclass
class Known:
    """What is known of the parameters of a whole model, by their ``id``.

    Attributes:
      gradient_of, update_of: given or read.
      owners: the path at which each parameter was found first.
      further: its other paths, where several modules share it.
      made: what modules compute themselves, by ``id`` of the module.
      stood_for: ``id`` of modules for which a wrapper stands.
      reading: of those arrays that do not lie here, or not whole.
    """

    gradient_of: GradientOf
    update_of: GradientOf
    owners: dict[int, str] = field(default_factory=dict)
    further: dict[int, list[str]] = field(default_factory=dict)
    made: dict[int, Made] = field(default_factory=dict)
    stood_for: set[int] = field(default_factory=set)
    reading: StepReading = field(default_factory=StepReading)

    def find_owners(self, places: list[Place]) -> None:
        """Notes where each parameter is found, and what the modules make of them."""
        room = MAX_NUMBERS_MADE
        for place in places:
            made = made_weights(place.module, room)
            if made is not None:
                self.made[id(place.module)] = made
                if made.base is not None:
                    self.stood_for.add(id(made.base))
                    room -= sum(value.numel() for value in made.weights.values())
        for place in places:
            for name, parameter in self.parameters_of(place.module).items():
                path = f"{place.name}/{name}"
                if self.owners.setdefault(id(parameter), path) != path:
                    self.further.setdefault(id(parameter), []).append(path)

    def parameters_of(self, module: nn.Module) -> dict[str, torch.Tensor]:
        """The parameters to be shown with the module, by name."""
        made = self.made.get(id(module))
        if id(module) in self.stood_for:
            return {}
        if made is None or made.base is None:
            return own_parameters(module)
        return {**own_parameters(made.base), **own_parameters(module)}


@dataclass
class _Sorted:
    """The tensors of one module.

    Attributes:
      named: what can be shown, parameters and computed weights.
      buffers: real numbers that are no parameters.
      notes: on what cannot be shown, or stands elsewhere too.
      computed: those of ``named`` that are computed from other parameters.
      sources: of these, what is shown beside them.
      trainable: the optimizer may change what is computed.
      kind: the module whose kind says how the tensors are to be viewed.
    """

    named: dict[str, torch.Tensor]
    buffers: dict[str, torch.Tensor]
    notes: list[str]
    computed: dict[str, torch.Tensor]
    sources: dict[str, torch.Tensor]
    trainable: bool
    kind: nn.Module

    def key_of(self, place: Place, name: str) -> Key | None:
        """Under which gradient and update of a tensor are found."""
        if name in self.computed:
            return id(place.module), name
        return id(self.named[name]) if name in self.named else None


def weight_layers(place: Place, known: Known) -> list[Layer]:
    """The layers of one module, the main one first; none for one that only holds others."""
    if id(place.module) in known.stood_for:
        return []
    tensors = _sorted(place, known)
    if not (tensors.named or tensors.buffers or tensors.notes):
        return []
    real = {name: value for name, value in tensors.named.items() if not value.is_complex()}
    parts = parts_of(tensors.kind, real)
    taken = {name for part in parts for name in (part.kernel, part.bias)}
    others = {name: value for name, value in tensors.named.items() if name not in taken}
    layers = [_layer(place, part, tensors, known) for part in parts]
    alone = not parts or (bool(parts[0].suffix) and bool(others or tensors.buffers))
    if alone:
        layers.insert(0, Layer(place.name, class_name(place.module), trainable=False))
    beside = {**others, **tensors.sources}
    counted = [v for n, v in beside.items() if not _is_shown_before(n, v, place, known)]
    uncounted = sum(tensors.computed[name].numel() for name in tensors.computed if name in taken)
    layers[0] = replace(
        layers[0],
        others=_histograms(
            {**beside, **_gradients(beside, known), **tensors.buffers}, place, known
        ),
        parameters=layers[0].parameters + sum(value.numel() for value in counted) - uncounted,
        trainable=layers[0].trainable
        or (
            layers[0].kernel is None
            and (tensors.trainable or any(value.requires_grad for value in beside.values()))
        ),
        notes=(*layers[0].notes, *tensors.notes),
    )
    return layers


def _sorted(place: Place, known: Known) -> _Sorted:
    made = known.made.get(id(place.module)) or Made({}, {})
    kind = place.module if made.base is None else made.base
    parameters = known.parameters_of(place.module)
    skipped = {*made.sources, *made.weights}
    notes: list[str] = []
    named: dict[str, torch.Tensor] = dict(made.weights)
    for name, value in parameters.items():
        problem = problem_of(value)
        if name in skipped:
            continue
        if _is_shown_before(name, value, place, known):
            notes.append(f"{name} is the same parameter as {known.owners[id(value)]}, shown there")
        elif problem is not None:
            notes.append(f"{name} {problem}, so it is not shown")
        else:
            named[name] = value
            if id(value) in known.further:
                notes.append(f"{name} is also {' and '.join(known.further[id(value)])}")
    notes += made.notes
    if not parameters and any(hasattr(kind, name) for name in PACKED):
        notes.append(PACKED_NOTE)
    if parameters and isinstance(kind, torch.jit.ScriptModule):
        notes.append(SCRIPTED_NOTE)
    notes += [f"{name} holds complex numbers" for name, v in named.items() if v.is_complex()]
    sources = {name: value for name, value in made.held.items() if problem_of(value) is None}
    trainable = any(value.requires_grad for value in made.sources.values())
    return _Sorted(named, _buffers(kind), notes, made.weights, sources, trainable, kind)


def _is_shown_before(name: str, parameter: torch.Tensor, place: Place, known: Known) -> bool:
    """Whether the parameter was found before, in another module or under another name."""
    path = f"{place.name}/{name.removeprefix('base_layer.')}"
    return known.owners.get(id(parameter), path) != path


def _gradients(named: dict[str, torch.Tensor], known: Known) -> dict[str, torch.Tensor]:
    found = {f"{n}_gradient": known.gradient_of.get(id(value)) for n, value in named.items()}
    return {name: value for name, value in found.items() if value is not None}


def _buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    """Buffers worth a histogram: what the module keeps as real numbers."""
    return {
        name: value
        for name, value in own_buffers(module).items()
        if value.is_floating_point() and value.dim() > 0 and problem_of(value) is None
    }


def _layer(place: Place, part: Part, tensors: _Sorted, known: Known) -> Layer:
    kernel, bias = tensors.named.get(part.kernel), tensors.named.get(part.bias)
    kernel_key, bias_key = tensors.key_of(place, part.kernel), tensors.key_of(place, part.bias)
    notes = list(part.notes)
    name = f"{place.name}/{part.suffix}" if part.suffix else place.name

    def viewed(value: torch.Tensor | None, view: View, role: str) -> Array | DistantArray | None:
        return None if value is None else array_of(value, view, f"{name}: {role}", known.reading)

    def of_step(tensors: GradientOf, key: Key | None) -> torch.Tensor | None:
        return None if key is None else tensors.get(key)

    values, offsets = viewed(kernel, part.view, "kernel"), viewed(bias, part.bias_view, "bias")
    if kernel is not None and is_sharded(kernel) and not isinstance(values, DistantArray):
        notes.append("only the shard of this process is shown")
    if kernel is not None and not kernel.is_floating_point() and kernel.dtype != torch.bool:
        kind = str(kernel.dtype).removeprefix("torch.")
        notes.append(f"quantised: the kernel holds {kind} values before scaling")
    gradient, update = of_step(known.gradient_of, kernel_key), of_step(known.update_of, kernel_key)
    return Layer(
        name=name,
        type=class_name(place.module),
        kernel=values,
        kernel_name=part.kernel or "kernel",
        kernel_shape=() if kernel is None else tuple(kernel.shape),
        bias=offsets,
        bias_name=part.bias or "bias",
        gradient=viewed(gradient, part.view, "gradient"),
        bias_gradient=viewed(
            of_step(known.gradient_of, bias_key), part.bias_view, "gradient of the bias"
        ),
        update=viewed(update, part.view, "update"),
        parameters=sum(int(array.size) for array in (values, offsets) if array is not None),
        trainable=_may_move(part, tensors),
        notes=tuple(notes),
    )


def _may_move(part: Part, tensors: _Sorted) -> bool:
    """Whether the optimizer may change the kernel, or the bias of a layer that has no kernel.

    A kernel that rests on purpose is not frozen by mistake, though its bias moves.
    """
    if part.kernel in tensors.computed:
        return tensors.trainable
    value = tensors.named.get(part.kernel, tensors.named.get(part.bias))
    return value is not None and value.requires_grad


def _histograms(
    tensors: dict[str, torch.Tensor], place: Place, known: Known
) -> dict[str, Array | DistantArray]:
    """The values by name; of complex numbers the two parts."""
    found: dict[str, Array | DistantArray] = {}
    for name, value in tensors.items():
        array = array_of(value, NO_NEURONS, f"{place.name}: {name} beside", known.reading)
        if isinstance(array, np.ndarray) and np.iscomplexobj(array):
            found[f"{name}.real"], found[f"{name}.imag"] = array.real, array.imag
        else:
            found[name] = array
    return found
