"""Models of any framework as lists of :class:`nnviz_tb.layers.Layer`.

What an adapter owes. It is a module with

- ``SUPPORTS``: what it reads, in a few words for error messages;
- ``matches(model)``: whether the model is its own. It finds its framework in ``sys.modules`` and
  never imports it: a model of a framework cannot exist before the framework is imported, and
  ``import nnviz_tb`` must stay cheap for people who use another one;
- ``layers_of(model, *, inputs, gradients, updates)``: the layers in model order, everything in
  NumPy and in the views that ``nnviz_tb.layers`` describes. ``inputs`` is a probe batch for one
  forward pass in inference mode, after which the model must be as it was, also when it fails.

One whose models may be sharded over processes also has ``takes_part_only(model)``: whether this
process holds parts of the model, and another one writes.

An adapter alone knows its framework's names and axis orders. Guessing is allowed only in the open:
what was assumed goes into ``Layer.notes``. What is the same for all frameworks is not repeated in
them: grouping named arrays into layers is in ``grouping``, judging a function in ``activations``,
keeping samples in bounds in ``samples``, telling names apart in ``names``.

A new framework is one more module in ``_ADAPTERS``. The first that matches is asked: frameworks
first, since a Keras model may be a ``torch.nn.Module`` and a module may be a pytree; arrays last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from nnviz_tb.adapters import arrays, jax, keras, torch
from nnviz_tb.adapters.activations import with_given_activations
from nnviz_tb.adapters.names import with_distinct_names
from nnviz_tb.errors import AdapterError
from nnviz_tb.layers import Layer


class Adapter(Protocol):
    """What the module of a framework offers; see the header of this module."""

    SUPPORTS: str

    def matches(self, model: object) -> bool:
        """Whether the model is this framework's."""

    def layers_of(
        self, model: Any, *, inputs: Any = None, gradients: Any = None, updates: Any = None
    ) -> list[Layer]:
        """The model's layers in model order."""


_ADAPTERS: tuple[Adapter, ...] = (keras, torch, jax, arrays)


def layers_of(
    model: object,
    *,
    inputs: object = None,
    gradients: object = None,
    activations: Mapping[str, tuple[Callable[..., Any], Any]] | None = None,
    updates: object = None,
) -> list[Layer]:
    """The model's layers in model order, each under a name of its own.

    Args:
      model: what one of the adapters supports; None when there is nothing but ``activations``.
      inputs: a probe batch as the model takes it, of arrays; None for no forward pass.
      gradients: ``∂L/∂parameter``, a list in the order of the trainable parameters or a dict by
        name; entries may be None.
      activations: ``{layer name: (function, pre-activations)}``, attached to the layer of that
        name or made a layer of its own.
      updates: by how much one optimizer step changed each parameter, given as ``gradients`` are;
        only from integrations that saw the weights right before and right after that step.

    Raises:
      AdapterError: no adapter knows the model.
      ArgumentError: an argument is not as described, or the model has nothing to show.
    """
    if model is None and activations:
        return with_distinct_names(with_given_activations([], activations))
    adapter = _adapter_of(model)
    layers = adapter.layers_of(model, inputs=inputs, gradients=gradients, updates=updates)
    named = with_distinct_names(layers)
    return with_distinct_names(with_given_activations(named, activations))


def takes_part_only(model: object) -> bool:
    """Whether this process holds parts of a model of which another process writes."""
    takes_part = [getattr(adapter, "takes_part_only", None) for adapter in _ADAPTERS]
    return any(asked is not None and asked(model) for asked in takes_part)


def _adapter_of(model: object) -> Adapter:
    for adapter in _ADAPTERS:
        if adapter.matches(model):
            return adapter
    kind = type(model)
    supported = "; ".join(adapter.SUPPORTS for adapter in _ADAPTERS)
    raise AdapterError(
        f"model is a {kind.__module__}.{kind.__qualname__}, which no adapter reads; "
        f"supported: {supported}"
    )
