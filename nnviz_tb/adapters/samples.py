"""What reached an activation, call by call, in bounded memory.

Rows are samples (batch, time and space flattened together), columns are neurons. When an
activation sees more numbers than it may keep, a fixed spread-out choice of rows is kept, the same
rows of inputs and outputs, and thinned by halves as further calls come.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.layers import Array
from nnviz_tb.sampling import spread_sample

MAX_NUMBERS_PER_ACTIVATION = 1 << 22
"""16 MiB of float32: enough for every statistic, whatever the size of a feature map."""
MAX_NUMBERS_PER_PASS = 1 << 26
"""256 MiB of float32 for all the activations of a model together."""


def numbers_per_activation(activation_count: int) -> int:
    """How many inputs of each activation may be kept when a model has so many activations."""
    share = MAX_NUMBERS_PER_PASS // max(1, activation_count)
    return min(MAX_NUMBERS_PER_ACTIVATION, share)


class SampleStore:
    """Inputs and outputs of one activation over the calls of one forward pass.

    Args:
      max_numbers: at most about so many inputs are kept; a single row is always kept whole.
    """

    def __init__(self, max_numbers: int = MAX_NUMBERS_PER_ACTIVATION) -> None:
        self._max_numbers = max_numbers
        self._halvings = 0
        self._rows_kept = 0
        self._inputs: list[Array] = []
        self._outputs: list[Array] = []
        self._lost = ""
        self.call_count = 0
        self.rows_seen = 0

    def lose(self, reason: str) -> None:
        """What reached the activation cannot be told, now and later: ``reason`` becomes a note."""
        self._lost = self._lost or reason
        self._inputs, self._outputs, self._rows_kept = [], [], 0

    def rows_to_keep(self, row_count: int, column_count: int) -> NDArray[np.int64] | None:
        """``int64`` rows of the next call that are to be added; None for all of them."""
        self.call_count += 1
        self.rows_seen += row_count
        max_rows = max(1, self._max_numbers // max(1, column_count))
        while self._rows_kept and self._rows_kept + (row_count >> self._halvings) > max_rows:
            self._halve()
        while (row_count >> self._halvings) > max_rows:
            self._halvings += 1
        if self._halvings == 0:
            return None
        return spread_sample(row_count, math.ceil(row_count / (1 << self._halvings)))

    def add(self, inputs: Array, outputs: Array) -> None:
        """Keeps ``[rows, neurons]`` inputs and outputs of one call, chosen by ``rows_to_keep``."""
        if self._lost:
            return
        self._inputs.append(as_float(inputs))
        self._outputs.append(as_float(outputs))
        self._rows_kept += inputs.shape[0]

    def _halve(self) -> None:
        self._halvings += 1
        for chunks in (self._inputs, self._outputs):
            for index, chunk in enumerate(chunks):
                rows = spread_sample(chunk.shape[0], math.ceil(chunk.shape[0] / 2))
                chunks[index] = self._chosen(chunk, rows)
        self._rows_kept = sum(chunk.shape[0] for chunk in self._inputs)
        if self._rows_kept <= len(self._inputs):
            # One row is left of every call; halving further would not shrink anything.
            middle = len(self._inputs) // 2 or 1
            del self._inputs[middle:], self._outputs[middle:]
            self._rows_kept = sum(chunk.shape[0] for chunk in self._inputs)

    def _chosen(self, chunk: Array, rows: NDArray[np.int64]) -> Array:
        return chunk[rows]

    @property
    def inputs(self) -> Array | None:
        """``float[samples, neurons]``; None when the activation was not called."""
        return _joined(self._inputs)

    @property
    def outputs(self) -> Array | None:
        """``float[samples, neurons]``, of the rows of ``inputs``."""
        return _joined(self._outputs)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what the samples are, where that is not plain."""
        if self._lost:
            return (self._lost,)
        if self._rows_kept < self.rows_seen:
            return (
                f"a fixed sample of {self._rows_kept:,} of {self.rows_seen:,} inputs per neuron",
            )
        return ()


def _joined(chunks: list[Array]) -> Array | None:
    if not chunks:
        return None
    widths = {chunk.shape[1] for chunk in chunks}
    if len(widths) > 1:
        # A shared function was called on tensors of several widths: the neurons do not line up,
        # so the widest ones are what can still be told apart.
        width = max(widths)
        chunks = [chunk for chunk in chunks if chunk.shape[1] == width]
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def as_float(values: Array) -> Array:
    """The values as float32 or float64, whichever NumPy can compute with and loses nothing."""
    if values.dtype in (np.float32, np.float64):
        return values
    return values.astype(np.float64 if values.dtype.kind in "iu" else np.float32)
