"""What one optimizer step changed, from the weights right before and right after it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnviz_tb.adapters.keras.variables import to_numpy
from nnviz_tb.layers import Array

MAX_NUMBERS_COPIED = 1 << 24
"""64 MiB of float32: beyond, a copy of the kernels would cost more than it tells."""


class WeightsBefore:
    """A copy of a model's trainable kernels, to be compared with them one train batch later.

    Args:
      model: a built Keras model.
    """

    def __init__(self, model: Any) -> None:
        self._values: list[Array | None] = []
        kernels = [len(variable.shape) >= 2 for variable in model.trainable_variables]
        sizes = [math.prod(variable.shape) for variable in model.trainable_variables]
        if sum(size for size, is_kernel in zip(sizes, kernels, strict=True) if is_kernel) > (
            MAX_NUMBERS_COPIED
        ):
            return
        self._values = [
            np.array(to_numpy(variable)) if is_kernel else None
            for variable, is_kernel in zip(model.trainable_variables, kernels, strict=True)
        ]

    def updates(self, model: Any) -> list[Array | None] | None:
        """By how much each kernel has changed since, in the order of ``trainable_variables``.

        None when nothing was copied, or when the model's variables are not the same any more.
        """
        variables = model.trainable_variables
        if not self._values or len(variables) != len(self._values):
            return None
        return [
            None if before is None else _difference(to_numpy(variable), before)
            for variable, before in zip(variables, self._values, strict=True)
        ]


def _difference(after: Array, before: Array) -> Array | None:
    if after.shape != before.shape:
        return None
    # Narrow floats would round the small difference of two large numbers once more.
    wide = np.float64 if after.dtype == np.float64 else np.float32
    return np.subtract(after, before, dtype=wide)
