"""A user's activation function, called with care, and its slope."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.errors import StatsError

Values = NDArray[np.float64]

_DOUBLE_STEP = 2.0**-17
_SINGLE_STEP = 2.0**-9
_HALF_STEP = 2.0**-3
"""Steps of the difference quotient: about the cube root of the precision the function works in,
where truncation and rounding are balanced. Powers of two, so that x ± h is exact."""

_CALL_ELEMENTS = 1 << 20


@dataclass(frozen=True)
class SampledFunction:
    """An activation function that is only known by calling it.

    Attributes:
      function: maps ``float64[n]`` to ``float64[n]``, or ``[n, channels]`` to the same.
      name: for messages.
      channels: of a per-channel function, else 0.
      step: half the width of the difference quotient at \\|x\\| <= 1.
    """

    function: Callable[[Any], Any]
    name: str
    channels: int = 0
    step: float = _DOUBLE_STEP

    @classmethod
    def of(cls, function: Callable[[Any], Any], name: str, channels: int) -> SampledFunction:
        """The function with the step that suits its precision.

        Raises:
          StatsError: it cannot be called.
        """
        if channels < 0:
            raise StatsError(f"channels of {name} must be at least 0, got {channels}")
        sampled = cls(function, name, channels)
        # Points that no float32 can hold: what comes back as a float32 was computed in float32.
        probe = np.linspace(-3.0, 3.0, 49) * (math.pi / 3.0) + 0.01
        y = sampled(probe)
        step = _DOUBLE_STEP
        with np.errstate(over="ignore"):
            single = y.astype(np.float32)
            if np.unique(y).size > 8 and np.array_equal(single, y, equal_nan=True):
                # A bfloat16 has the upper half of a float32's bits, a float16 fewer than it.
                half = not (single.view(np.uint32) & 0x1FFF).any()
                step = _HALF_STEP if half else _SINGLE_STEP
        return cls(function, name, channels, step)

    def __call__(self, x: Values) -> Values:
        """``float64[n, max(channels, 1)]`` of the function at ``float64[n]``.

        Raises:
          StatsError: the function raised, or returned another shape or no real numbers.
        """
        columns = max(self.channels, 1)
        size = max(1, _CALL_ELEMENTS // columns)
        parts = [self._call(x[start : start + size]) for start in range(0, x.size, size)]
        return np.concatenate(parts) if parts else np.zeros((0, columns))

    def _call(self, x: Values) -> Values:
        shape = (x.size, self.channels) if self.channels else (x.size,)
        argument = np.repeat(x[:, np.newaxis], self.channels, axis=1) if self.channels else x.copy()
        try:
            with np.errstate(all="ignore"):
                y = np.asarray(self.function(argument))
                if y.dtype.kind in "cSUM" or y.shape != shape:
                    raise StatsError(
                        f"activation {self.name} must map {shape} real numbers to as many, "
                        f"it returned shape {y.shape} of {y.dtype}"
                    )
                return y.astype(np.float64).reshape(x.size, -1)
        except StatsError:
            raise
        except Exception as error:
            raise StatsError(
                f"activation {self.name} raised {type(error).__name__}: {error}"
            ) from error

    def with_slope(self, x: Values) -> tuple[Values, Values]:
        """``float64[n, max(channels, 1)]`` each: the function and its slope.

        The slope is a symmetric difference; at a kink, where the slopes on both sides differ, it is
        the flatter of them, which is the frameworks' choice for ReLU and its kin.
        """
        step = self.step * np.exp2(np.ceil(np.log2(np.maximum(np.abs(x), 1.0))))
        places = [x - 2.0 * step, x - step, x, x + step, x + 2.0 * step]
        outer_left, below, here, above, outer_right = np.split(self(np.concatenate(places)), 5)
        with np.errstate(all="ignore"):
            left = (here - below) / step[:, np.newaxis]
            right = (above - here) / step[:, np.newaxis]
            flatter = np.where(np.abs(left) < np.abs(right), left, right)
            larger = np.maximum(np.abs(left), np.abs(right))
            # The slopes on both sides differ in proportion to the step where the function is
            # smooth, and by as much for every step where it has a kink.
            bend = np.abs(right - left)
            wide_bend = np.abs(outer_right - 2.0 * here + outer_left) / (2.0 * step[:, np.newaxis])
            kinked = (bend > 0.01 * larger) & (bend > 0.75 * wide_bend)
            # The mean of the second-order slopes of both sides. Unlike a central difference it is
            # of second order at a cusp of the slope as well, where softsign is steepest.
            wide = (outer_right - outer_left) / (4.0 * step[:, np.newaxis])
            central = (left + right) / 2.0
            # A kink between one step and two bends only the wider difference.
            clear = bend >= 0.25 * wide_bend
            smooth = np.where(clear, 2.0 * central - wide, central)
            return here, np.where(kinked, flatter, smooth)
