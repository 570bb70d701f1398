"""What an activation function is called: found by its values among the functions of ``jax.nn``."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np

from nnviz_tb.adapters.jax.loops import NAMED
from nnviz_tb.adapters.jax.probe import Seen
from nnviz_tb.layers import Array

_POINTS = np.linspace(-8.3, 8.7, 35, dtype=np.float32).reshape(1, -1)


def function_name(seen: Seen) -> str:
    """The name in ``jax.nn`` of a function with these values, else of the function around it."""
    site = seen.site
    if site.softmax:
        return "softmax"
    if seen.function is not None and not seen.weights:
        values = seen.function(_POINTS)
        for name, known in _known_values().items():
            # bfloat16 holds eight bits.
            if np.allclose(values, known, rtol=1e-2, atol=1e-2) and _closest(values, name):
                return name
    if site.call:
        return site.call
    names = dict.fromkeys(equation.name for equation in site.equations)
    bending = [name for name in names if name in ("tanh", "logistic", "max", "min", "sin", "clamp")]
    return bending[0] if len(bending) == 1 and len(names) == 1 else "function"


@functools.cache
def _known_values() -> dict[str, Array]:
    values = {}
    for name in NAMED:
        function: Any = getattr(jax.nn, name, None)
        if function is not None:
            values[name] = np.asarray(function(_POINTS))
    return values


def _closest(values: Array, name: str) -> bool:
    errors = {
        other: float(np.abs(values - known).max()) for other, known in _known_values().items()
    }
    return errors[name] == min(errors.values())
