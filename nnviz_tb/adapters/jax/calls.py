"""Models as pure functions of their arrays."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from nnviz_tb.adapters.jax.weights import kind_in, variables_of
from nnviz_tb.errors import ArgumentError

Function = Callable[..., Any]


@dataclass(frozen=True)
class Forward:
    """One model, ready to be traced.

    Attributes:
      leaves: all of its arrays, random generators' states among them.
      call: from leaves and a sequence of arguments to what the model returns; changes nothing.
      key: equal for models whose programs are equal but for shapes; not always hashable.
    """

    leaves: list[Any]
    call: Callable[[Sequence[Any], Sequence[Any]], Any]
    key: Hashable


@dataclass(frozen=True)
class _ByName:
    """A function of a model and a dict of the arguments that it takes by name."""

    function: Function

    def __call__(self, model: Any, named: Mapping[str, Any]) -> Any:
        return self.function(model, **named)


def forward_of(model: Any, inputs: Any) -> tuple[Forward, tuple[Any, ...]]:
    """The call of a model in inference mode, and its arguments: those that the batch stands for.

    Raises:
      ArgumentError: it is nothing that can be called.
    """
    arguments = inputs if type(inputs) is tuple else (inputs,)
    if isinstance(model, kind_in("flax.nnx", "Module")) and callable(model):
        function = _taking(inputs, type(model).__call__, _evaluated)
        return _nnx(model, function), arguments
    if isinstance(model, kind_in("equinox", "Module")) and callable(model):
        function = _taking(inputs, type(model).__call__, _mapped)
        return _equinox(model, function, inference=True), arguments
    if isinstance(model, kind_in("flax.linen", "Module")):
        module, variables = model.unbind()
        function = _taking(inputs, type(module).__call__, module.apply)
        return _pytree(dict(variables), function, (type(module), module)), arguments
    if isinstance(model, kind_in("flax.training.train_state", "TrainState")):
        module = getattr(model.apply_fn, "__self__", None)
        is_linen = isinstance(module, kind_in("flax.linen", "Module"))
        called = type(module).__call__ if is_linen else model.apply_fn
        function = _taking(inputs, called, model.apply_fn)
        return _pytree(variables_of(model), function, model.apply_fn), arguments
    raise ArgumentError(
        "inputs: a pytree of arrays cannot be called on a probe batch; give the module itself "
        "(module.bind(variables) in Linen), or "
        "activations=nnviz_tb.jax.activations(function, model, *arguments)"
    )


def _taking(inputs: Any, called: Function, function: Function) -> Function:
    """The function, or the same by name where a dict names arguments of what it calls.

    Args:
      inputs: the batch.
      called: of a model and its arguments, what they are named by.
      function: of the same.
    """
    if not isinstance(inputs, Mapping) or not all(isinstance(name, str) for name in inputs):
        return function
    try:
        signature = inspect.signature(called)
        signature.bind(None, **inputs)
    except (TypeError, ValueError):  # a batch that is one argument, or a call that says nothing
        return function
    try:
        signature.bind(None, inputs)
    except TypeError:
        return _ByName(function)
    return _ByName(function) if inputs.keys() <= signature.parameters.keys() else function


def forward_through(function: Function, model: Any) -> Forward:
    """The call ``function(model, *arguments)``, in the mode that the model is in."""
    if isinstance(model, kind_in("flax.nnx", "Module")):
        return _nnx(model, function)
    if isinstance(model, kind_in("equinox", "Module")):
        return _equinox(model, function, inference=False)
    if isinstance(model, kind_in("flax.linen", "Module")):
        raise ArgumentError(
            "model: give the variables, with function=module.apply, instead of a bound module"
        )
    return _pytree(model, function, function)


def _evaluated(model: Any, *arguments: Any, **named: Any) -> Any:
    model.eval()
    return model(*arguments, **named)


def _mapped(model: Any, *arguments: Any, **named: Any) -> Any:
    """Equinox's modules take one sample."""
    axes = [0 if _holds_array(argument) else None for argument in arguments]
    named_axes = {name: 0 if _holds_array(value) else None for name, value in named.items()}

    def call(arguments: Sequence[Any], named: dict[str, Any]) -> Any:
        return model(*arguments, **named)

    return jax.vmap(call, in_axes=(axes, named_axes))([*arguments], named)


def _holds_array(argument: Any) -> bool:
    return any(isinstance(leaf, (jax.Array, np.ndarray)) for leaf in jax.tree.leaves(argument))


def _nnx(model: Any, function: Function) -> Forward:
    from flax import nnx

    graph, state = nnx.split(model)
    leaves, structure = jax.tree.flatten(state)

    def call(given: Sequence[Any], arguments: Sequence[Any]) -> Any:
        # A model of the trace's own: what its layers count or average is dropped with it.
        return function(nnx.merge(graph, jax.tree.unflatten(structure, given)), *arguments)

    return Forward(leaves, call, (function, graph, structure))


def _equinox(model: Any, function: Function, *, inference: bool) -> Forward:
    import equinox as eqx

    model = eqx.nn.inference_mode(model) if inference else model
    # NumPy's arrays are constants to Equinox, and may be what a shape is computed from.
    return _pytree(model, function, function, arrays=jax.Array)


def _pytree(
    model: Any, function: Function, key: Hashable, arrays: Any = (jax.Array, np.ndarray, np.generic)
) -> Forward:
    leaves, structure = jax.tree.flatten(model)
    # What is no array, as the step of a fresh train state, is part of the program.
    dynamic = [isinstance(leaf, arrays) for leaf in leaves]
    fixed = tuple(None if d else leaf for leaf, d in zip(leaves, dynamic, strict=True))

    def call(given: Sequence[Any], arguments: Sequence[Any]) -> Any:
        rest = iter(given)
        whole = [next(rest) if d else leaf for leaf, d in zip(fixed, dynamic, strict=True)]
        return function(jax.tree.unflatten(structure, whole), *arguments)

    given = [leaf for leaf, d in zip(leaves, dynamic, strict=True) if d]
    return Forward(given, call, (key, structure, fixed))
