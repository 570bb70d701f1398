"""One forward pass over a probe batch, and what reached every activation in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from nnviz_tb.adapters.torch.capture import Capture
from nnviz_tb.adapters.torch.modules import Place, unwrapped
from nnviz_tb.adapters.torch.state import state_kept, uncompiled
from nnviz_tb.errors import ArgumentError


def probe(model: nn.Module, places: list[Place], inputs: Any) -> Capture:
    """What one pass in eval mode showed; the model is afterwards as it was.

    Args:
      model: a module.
      places: its modules.
      inputs: a tensor or array; a tuple for positional, a dict for keyword arguments.

    Raises:
      ArgumentError: the model fails on the batch.
    """
    model = unwrapped(model)
    args, kwargs = _arguments(model, inputs)
    capture = Capture(places)
    try:
        with state_kept(model), torch.no_grad(), uncompiled():
            capture.start()
            try:
                model(*args, **kwargs)
            finally:
                capture.stop()
    except Exception as error:
        message = (str(error).strip().splitlines() or [""])[0]
        raise ArgumentError(
            f"inputs: {type(model).__name__} fails on a probe batch of {_described(inputs)} "
            f"({type(error).__name__}: {message})"
        ) from error
    return capture


def _arguments(model: nn.Module, inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    first = next(
        (p for p in (*model.parameters(), *model.buffers()) if p.is_floating_point()), None
    )

    def placed(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            tensor = torch.from_numpy(np.array(value))
            # NumPy's numbers are float64 by default and say nothing of what the model wants.
            if first is not None and tensor.is_floating_point():
                tensor = tensor.to(first.dtype)
            return tensor if first is None else tensor.to(first.device)
        if isinstance(value, torch.Tensor):
            return value.detach() if first is None else value.detach().to(first.device)
        if isinstance(value, Mapping):
            return {key: placed(item) for key, item in value.items()}
        if type(value) in (list, tuple):
            return type(value)(placed(item) for item in value)
        return value

    if isinstance(inputs, tuple):
        return tuple(placed(value) for value in inputs), {}
    if isinstance(inputs, Mapping):
        return (), {str(key): placed(value) for key, value in inputs.items()}
    return (placed(inputs),), {}


def _described(value: Any) -> str:
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_described(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(_described, value)) + ")"
    return type(value).__name__
