"""Views of tensors that name the axes they take for neurons, so that pieces can be told apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.layers import Array


@dataclass(frozen=True)
class AxisView:
    """A tensor as ``[fan_in, neurons]``: some axes are the neurons, all others what comes in.

    Called with an array it gives that view, which copies nothing where the strides allow it.

    Attributes:
      neuron_axes: in their order; None for all.
      start, stop: the part of the first axis that is looked at; to the end for None.
      flat: of a bias: without the axis of what comes in, which has one entry.
    """

    neuron_axes: tuple[int, ...] | None
    start: int = 0
    stop: int | None = None
    flat: bool = False

    def __call__(self, array: Array) -> Array:
        view: Array = self.matrix(array[self.start : self.stop] if array.ndim else array)
        return view[0] if self.flat else view

    def matrix(self, values: Any) -> Any:
        """All of an array or a tensor as ``[fan_in, neurons]``."""
        neuron_axes = self._neuron_axes(values.ndim)
        others = self._other_axes(values.ndim)
        shape = tuple(int(size) for size in values.shape)
        neurons = math.prod(shape[axis] for axis in neuron_axes)
        fan_in = math.prod(shape[axis] for axis in others)
        order = (*others, *neuron_axes)
        # A tensor calls permute what an array calls transpose.
        turn: Any = getattr(values, "permute", None) or values.transpose
        return turn(order).reshape(fan_in, neurons)

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Fan-in and neurons of a tensor of that shape."""
        sizes = self._looked_at(shape)
        neurons = math.prod(sizes[axis] for axis in self._neuron_axes(len(sizes)))
        return math.prod(sizes[axis] for axis in self._other_axes(len(sizes))), neurons

    def places_of(
        self, indexes: list[NDArray[np.int64]], shape: tuple[int, ...]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """``int64`` rows and neurons of a piece, in the view of the whole tensor.

        Args:
          indexes: which places of each axis the piece has, none of them outside the part that is
            looked at.
          shape: of the whole tensor.
        """
        inside = list(indexes)
        if self.start and inside:
            inside[0] = inside[0] - self.start
        sizes = self._looked_at(shape)

        def joined(axes: tuple[int, ...]) -> NDArray[np.int64]:
            places = np.zeros(1, np.int64)
            for axis in axes:
                places = (places[:, np.newaxis] * sizes[axis] + inside[axis]).ravel()
            return places

        return joined(self._other_axes(len(sizes))), joined(self._neuron_axes(len(sizes)))

    def window_of(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """The part of the first axis that is looked at; None for all of it."""
        whole = not shape or (self.start == 0 and (self.stop is None or self.stop >= shape[0]))
        if whole:
            return None
        return self.start, shape[0] if self.stop is None else min(self.stop, shape[0])

    def _looked_at(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        window = self.window_of(shape)
        return shape if window is None else (window[1] - window[0], *shape[1:])

    def _neuron_axes(self, rank: int) -> tuple[int, ...]:
        if self.neuron_axes is None:
            return tuple(range(rank))
        return tuple(axis % rank for axis in self.neuron_axes)

    def _other_axes(self, rank: int) -> tuple[int, ...]:
        return tuple(axis for axis in range(rank) if axis not in self._neuron_axes(rank))


OUTPUTS_FIRST = AxisView((0,))
INPUTS_FIRST = AxisView((-1,))
EVERY_ENTRY = AxisView(None)
"""A scale for every neuron: a kernel of one incoming weight."""

BIAS = AxisView(None, flat=True)
NO_NEURONS = AxisView(())
"""An array of which only the entries together are looked at."""
