"""One place of a Keras model, with its weights, gradients and samples, as layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nnviz_tb.adapters.activations import activation_from
from nnviz_tb.adapters.grouping import LAST_AXIS_NOTE, NamedArray, layers_of_arrays
from nnviz_tb.adapters.keras.kinds import keras_kinds, keras_module
from nnviz_tb.adapters.keras.probe import Samples
from nnviz_tb.adapters.keras.sites import Site, sites_of
from nnviz_tb.adapters.keras.variables import ArrayOf, own_variables, to_numpy
from nnviz_tb.adapters.keras.views import Part, parts_of
from nnviz_tb.adapters.keras.walk import Entry
from nnviz_tb.adapters.names import unique_name
from nnviz_tb.adapters.samples import SampleStore
from nnviz_tb.layers import Activation, Array, ElementwiseFunction, Layer
from nnviz_tb.sampling import spread_sample

MAX_CHANNELS = 4096
"""Channels of a per-channel function whose curves and inputs are kept; beyond, a fixed sample."""


def assemble(
    entry: Entry,
    samples: Samples,
    gradient_of: ArrayOf,
    update_of: ArrayOf,
    notes: tuple[str, ...],
) -> list[Layer]:
    """The layers of one place: its main kernel first, then further kernels, then activations.

    Args:
      entry: the place.
      samples: what the probe pass saw, empty without one.
      gradient_of: gradients by variable.
      update_of: changes in one optimizer step by variable.
      notes: on the probe pass, for every layer with an activation.
    """
    layers = _weight_layers(entry, gradient_of, update_of)
    sites = sites_of(entry.operation)
    for site in sites:
        store = samples.get(site.identity)
        activation = _activation(site, store)
        said = (*notes, *_sample_notes(entry, store))
        if site.apart or site is not sites[0] or not _continues(layers[0], activation):
            name = f"{entry.name}/{site.attribute}"
            layers.append(
                Layer(name, entry.type, trainable=False, activation=activation, notes=said)
            )
        else:
            main = layers[0]
            layers[0] = replace(main, activation=activation, notes=(*main.notes, *said))
    return layers


def _continues(layer: Layer, activation: Activation) -> bool:
    """Whether the activation's neurons can be those of the kernel."""
    if layer.kernel is None or activation.inputs is None:
        return True
    return bool(layer.kernel.shape[1] == activation.inputs.shape[1])


def _weight_layers(entry: Entry, gradient_of: ArrayOf, update_of: ArrayOf) -> list[Layer]:
    operation = entry.operation
    if not isinstance(operation, keras_module().Layer):
        return [Layer(entry.name, entry.type, trainable=False)]
    variables = own_variables(operation)
    if not operation.built:
        note = "not built: the model has not called it yet"
        return [Layer(entry.name, entry.type, trainable=False, notes=(note,))]
    if not variables:
        return [Layer(entry.name, entry.type, trainable=False)]
    parts = parts_of(operation)
    if parts is None:
        return _guessed(entry, variables, gradient_of, update_of)
    named = {id(part.kernel_variable) for part in parts} | {id(part.bias) for part in parts}
    others = [variable for variable in variables if id(variable) not in named]
    return [
        _layer(entry, part, others if part is parts[0] else [], gradient_of, update_of)
        for part in parts
    ]


def _layer(
    entry: Entry, part: Part, others: list[Any], gradient_of: ArrayOf, update_of: ArrayOf
) -> Layer:
    kernel = None if part.kernel is None else to_numpy(part.kernel)
    bias = None if part.bias is None else part.bias_view(to_numpy(part.bias))
    further = _named_values(others)
    if part.bias is not None and bias is None:
        further[part.bias.name] = to_numpy(part.bias)
    stored = [part.kernel_variable, *others, *([] if part.suffix else [part.bias])]
    # A kernel that rests on purpose is not frozen by mistake, though its bias moves; one that the
    # layer computes moves with any of what it is computed from.
    own = part.kernel is not None and part.kernel is part.kernel_variable
    moving = [part.kernel_variable] if own else stored
    notes: tuple[str, ...] = ()
    if kernel is not None and kernel.dtype.kind in "iu":
        notes = (f"quantised: the kernel holds {kernel.dtype} values before scaling",)
    return Layer(
        name=f"{entry.name}/{part.suffix}" if part.suffix else entry.name,
        type=entry.type,
        kernel=None if kernel is None else part.view(kernel),
        kernel_name=part.name,
        kernel_shape=() if kernel is None else kernel.shape,
        bias=bias,
        bias_name="bias" if part.bias is None else part.bias.name,
        gradient=_viewed(gradient_of.get(id(part.kernel_variable)), part.view),
        bias_gradient=_viewed(gradient_of.get(id(part.bias)), part.bias_view),
        update=_viewed(update_of.get(id(part.kernel_variable)), part.view),
        others=further,
        parameters=sum(math.prod(variable.shape) for variable in stored if variable is not None),
        trainable=any(bool(variable.trainable) for variable in moving if variable is not None),
        notes=notes,
    )


