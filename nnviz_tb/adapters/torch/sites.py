"""The activation functions of a model, and what is under way while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nnviz_tb.adapters.samples import SampleStore
from nnviz_tb.layers import Array


@dataclass
class Site:
    """One activation function of a model: a module, or a function that a module's forward calls.

    Attributes:
      name: of the layer to be shown.
      module: the module that is the activation, or None.
      place: number of the module after which it stands in the model's order.
      function_name: the function's own name.
      function: the function on an array, None when it is the module's.
      store: the samples.
      notes: what was assumed.
    """

    name: str
    module: nn.Module | None
    place: int
    function_name: str
    function: Callable[[Array], Array] | None = None
    store: SampleStore = field(default_factory=SampleStore)
    notes: set[str] = field(default_factory=set)


@dataclass
class Frame:
    """A module whose forward is running.

    Attributes:
      place: its number in the model's order.
      counts: how often each function was called in it so far.
      pending: what is kept of the inputs, when it is an activation.
    """

    place: int
    counts: dict[str, int] = field(default_factory=dict)
    pending: Pending | None = None


@dataclass
class Pending:
    site: Site
    inputs: torch.Tensor
    axis: int
    rows: NDArray[np.int64] | None
    row_count: int
