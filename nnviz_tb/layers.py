"""What an adapter owes: a model as a list of layers, in arrays that the statistics can read.

An adapter alone knows its framework's names and axis orders. Everything it hands over is in the one
view the rest of the package speaks: kernels as ``[fan_in, neurons]``, samples as
``[samples, neurons]``. What lies in this process's memory is NumPy: a view may have any strides and
need not be contiguous; it is read before ``log_model`` returns and never kept. What lies on an
accelerator, or in pieces in several processes, is a :class:`DistantArray`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.statistics.stats import KernelStatistics

Array = NDArray[Any]
Merge = Callable[[bytes, NDArray[np.float64]], NDArray[np.float64] | None]
ElementwiseFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be found out about one distant array at one step, beside its statistics.

    All indexes are ``int64``, ascending, in the array's view; None where nothing is wanted.

    Attributes:
      followed: neurons whose way since the previous step and since the first is wanted.
      kept: what :attr:`Found.kept` was at the previous step; None at the first.
      sketched: neurons whose weights are to be projected, as by
        :func:`nnviz_tb.statistics.sketch.sketch`.
      rows, neurons: whose crossings are wanted themselves: raw weights of the few tracked neurons,
        or of an array that is small.
      update: the change of this array in one optimizer step, of the same shape and lying alike.
      seed: of the sketch's signs.
    """

    followed: NDArray[np.int64] | None = None
    kept: Any = None
    sketched: NDArray[np.int64] | None = None
    rows: NDArray[np.int64] | None = None
    neurons: NDArray[np.int64] | None = None
    update: DistantArray | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Found:
    """What was found out about one distant array at one step; None for what was not wanted.

    Attributes:
      statistics: of all its entries, as :func:`nnviz_tb.statistics.stats.kernel_statistics` has
        them: the histogram bit for bit, the rest but for the order of addition. Quantiles are
        exact up to 1024 entries here too, which then are few enough to be moved.
      displacement, distance: ``float64[followed]`` and the figure over all of them, as
        :func:`nnviz_tb.statistics.stats.relative_change` has them, since the previous step and
        since the first. None when there was none, or other neurons were followed.
      kept: what the next step is to be compared with. It stays where the array lies, belongs to
        the adapter, and means nothing to anybody else.
      sketch: ``float32[sketched, 8]``.
      entries: ``float32[rows, neurons]``.
      update_norm: ``float64[neurons]`` norm of :attr:`Wanted.update`.
      norm_before: ``float64[neurons]`` norm of the array less that update.
    """

    statistics: KernelStatistics
    displacement: tuple[NDArray[np.float64], float] | None = None
    distance: tuple[NDArray[np.float64], float] | None = None
    kept: Any = None
    sketch: NDArray[np.float32] | None = None
    entries: NDArray[np.float32] | None = None
    update_norm: NDArray[np.float64] | None = None
    norm_before: NDArray[np.float64] | None = None


class DistantArray(abc.ABC):
    """An array that does not lie here, or not whole: on an accelerator, or sharded.

    It is reduced where it lies, and only what was found out moves. A recorder first says of every
    distant array of a step what it wants (:meth:`want`), then has all of it begun (:meth:`begin`),
    and asks for the answers (:meth:`found`) at the end. So an adapter may reduce everything in one
    go, merge the statistics of all pieces in one collective, and move them in one copy, without
    anybody waiting in between.

    Where the pieces lie in several processes, each of them records the same layers in the same
    order and so takes part; only one writes. What the writing process wants is what counts.

    Attributes:
      shape: in the view: ``[fan_in, neurons]`` of a kernel, a gradient and an update; of any other
        array its own, which is then looked at as ``[1, neurons]`` when it is a bias, and as
        ``[entries, 1]`` when it stands in :attr:`Layer.others`.
      writes: this process is the one that writes.
      may_be_late: the answers may be asked for after the call that logs has returned, and in any
        order among processes; what was wanted is of the moment of :meth:`begin` all the same.
    """

    shape: tuple[int, ...]
    writes: bool = True
    may_be_late: bool = False

    @property
    def size(self) -> int:
        """How many entries the whole array has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @abc.abstractmethod
    def want(self, wanted: Wanted) -> None:
        """Notes what is wanted at this step. Nothing is read yet."""

    @abc.abstractmethod
    def begin(self) -> None:
        """Begins all that was wanted, of this array and of those that are read with it.

        A further call, also of another of those arrays, does nothing.
        """

    def is_ready(self) -> bool:
        """Whether :meth:`found` would not wait."""
        return True

    @abc.abstractmethod
    def found(self) -> Found:
        """The answers; waits for them where they are under way.

        Raises:
          Exception: what went wrong where the array lies.
        """


class Arrival(Protocol):
    """What tells when samples have come from an accelerator."""

    def is_ready(self) -> bool:
        """Whether :meth:`wait` would not wait."""

    def wait(self) -> None:
        """Returns when they are there."""


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
      notes: plain sentences on what reached it, or why nothing is known of that; for activations
        that are handed over without a layer.
      arriving: both are still being copied from an accelerator, and are not read before it is
        ready; None where they are here.
      merge: adds up what is known of the samples over several processes that each saw others, all
        of which record the same step; None where the samples are all there are. It is given a
        description, which must be alike in all of them, and numbers; it gives their sums, or None
        where the descriptions differ.
    """

    function_name: str
    function: ElementwiseFunction | None = None
    channels: int = 0
    learnable: bool = False
    softmax: bool = False
    inputs: Array | None = None
    outputs: Array | None = None
    notes: tuple[str, ...] = ()
    arriving: Arrival | None = None
    merge: Merge | None = None


@dataclass(frozen=True)
class Layer:
    """One layer, or one kernel of a layer that has several.

    Attributes:
      name: path in the model with ``/`` between modules, unique within it.
      type: the framework's class name.
      kernel: ``[fan_in, neurons]`` view, real floating or integer, or None. It and every other
        array of parameters may be a :class:`DistantArray`.
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
    kernel: Array | DistantArray | None = None
    kernel_name: str = "kernel"
    kernel_shape: tuple[int, ...] = ()
    bias: Array | DistantArray | None = None
    bias_name: str = "bias"
    gradient: Array | DistantArray | None = None
    bias_gradient: Array | DistantArray | None = None
    update: Array | DistantArray | None = None
    others: Mapping[str, Array | DistantArray] = field(default_factory=dict)
    parameters: int = 0
    trainable: bool = True
    activation: Activation | None = None
    notes: tuple[str, ...] = ()
