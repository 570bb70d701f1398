"""Torch tensors as NumPy, and a word on those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Array

ml_dtypes: Any
try:
    import ml_dtypes
except ImportError:  # comes with TensorFlow and JAX, not with torch
    ml_dtypes = None

Key = int | tuple[int, str]
"""``id`` of a parameter; or of a module, with the name of a weight that the module computes."""
GradientOf = dict[Key, torch.Tensor]
"""Gradients or updates by what they belong to."""


def problem_of(tensor: torch.Tensor) -> str | None:
    """Why the tensor's values cannot be shown, as the end of a sentence; None when they can."""
    if is_lazy(tensor):
        return "has no shape yet: the module has not been called"
    if tensor.is_meta or type(tensor).__name__ == "FakeTensor":
        return "has no values: it is on the meta device"
    if tensor.is_quantized or tensor.dtype in _QUANTISED:
        return f"is quantised ({_dtype_name(tensor)})"
    if tensor.layout != torch.strided:
        return f"is sparse ({str(tensor.layout).removeprefix('torch.')})"
    if tensor.is_nested:
        return "is nested"
    if hasattr(tensor, "quant_state"):
        return "is quantised (packed by bitsandbytes)"
    return None


_QUANTISED = {torch.qint8, torch.quint8, torch.qint32, torch.quint4x2, torch.quint2x4}


def _dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def to_numpy(tensor: torch.Tensor) -> Array:
    """The values as NumPy: on the CPU a view that shares memory, of other devices a copy.

    bfloat16 stays so where ``ml_dtypes`` is installed and is float32 elsewhere, float8 is float32,
    bool is uint8. Of a sharded tensor it is the shard of this process.
    """
    values = local(tensor.detach())
    if values.device.type != "cpu":
        values = values.cpu()
    values = values.resolve_conj().resolve_neg()
    if values.dtype == torch.bool:
        return values.view(torch.uint8).numpy()
    if values.dtype == torch.bfloat16 and ml_dtypes is not None:
        bits: Array = values.view(torch.int16).numpy()
        return bits.view(ml_dtypes.bfloat16)
    if values.is_floating_point() and values.dtype not in _NUMPY_FLOATS:
        values = values.float()
    array: Array = values.numpy()
    return array


_NUMPY_FLOATS = {torch.float16, torch.float32, torch.float64}


def is_sharded(tensor: torch.Tensor) -> bool:
    """Whether this process holds only a part of the tensor, or a term of the sum that it is."""
    placements = getattr(tensor, "placements", None)
    return placements is not None and not all(place.is_replicate() for place in placements)


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The part of the tensor that lies in this process: all of it, unless it is sharded."""
    to_local = getattr(tensor, "to_local", None)
    if to_local is None:
        return tensor
    part: torch.Tensor = to_local()
    wait = getattr(part, "wait", None)  # of what a collective is still making
    return part if wait is None else wait()


def from_numpy(values: Array, device: torch.device | str = "cpu") -> torch.Tensor:
    """The array as a tensor; a copy, since an array may be read-only."""
    return torch.from_numpy(np.array(values)).to(device)


def dense(gradient: torch.Tensor) -> torch.Tensor:
    """The gradient with its zeros, where an embedding left them out."""
    return gradient if gradient.layout == torch.strided else gradient.to_dense()


def by_parameter(model: torch.nn.Module, given: Any, argument: str) -> GradientOf:
    """The given tensors by the parameter they belong to; entries that are None are left out.

    Args:
      model: a module.
      given: None, a list in the order of ``model.parameters()``, or a dict by parameter name.
      argument: what the caller calls it, for messages.

    Raises:
      ArgumentError: another length, an unknown name, or another shape than the parameter's.
    """
    if given is None:
        return {}
    named = dict(model.named_parameters(remove_duplicate=False))
    if isinstance(given, Mapping):
        for name in given:
            if name not in named:
                raise ArgumentError(f"{argument}: the model has no parameter {name!r:.200}")
        pairs = [(name, named[name], value) for name, value in given.items()]
    elif isinstance(given, (list, tuple)):
        unique = dict(model.named_parameters())
        if len(given) != len(unique):
            raise ArgumentError(
                f"{argument}: {len(given)} given, but the model has {len(unique)} parameters; "
                "entries may be None"
            )
        pairs = [(name, unique[name], value) for name, value in zip(unique, given, strict=True)]
    else:
        raise ArgumentError(
            f"{argument} must be a list in the order of model.parameters() or a dict by parameter "
            f"name, got {type(given).__name__}"
        )
    return {
        id(parameter): _fitting(name, parameter, value, argument)
        for name, parameter, value in pairs
        if value is not None
    }


def _fitting(name: str, parameter: torch.Tensor, given: Any, argument: str) -> torch.Tensor:
    try:
        tensor = given.detach() if isinstance(given, torch.Tensor) else from_numpy(given)
    except Exception as error:
        raise ArgumentError(
            f"{argument}: that of {name!r} is a {type(given).__name__}, which cannot be read as "
            f"a tensor: {error}"
        ) from error
    if is_lazy(parameter) or tensor.shape != parameter.shape:
        expected = "a shape that is not known yet" if is_lazy(parameter) else tuple(parameter.shape)
        raise ArgumentError(
            f"{argument}: that of {name!r} must be of shape {expected}, got {tuple(tensor.shape)}"
        )
    return dense(tensor)
