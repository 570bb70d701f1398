"""A torch model as layers: the modules, their weights and gradients, and what a pass showed."""

from __future__ import annotations

from typing import Any

from torch import nn

from nnviz_tb.adapters.torch.assembly import assemble
from nnviz_tb.adapters.torch.capture import Capture
from nnviz_tb.adapters.torch.distant import StepReading
from nnviz_tb.adapters.torch.modules import Place, places_of, unwrapped
from nnviz_tb.adapters.torch.probe import probe
from nnviz_tb.adapters.torch.processes import is_first_process
from nnviz_tb.adapters.torch.tensors import GradientOf, by_parameter, dense, is_sharded
from nnviz_tb.adapters.torch.weights import Known
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Layer


def read(model: nn.Module, inputs: Any, gradients: Any, updates: Any) -> list[Layer]:
    """See :func:`nnviz_tb.adapters.torch.layers_of`."""
    module = unwrapped(model)
    gradient_of = (
        present_gradients(module)
        if gradients is None
        else by_parameter(module, gradients, "gradients")
    )
    update_of = by_parameter(module, updates, "updates")
    places = places_of(module)
    capture = None if inputs is None else probe(module, places, inputs)
    layers = layers_seen(places, gradient_of, update_of, capture)
    if not layers:
        raise ArgumentError(
            f"model {type(module).__name__} has no parameters and no activation modules"
        )
    return layers


def takes_part_only(model: Any) -> bool:
    """Whether this process holds shards of the model, and that of rank 0 writes."""
    return not is_first_process() and any(map(is_sharded, model.parameters()))


def layers_seen(
    places: list[Place],
    gradient_of: GradientOf,
    update_of: GradientOf,
    capture: Capture | None,
    reading: StepReading | None = None,
) -> list[Layer]:
    """The layers of a model's modules, with what was seen of its activations."""
    known = Known(gradient_of, update_of, reading=reading or StepReading())
    known.find_owners(places)
    return assemble(places, known, capture)


def present_gradients(model: nn.Module) -> GradientOf:
    """What the parameters hold in ``.grad``, by ``id`` of the parameter."""
    found: GradientOf = {}
    for parameter in model.parameters():
        gradient = parameter.grad
        if gradient is not None and not gradient.is_meta:
            found[id(parameter)] = dense(gradient.detach())
    return found
