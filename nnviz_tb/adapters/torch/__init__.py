"""Adapter for ``torch.nn.Module``.

The rooms beside this one import torch; this one does not, and they are entered only once there is
a module, so that people who use another framework never pay for torch.
"""

from __future__ import annotations

import sys
from typing import Any

from nnviz_tb.layers import Layer

SUPPORTS = "a torch.nn.Module"


def matches(model: object) -> bool:
    """Whether this is a torch module."""
    kind = getattr(getattr(sys.modules.get("torch"), "nn", None), "Module", None)
    return kind is not None and isinstance(model, kind)


def takes_part_only(model: object) -> bool:
    """Whether this process holds shards of the model, and that of rank 0 writes."""
    if not matches(model):
        return False
    from nnviz_tb.adapters.torch.reading import takes_part_only as asked

    return asked(model)


def layers_of(
    model: Any, *, inputs: Any = None, gradients: Any = None, updates: Any = None
) -> list[Layer]:
    """The model's layers in the order of its modules; modules that only hold others are left out.

    Args:
      model: a module, also one wrapped by ``torch.compile`` or DistributedDataParallel.
      inputs: a probe batch: a tensor or array, a tuple of positional arguments, or a dict of
        keyword arguments.
      gradients: a list in the order of ``model.parameters()``, or ``{parameter name: tensor}``;
        None for what the parameters hold in ``.grad``.
      updates: by how much one optimizer step changed each parameter, given as ``gradients`` are.

    Raises:
      ArgumentError: the model is empty, it fails on the probe batch, or gradients or updates do
        not fit.
    """
    from nnviz_tb.adapters.torch.reading import read

    return read(model, inputs, gradients, updates)