def _viewed(gradient: Array | None, view: Callable[[Array], Array | None]) -> Array | None:
    return None if gradient is None else view(gradient)


def _named_values(variables: list[Any]) -> dict[str, Array]:
    """Values by name, names that several variables have told apart."""
    taken: set[str] = set()
    return {unique_name(variable.name, taken): to_numpy(variable) for variable in variables}


def _guessed(
    entry: Entry, variables: list[Any], gradient_of: ArrayOf, update_of: ArrayOf
) -> list[Layer]:
    """Layers of a kind that nobody knows, by the names of their weights."""
    taken: set[str] = set()
    named = [
        NamedArray(
            (entry.name, unique_name(variable.name, taken)),
            to_numpy(variable),
            gradient_of.get(id(variable)),
            update_of.get(id(variable)),
            bool(variable.trainable),
        )
        for variable in variables
    ]
    layers = layers_of_arrays(named, entry.type)
    note = f"unknown kind of layer: {LAST_AXIS_NOTE}"
    layers = [replace(layer, notes=(note,) if layer.notes else ()) for layer in layers]
    if layers[0].name == entry.name:
        return layers
    if all(layer.kernel is None for layer in layers):
        # Nothing but small arrays: they belong to the layer itself, beside its activation.
        others = {name: value for layer in layers for name, value in layer.others.items()}
        size = sum(layer.parameters for layer in layers)
        trainable = any(layer.trainable for layer in layers)
        return [Layer(entry.name, entry.type, others=others, parameters=size, trainable=trainable)]
    return (
        [Layer(entry.name, entry.type, trainable=False), *layers]
        if sites_of(entry.operation)
        else layers
    )


def _activation(site: Site, store: SampleStore | None) -> Activation:
    inputs = None if store is None else store.inputs
    outputs = None if store is None else store.outputs
    if "PReLU" in keras_kinds(site.owner):
        return _prelu(site, inputs, outputs)
    learnable = site.attribute == "call" and bool(getattr(site.owner, "trainable_variables", ()))
    activation = activation_from(
        site.name, site.function, key=site.key, learnable=learnable, inputs=inputs, outputs=outputs
    )
    if "Softmax" in keras_kinds(site.owner):
        return replace(activation, softmax=True)
    return activation


def _prelu(site: Site, inputs: Array | None, outputs: Array | None) -> Activation:
    """One slope for every element that does not share it; a scalar when all do."""
    alpha = np.asarray(to_numpy(site.owner.alpha), dtype=np.float64).reshape(-1)
    channels = alpha.size
    if channels > MAX_CHANNELS:
        chosen = spread_sample(channels, MAX_CHANNELS)
        alpha = alpha[chosen]
        inputs = None if inputs is None else inputs[:, chosen]
        outputs = None if outputs is None else outputs[:, chosen]
    return Activation(
        function_name=site.name,
        function=_prelu_function(alpha),
        channels=alpha.size if channels > 1 else 0,
        learnable=bool(site.owner.alpha.trainable),
        inputs=inputs,
        outputs=outputs,
    )


def _prelu_function(alpha: Array) -> ElementwiseFunction:
    def prelu(x: Array) -> Array:
        value: Array = np.maximum(x, 0.0) + alpha * np.minimum(x, 0.0)
        return value

    return prelu


def _sample_notes(entry: Entry, store: SampleStore | None) -> tuple[str, ...]:
    if store is None:
        return ()
    notes = store.notes
    if store.inputs is None:
        not_called = "its activation was not called in the forward pass over the probe batch"
        return notes or (not_called,)
    if "Cell" in type(entry.operation).__name__:
        return (*notes, "samples of all time steps are taken together")
    if store.call_count > 1:
        return (*notes, f"called {store.call_count} times: the samples of all calls are together")
    return notes
