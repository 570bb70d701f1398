"""What a forward pass may change in a torch module, put back afterwards."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

MAX_NUMBERS_KEPT = 1 << 24
"""A larger buffer is taken to be a constant, as a frozen quantised weight is."""


@contextlib.contextmanager
def state_kept(model: nn.Module) -> Iterator[None]:
    """The module is in eval mode inside, and afterwards as it was, also when the pass fails.

    Kept are training flags, buffers, gradients and all random generators that the pass may use.
    The flags are set one by one: a module's own ``train`` may do more, as merging weights.
    """
    modules = list(model.modules())
    flags = [(module, module.training) for module in modules]
    buffers = [
        (module, name, value, _kept(value))
        for module in modules
        for name, value in module._buffers.items()
    ]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_random_kept(model))
        try:
            for module in modules:
                module.training = False
            yield
        finally:
            for module, training in flags:
                module.training = training
            with torch.no_grad():
                for module, name, value, before in buffers:
                    module._buffers[name] = value
                    if value is not None and before is not None:
                        _put_back(value, before)
            for parameter, gradient in gradients:
                if parameter.grad is not gradient:
                    parameter.grad = gradient


def _kept(buffer: torch.Tensor | None) -> torch.Tensor | None:
    if buffer is None or buffer.is_meta or buffer.numel() > MAX_NUMBERS_KEPT:
        return None
    return buffer.detach().clone()


def _put_back(buffer: torch.Tensor, before: torch.Tensor) -> None:
    # Writing in place would spoil a backward pass that still needs the buffer.
    if not torch.equal(buffer, before):
        buffer.copy_(before)


@contextlib.contextmanager
def _random_kept(model: nn.Module) -> Iterator[None]:
    """Python's, NumPy's and torch's generators, of the devices on which the model lies."""
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    indexes = [device.index for device in devices if device.type == "cuda"]
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(indexes):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Compiled code runs as written, since nothing can be seen inside what was compiled."""
    # Whoever has compiled something has imported this.
    stance = getattr(torch.compiler, "set_stance", None)
    if "torch._dynamo" not in sys.modules or stance is None:
        yield
        return
    with stance("force_eager"):
        yield
