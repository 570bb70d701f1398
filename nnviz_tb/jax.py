"""Activations of any JAX function, and names for what it computes on the way.

A mark costs nothing where it is not read: it is the identity, and XLA compiles it away, so a
training step with taps in it is the step without them. Nothing calls back to the host and nothing
is carried along on steps that are not logged. On a step that is, :func:`activations` runs the
forward pass once more, as a program of its own that computes what reached the activation functions
and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from nnviz_tb.adapters.jax.assembly import assemble_through
from nnviz_tb.adapters.jax.marks import mark
from nnviz_tb.adapters.names import with_distinct_names
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Activation

__all__ = ["activations", "tap"]


@overload
def tap(name: str, function: Callable[..., Any], /) -> Callable[..., Any]: ...
@overload
def tap(name: str, x: Any, /) -> Any: ...
@overload
def tap(name: str, x: Any, function: Callable[..., Any], /) -> Any: ...
def tap(name: str, x: Any, function: Callable[..., Any] | None = None, /) -> Any:
    """The activation function, named; ``tap(name, x, function)`` is ``tap(name, function)(x)``.

    What it computes, its gradient and its compiled program are the function's own. It works inside
    ``jit``, ``grad``, ``vmap``, ``checkpoint`` and ``shard_map``.

    Args:
      name: of the layer in the panel; a layer of that name gets the activation.
      x: the pre-activations; with no function, ``x`` itself is returned and only its density seen.
      function: of one array, elementwise or not.

    Raises:
      ArgumentError: the name is not a string, or empty.
    """
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"name must be a string that is not empty, got {name!r:.80}")
    if function is not None:
        return mark(name, "outputs", function(mark(name, "inputs", x)))
    if not callable(x):
        return mark(name, "inputs", x)

    def tapped(x: Any, *args: Any, **kwargs: Any) -> Any:
        return mark(name, "outputs", function_(mark(name, "inputs", x), *args, **kwargs))

    function_ = x
    return tapped


def activations(
    function: Callable[..., Any], model: Any, /, *arguments: Any
) -> dict[str, Activation]:
    """What reaches the activations in ``function(model, *arguments)``, by the layers' names.

    For ``log_model(model, step, activations=…)`` where there is no module to call: with
    ``module.apply`` and Linen's variables, or with the loss that is trained. Every elementwise
    function in it is found, tapped or not, but for those inside of loops (``scan``, ``while``,
    ``cond``). It is traced, and compiled once for its arguments' shapes.

    Args:
      function: pure; it may be jitted.
      model: pytree of arrays, or a Flax NNX or Equinox module.
      arguments: what else it is called with.

    Raises:
      ArgumentError: the function fails on these arguments.
      AdapterError: the model is nothing of JAX's world.
    """
    layers = with_distinct_names(assemble_through(function, model, arguments))
    return {layer.name: layer.activation for layer in layers if layer.activation is not None}
