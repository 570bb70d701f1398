"""What an adapter owes: a model as a list of layers, in arrays that the statistics can read.

An adapter alone knows its framework's names and axis orders. Everything it hands over is NumPy, in
the one view the rest of the package speaks: kernels as ``[fan_in, neurons]``, samples as
``[samples, neurons]``. A view may have any strides and need not be contiguous; it is read before
``log_model`` returns and never kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ElementwiseFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Activation:
    """One activation function and what reached it.

    Attributes:
      function_name: the function's own name, as ``relu`` or ``PReLU``.
      function: maps ``float64[n]`` to ``float64[n]``; for a per-channel function, maps
        ``float64[n, channels]`` column by column. None when the function is not elementwise
        (softmax, GLU) or cannot be called outside the model.
      channels: number of channels of a per-channel function, else 0.
      learnable: the function has trainable parameters, so its curve may change.
      softmax: outputs are probabilities over the last axis, so their entropy is defined.
      inputs: ``float[samples, neurons]`` pre-activations that really came; None when none were
        seen. The last axis is the neuron; batch, time and space are samples.
      outputs: the same of what the function returned.
    """

    function_name: str
    function: ElementwiseFunction | None = None
    channels: int = 0
    learnable: bool = False
    softmax: bool = False
    inputs: Array | None = None
    outputs: Array | None = None


@dataclass(frozen=True)
class Layer:
    """One layer, or one kernel of a layer that has several.

    Attributes:
      name: path in the model with ``/`` between modules, unique within it.
      type: the framework's class name.
      kernel: ``[fan_in, neurons]`` view, real floating or integer, or None.
      kernel_name: the framework's own name of it, for TensorBoard's histograms.
      kernel_shape: the kernel's shape in the framework's own axis order.
      bias: ``[neurons]`` or None.
      bias_name: the framework's own name of it.
      gradient: ``∂L/∂kernel`` in the kernel's view, or None.
      bias_gradient: ``[neurons]`` or None.
      update: the change of the kernel in the optimizer step that made it what it is, in its view,
        or None. Only from integrations that saw the weights right before and right after it.
      others: further arrays worth a histogram, by the framework's name (``moving_mean``).
      parameters: number of all parameters of the layer.
      trainable: the optimizer may change the kernel.
      activation: the layer's activation, fused or its own, or None.
      notes: plain sentences on what was assumed or could not be read; shown in the panel.
    """

    name: str
    type: str
    kernel: Array | None = None
    kernel_name: str = "kernel"
    kernel_shape: tuple[int, ...] = ()
    bias: Array | None = None
    bias_name: str = "bias"
    gradient: Array | None = None
    bias_gradient: Array | None = None
    update: Array | None = None
    others: dict[str, Array] = field(default_factory=dict)
    parameters: int = 0
    trainable: bool = True
    activation: Activation | None = None
    notes: tuple[str, ...] = ()
