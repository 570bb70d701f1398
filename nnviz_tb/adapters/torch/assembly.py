"""The modules of a torch model, and the functions their forwards call, as layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import nn

from nnviz_tb.adapters.activations import activation_from
from nnviz_tb.adapters.samples import SampleStore
from nnviz_tb.adapters.torch import functions
from nnviz_tb.adapters.torch.capture import Capture
from nnviz_tb.adapters.torch.device_samples import DeviceSamples
from nnviz_tb.adapters.torch.merging import Arriving
from nnviz_tb.adapters.torch.modules import Place, own_parameters
from nnviz_tb.adapters.torch.sites import Site
from nnviz_tb.adapters.torch.tensors import to_numpy
from nnviz_tb.adapters.torch.weights import Known, weight_layers
from nnviz_tb.layers import Activation, Array, ElementwiseFunction, Layer
from nnviz_tb.sampling import spread_sample

MAX_CHANNELS = 4096
"""Channels of a per-channel function whose curves and inputs are kept; beyond, a fixed sample."""

UNCALLED_NOTE = "its activation was not called in the pass over the batch"


def assemble(places: list[Place], known: Known, capture: Capture | None) -> list[Layer]:
    """All layers in model order: of each module, then of the functions called after it.

    Args:
      places: the model's modules.
      known: gradients, updates and shared parameters.
      capture: what was seen of the activations, or None when nothing was looked at.
    """
    functions_after: dict[int, list[Site]] = {}
    modules: dict[int, Site] = {}
    for site in [] if capture is None else capture.sites.values():
        if site.module is None:
            functions_after.setdefault(site.place, []).append(site)
        else:
            modules[site.place] = site
    layers = []
    for number, place in enumerate(places):
        layers += _module_layers(place, known, modules.get(number), capture is not None)
        layers += [_function_layer(site) for site in functions_after.get(number, ())]
    return _arriving(layers, capture)


def _arriving(layers: list[Layer], capture: Capture | None) -> list[Layer]:
    """The layers; where samples come from an accelerator, they are said to be on their way."""
    sites = [] if capture is None else capture.sites.values()
    stores = [site.store for site in sites if isinstance(site.store, DeviceSamples)]
    devices = {store.device for store in stores if store.device is not None}
    if not devices:
        return layers
    arrival = Arriving(devices)
    return [
        replace(layer, activation=replace(layer.activation, arriving=arrival))
        if layer.activation is not None
        else layer
        for layer in layers
    ]


def _module_layers(place: Place, known: Known, site: Site | None, looked_at: bool) -> list[Layer]:
    layers = weight_layers(place, known)
    if functions.is_activation(place.module):
        main = (
            layers[0] if layers else Layer(place.name, type(place.module).__name__, trainable=False)
        )
        notes: tuple[str, ...] = (UNCALLED_NOTE,) if looked_at else ()
        if site is not None and site.store.call_count:
            notes = (*sorted(site.notes), *_sample_notes(site.store))
        activation = _module_activation(place.module, None if site is None else site.store)
        layers[:1] = [replace(main, activation=activation, notes=(*main.notes, *notes))]
    if layers and place.aliases:
        note = f"the same module is also {' and '.join(place.aliases)}"
        layers[0] = replace(layers[0], notes=(*layers[0].notes, note))
    return layers


def _function_layer(site: Site) -> Layer:
    assert site.function is not None
    activation = activation_from(
        site.function_name,
        site.function,
        key=site.function,
        inputs=site.store.inputs,
        outputs=site.store.outputs,
    )
    notes = (*sorted(site.notes), *_sample_notes(site.store))
    return Layer(site.name, "function", trainable=False, activation=activation, notes=notes)


def _module_activation(module: nn.Module, store: SampleStore | None) -> Activation:
    inputs = None if store is None else store.inputs
    outputs = None if store is None else store.outputs
    name = functions.module_name(module)
    if isinstance(module, nn.PReLU):
        return _prelu(module, inputs, outputs)
    function, key = functions.module_function(module), module
    learnable = any(value.requires_grad for value in own_parameters(module).values())
    activation = activation_from(
        name, function, key=key, learnable=learnable, inputs=inputs, outputs=outputs
    )
    if isinstance(module, (nn.Softmax, nn.Softmax2d)):
        # Its axis may not be the last one of a row of numbers, on which it was tried.
        return replace(activation, function=None, softmax=True)
    return activation


def _prelu(module: nn.PReLU, inputs: Array | None, outputs: Array | None) -> Activation:
    """One slope for every channel, or one for all."""
    slopes = np.asarray(to_numpy(module.weight), dtype=np.float64).reshape(-1)
    if slopes.size > MAX_CHANNELS:
        chosen = spread_sample(slopes.size, MAX_CHANNELS)
        slopes = slopes[chosen]
        inputs = None if inputs is None else inputs[:, chosen]
        outputs = None if outputs is None else outputs[:, chosen]
    return Activation(
        function_name="PReLU",
        function=_prelu_function(slopes),
        channels=slopes.size if slopes.size > 1 else 0,
        learnable=module.weight.requires_grad,
        inputs=inputs,
        outputs=outputs,
    )


def _prelu_function(slopes: Array) -> ElementwiseFunction:
    def prelu(x: Array) -> Array:
        value: Array = np.maximum(x, 0.0) + slopes * np.minimum(x, 0.0)
        return value

    return prelu


def _sample_notes(store: SampleStore) -> tuple[str, ...]:
    if store.call_count > 1:
        said = f"called {store.call_count} times: the samples of all calls are together"
        return (*store.notes, said)
    return store.notes
