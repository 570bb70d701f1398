"""Which axes of an ``EinsumDense`` layer are neurons."""

from __future__ import annotations

import math

import numpy as np

from nnviz_tb.layers import Array


class Contraction:
    """``input,kernel->output`` read as a dense layer.

    A neuron is one output unit with weights of its own: the kernel's letters that stay in the
    output, in the order of the output. The kernel's other letters are summed over.

    Args:
      equation: as given to ``keras.layers.EinsumDense``; an ellipsis stands for batch axes.
      bias_axes: output letters along which the bias differs.
    """

    def __init__(self, equation: str, bias_axes: str | None = None) -> None:
        operands, self._output = equation.replace(" ", "").split("->")
        self._kernel = operands.split(",")[1].replace("...", "")
        letters = self._output.replace("...", "")
        self._neurons = [letter for letter in letters if letter in self._kernel]
        self._summed = [letter for letter in self._kernel if letter not in self._neurons]
        first = min((letters.index(letter) for letter in bias_axes or ""), default=0)
        self._biased = letters[first:]

    def kernel_view(self, kernel: Array) -> Array:
        """``[fan_in, neurons]`` of a kernel in the equation's axis order."""
        order = [self._kernel.index(letter) for letter in (*self._summed, *self._neurons)]
        fan_in = math.prod(kernel.shape[axis] for axis in order[: len(self._summed)])
        view: Array = kernel.transpose(order).reshape(fan_in, -1 if kernel.size else 0)
        return view

    def bias_view(self, bias: Array, kernel_shape: tuple[int, ...]) -> Array | None:
        """``[neurons]``; None when the bias differs along axes that are not neurons."""
        # A trailing ellipsis gives the bias further axes of size 1.
        sizes = dict(zip(self._biased, bias.shape, strict=False))
        if any(size != 1 for letter, size in sizes.items() if letter not in self._neurons):
            return None
        spread = tuple(kernel_shape[self._kernel.index(letter)] for letter in self._neurons)
        aligned = bias.reshape([sizes.get(letter, 1) for letter in self._neurons])
        flat: Array = np.broadcast_to(aligned, spread).reshape(-1)
        return flat

    def neuron_axes(self, rank: int) -> tuple[int, ...]:
        """Axes of an output of this rank that are neurons, in the order of the kernel view."""
        before, ellipsis, after = self._output.partition("...")
        axes = {letter: axis for axis, letter in enumerate(before)}
        start = rank - len(after) if ellipsis else len(before)
        axes.update({letter: start + axis for axis, letter in enumerate(after)})
        return tuple(axes[letter] for letter in self._neurons)
