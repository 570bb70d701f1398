"""A program read for stretches in which one value is made of another, element by element.

A learnable number may take part in a stretch, and so may one number for each channel, where what it
scales is put together again with what it does not scale: as in a PReLU, and not in the scale of a
normalisation behind an activation function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from nnviz_tb.adapters.jax.lineage import DATA, WEIGHT, Origin, origin_of
from nnviz_tb.adapters.jax.program import Constant, Equation, Program

AFFINE = ("add", "sub", "mul", "div", "neg", "convert_element_type", "copy", "reduce_precision")
BENDING = (
    "tanh", "logistic", "max", "min", "clamp", "erf", "erfc", "exp", "exp2", "expm1", "log1p",
    "select_n", "sin", "cos", "abs", "sign", "atan", "round", "floor",
)  # fmt: skip
_OTHERS = (
    "log", "integer_pow", "square", "pow", "sqrt", "rsqrt", "cbrt", "gt", "ge", "lt", "le", "eq",
    "ne", "and", "or", "not", "xor", "is_finite", "stop_gradient", "sinh", "cosh", "asinh", "tan",
)  # fmt: skip
ELEMENTWISE = frozenset((*AFFINE, *BENDING, *_OTHERS))
MARK = "nnviz_tap"


class Reading:
    """A program with what is found out about its values."""

    def __init__(self, program: Program, origins: Sequence[Origin]) -> None:
        self.program = program
        self.origins = origins
        self.maker = {out: eqn for eqn in program.equations for out in eqn.outputs}
        self.users: dict[int, list[Equation]] = {}
        for equation in program.equations:
            for value in set(equation.values):
                self.users.setdefault(value, []).append(equation)
        self.mixing_calls = {
            equation.call
            for equation in program.equations
            if equation.name not in (*ELEMENTWISE, "broadcast_in_dim", "reshape")
        }
        self.per_channel: frozenset[int] = frozenset()
        self.taps = {
            equation.outputs[0]: str(equation.params["name"])
            for equation in program.equations
            if equation.name == MARK and equation.params["role"] == "inputs"
        }
        self.per_channel = self._per_channel()

    def shape(self, value: int) -> tuple[int, ...]:
        return tuple(getattr(self.program.shapes[value], "shape", ()))

    def is_real(self, value: int) -> bool:
        aval = self.program.shapes[value]
        return len(self.shape(value)) > 0 and jnp.issubdtype(aval.dtype, jnp.floating)

    def roots(self, forced: set[int]) -> dict[int, int]:
        """For every value that depends on the batch the value of which it is a function."""
        return self._roots(forced, self.per_channel)

    def _roots(self, forced: set[int], per_channel: frozenset[int]) -> dict[int, int]:
        root = {value: value for value in self.program.inputs}
        for equation in self.program.equations:
            data = [v for v in equation.values if self.origins[v].kind == DATA]
            shared = {root[v] for v in data}
            rest = [v for v in equation.inputs if v not in data]
            output = equation.outputs[0] if equation.outputs else -1
            joined = (
                len(shared) == 1
                and len(equation.outputs) == 1
                and equation.name in ELEMENTWISE
                and output not in forced
                and (
                    output in per_channel
                    or all(origin_of(value, self.origins).scalar for value in rest)
                )
                and self.shape(output) == self.shape(next(iter(shared)))
            )
            for out in equation.outputs:
                root[out] = next(iter(shared)) if joined else out
        return root

    def _per_channel(self) -> frozenset[int]:
        """Values scaled by a weight for each channel, inside of a function of one value."""
        scaled = frozenset(
            equation.outputs[0]
            for equation in self.program.equations
            if equation.name in ELEMENTWISE and self._scales_channels(equation)
        )
        if not scaled:
            return scaled
        apart, together = self._roots(set(), frozenset()), self._roots(set(), scaled)
        found: set[int] = set()
        for equation in self.program.equations:
            data = [v for v in equation.values if self.origins[v].kind == DATA]
            if len({together[v] for v in data}) == 1 < len({apart[v] for v in data}):
                found |= self._behind(data, scaled, together)
        return frozenset(found)

    def _behind(self, values: list[int], scaled: frozenset[int], root: dict[int, int]) -> set[int]:
        """Those among the scaled values that these are made of, back to their root."""
        found, seen, waiting = set(), set(values), [*values]
        while waiting:
            value = waiting.pop()
            found |= {value} & scaled
            if root[value] != value:
                before = {v for v in self.maker[value].values if self.origins[v].kind == DATA}
                waiting += before - seen
                seen |= before
        return found

    def _scales_channels(self, equation: Equation) -> bool:
        """Whether it combines one value of the batch with weights that differ by neuron only."""
        data = [v for v in equation.values if self.origins[v].kind == DATA]
        rest = [v for v in equation.inputs if v not in data]
        vectors = [v for v in rest if not origin_of(v, self.origins).scalar]
        if not data or not vectors or len(equation.outputs) != 1:
            return False
        whole = self.shape(data[0])
        axes = self.origins[data[0]].axes or (len(whole) - 1,)
        return all(
            isinstance(v, int)
            and self.origins[v].kind == WEIGHT
            and len(self.shape(v)) == len(whole)
            and all(self.shape(v)[axis] == whole[axis] for axis in axes)
            and self._varies_along(v) <= set(axes)
            for v in vectors
        )

    def _varies_along(self, value: int) -> set[int]:
        """Axes along which a spread value is not everywhere the same, as far as is plain."""
        maker, shape = self.maker.get(value), self.shape(value)
        if maker is None or maker.name != "broadcast_in_dim":
            return {axis for axis, size in enumerate(shape) if size > 1}
        sizes = self.shape(maker.values[0])
        places = maker.params["broadcast_dimensions"]
        return {int(place) for place, size in zip(places, sizes, strict=True) if size > 1}

    def bends(self, root: dict[int, int]) -> dict[int, bool]:
        """Whether a value is more than a multiple of its root plus a number."""
        bent: dict[int, bool] = {}
        for equation in self.program.equations:
            data = [v for v in equation.values if self.origins[v].kind == DATA]
            for out in equation.outputs:
                if root[out] == out:
                    bent[out] = False
                    continue
                straight = limits_nothing(equation) or (
                    equation.name in AFFINE and (len(data) == 1 or equation.name in ("add", "sub"))
                )
                if equation.name == "div" and isinstance(equation.inputs[0], int):
                    straight = straight and equation.inputs[0] in data
                elif equation.name == "div":
                    straight = False
                bent[out] = not straight or any(bent.get(v, False) for v in data)
        return bent


def limits_nothing(equation: Equation) -> bool:
    """Whether this is the maximum with −∞, in which log-sum-exp starts from."""
    endless = {"max": -math.inf, "min": math.inf}.get(equation.name)
    constants = [value.value for value in equation.inputs if isinstance(value, Constant)]
    return endless is not None and any(
        np.size(constant) == 1 and float(np.reshape(constant, ())) == endless
        for constant in constants
    )
