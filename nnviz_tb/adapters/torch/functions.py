"""Activation functions of torch: modules that are one, and functions that a forward calls."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nnviz_tb.adapters.activations import kind_of
from nnviz_tb.adapters.torch.modules import is_torch_own, own_buffers, own_parameters, torch_kinds
from nnviz_tb.adapters.torch.tensors import from_numpy, to_numpy
from nnviz_tb.layers import Array

_ACTIVATION_ROOM = "torch.nn.modules.activation"
_TRIAL = np.linspace(-4.0, 4.0, 9, dtype=np.float32).reshape(1, -1)

_NAMES = (
    "relu", "relu6", "leaky_relu", "rrelu", "prelu", "elu", "celu", "selu", "gelu", "silu", "mish",
    "sigmoid", "hardsigmoid", "logsigmoid", "tanh", "hardtanh", "tanhshrink", "hardswish",
    "softplus", "softsign", "softshrink", "hardshrink", "threshold", "glu",
    "softmax", "softmin", "log_softmax",
)  # fmt: skip


def _functions() -> dict[Any, str]:
    """Every callable that a forward may use for these functions, with the function's name."""
    found: dict[Any, str] = {torch.special.expit: "sigmoid", torch.special.softmax: "softmax"}
    for name in _NAMES:
        for home in (F, torch, torch.Tensor):
            for spelling in (name, f"{name}_"):
                function = getattr(home, spelling, None)
                if callable(function):
                    found[function] = name
    return found


FUNCTIONS = _functions()
"""Functions of torch that are activations, by what stands for them in ``__torch_function__``."""

_DIMENSION = {"softmax": None, "softmin": None, "log_softmax": None, "glu": -1}
"""Functions over one axis, with the axis they take when none is given."""


def is_activation(module: nn.Module) -> bool:
    """Whether calling the module is calling one activation function, torch's or the user's."""
    kinds = type(module).__mro__
    if any(kind.__module__ == _ACTIVATION_ROOM for kind in kinds):
        return "MultiheadAttention" not in torch_kinds(module)
    return not is_torch_own(module) and _is_function(module)


def _is_function(module: nn.Module) -> bool:
    """A module of the user's own that maps every value alone, and not by a straight line.

    It has to be called to find out, so one that holds anything but trainable scalars is left alone.
    """
    parameters = own_parameters(module)
    if module._modules or own_buffers(module) or isinstance(module, torch.jit.ScriptModule):
        return False
    if not all(value.numel() == 1 and not value.is_meta for value in parameters.values()):
        return False
    try:
        signature = inspect.signature(module.forward)
        signature.bind(None)
    except (TypeError, ValueError):
        return False
    return _is_curve(module)


def _is_curve(module: nn.Module) -> bool:
    known = _known_curves.get(type(module))
    if known is not None and not own_parameters(module):
        return known
    call = module_function(module)
    found = kind_of(call).elementwise and not _is_straight(call)
    if not own_parameters(module):
        _known_curves[type(module)] = found
    return found


_known_curves: dict[type[nn.Module], bool] = {}


def _is_straight(call: Callable[[Array], Array]) -> bool:
    """Whether the function is a multiple of the identity: dropout, scaling, a place-holder."""
    values = np.asarray(call(_TRIAL), np.float64)[0]
    bends = np.diff(values, 2)
    return bool(np.all(np.abs(bends) <= 1e-5 * max(1.0, float(np.max(np.abs(values))))))


def module_function(module: nn.Module) -> Callable[[Array], Array]:
    """The module's forward on an array; float32 inside, hooks are not called."""
    parameter = next(iter(own_parameters(module).values()), None)
    device = "cpu" if parameter is None else parameter.device

    def call(values: Array) -> Array:
        wide = torch.autocast(torch.device(device).type, enabled=False)
        with torch.no_grad(), wide, instance_kept(module):
            tensor = from_numpy(np.asarray(values, np.float32), device)
            return to_numpy(module.forward(tensor))

    return call


@contextlib.contextmanager
def instance_kept(module: nn.Module) -> Iterator[None]:
    """What the forward assigns to the module's own attributes is undone."""
    attributes, training = dict(vars(module)), module.training
    module.training = False
    try:
        yield
    finally:
        vars(module).clear()
        vars(module).update(attributes)
        module.training = training


def call_function(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[Array], Array]:
    """A function as a forward called it, on an array: with the same further arguments.

    The same call gives the same object, under which its kind and its curve can be remembered.
    """
    further = {key: value for key, value in kwargs.items() if key not in ("input", "inplace")}
    name = FUNCTIONS[function]
    # Never the spelling that works in place.
    plain: Callable[..., Any] = getattr(F, name, function)
    if name in _DIMENSION:
        args, further = (), {"dim": -1}
    rest = tuple(value for value in args if not isinstance(value, bool))
    plainest = all(type(value) in (int, float, str) for value in (*rest, *further.values()))
    make = _kept_call if plainest else _called
    return make(plain, rest, tuple(sorted(further.items())))


def _called(
    function: Callable[..., Any], rest: tuple[Any, ...], further: tuple[tuple[str, Any], ...]
) -> Callable[[Array], Array]:
    keywords = dict(further)

    def call(values: Array) -> Array:
        with torch.no_grad():
            tensor = from_numpy(np.asarray(values, np.float32))
            return to_numpy(function(tensor, *rest, **keywords))

    return call


_kept_call = functools.lru_cache(maxsize=256, typed=True)(_called)


def module_name(module: nn.Module) -> str:
    """The class name, with the arguments that are not the usual ones."""
    kind = type(module)
    try:
        signature = inspect.signature(kind.__init__)
    except (TypeError, ValueError):
        return kind.__name__
    given = [
        f"{name}={_short(vars(module)[name])}"
        for name, argument in signature.parameters.items()
        if name in vars(module)
        and name not in ("inplace", "dim")
        and isinstance(vars(module)[name], (int, float, str))
        and vars(module)[name] != argument.default
    ]
    return f"{kind.__name__}({', '.join(given)})" if given else kind.__name__


def call_name(
    function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str:
    """The function's name, with the numbers and words it was called with, if they are unusual."""
    if name in _DIMENSION:
        return name
    try:
        usual = {key: p.default for key, p in inspect.signature(function).parameters.items()}
    except (TypeError, ValueError):  # written in C
        usual = {}
    given = [_short(value) for value in args if type(value) in (int, float)]
    given += [
        f"{key}={_short(value)}"
        for key, value in kwargs.items()
        if type(value) in (int, float, str) and value != usual.get(key)
    ]
    return f"{name}({', '.join(given)})" if given else name


def _short(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else value


def axis_of(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    """The axis over which a function runs, None for one that maps every value on its own."""
    if name not in _DIMENSION:
        return None
    given = kwargs.get("dim", args[0] if args else None)
    if given is None:
        given = _DIMENSION[name]
    return -1 if given is None else int(given)
