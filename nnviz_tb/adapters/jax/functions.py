"""The activation functions in a program, found by what they do.

An activation function is a stretch of equations that makes one value of another, element by
element, with nothing but numbers beside it, and that bends: ``jax.nn.gelu``, ``jnp.maximum(x, 0)``
and ``x * jax.nn.sigmoid(beta * x)`` alike. Square roots and powers alone are left to the
normalisations that they serve; a softmax is known by its quotient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from nnviz_tb.adapters.jax.lineage import DATA, Axes, Origin
from nnviz_tb.adapters.jax.program import Equation, Program, Value, apply
from nnviz_tb.adapters.jax.stretches import AFFINE, BENDING, MARK, Reading, limits_nothing

_NORMALISING = frozenset(("sqrt", "rsqrt"))
"""A stretch with these scales by a length, unless it is one of JAX's named functions."""
_NAMED_WITHOUT_BEND = ("squareplus",)
"""Functions of ``jax.nn`` that are made of nothing but a root."""
_AT_LEAST_TWO = frozenset(("exp", "exp2", "abs", "sign", "round", "floor"))
"""Alone, these are parts of losses, softmaxes and quantisation."""
_PASSING = ("broadcast_in_dim", "reshape", "convert_element_type", "stop_gradient", "max", "copy")


@dataclass(frozen=True, eq=False)
class Site:
    """One activation function where it is applied.

    Attributes:
      inputs, outputs: numbers of its values in the program; no outputs when they are not known.
      equations: between them, when it is elementwise; else empty.
      parameters: numbers of what is learnable in it: scalars, or a number for each neuron spread
        over the shape of the inputs.
      softmax: it is one, over the neurons.
      call: name of the jitted function that all of it is in, or "".
      tap: the name that the user gave it, or "".
      origin: of its inputs.
    """

    inputs: int
    outputs: int | None
    equations: tuple[Equation, ...]
    parameters: tuple[int, ...]
    softmax: bool
    call: str
    tap: str
    origin: Origin

    def function(self, x: Any, dtype: Any, learned: Sequence[Any]) -> Any:
        """The outputs for inputs of any shape, as of the dtype that the model computes in.

        Args:
          x: ``[…, neurons]`` where there is a number for each neuron among the learned.
          learned: for each of the parameters a scalar, or ``[neurons]``.
        """
        known: dict[int, Any] = dict(zip(self.parameters, learned, strict=True))
        known[self.inputs] = jnp.asarray(x, dtype)
        for equation in self.equations:
            values = [
                known[v] if isinstance(v, int) else jnp.reshape(v.value, ())
                for v in equation.inputs
            ]
            (known[equation.outputs[0]],) = apply(equation, jnp.broadcast_arrays(*values))
        return known[self.outputs] if self.outputs is not None else known[self.inputs]


def sites(program: Program, origins: Sequence[Origin]) -> list[Site]:
    """The activation functions of a program, in the order in which they are applied."""
    reading = Reading(program, origins)
    exits = _exits(reading)
    found = [_elementwise(reading, start, end, root) for start, end, root in exits]
    found += list(_softmaxes(reading))
    found = [site for site in found if site is not None and site.inputs not in reading.taps]
    tapped = [_tapped(reading, value, name) for value, name in reading.taps.items()]
    order = {out: i for i, eqn in enumerate(program.equations) for out in eqn.outputs}
    every = [site for site in found if site is not None] + tapped
    return sorted(every, key=lambda site: order.get(site.inputs, -1))


def _exits(reading: Reading) -> list[tuple[int, int, dict[int, int]]]:
    """Stretches as (first value, last value); one with several ends is cut at its first."""
    forced = set(reading.taps)
    while True:
        root = reading.roots(forced)
        bent = reading.bends(root)
        ends: dict[int, list[int]] = {}
        for equation in reading.program.equations:
            for out in equation.outputs:
                if root[out] != out and bent[out] and _leaves(reading, out, root):
                    ends.setdefault(root[out], []).append(out)
        cuts = {found[0] for found in ends.values() if len(found) > 1} - forced
        if not cuts:
            return [(_start(reading, start, root), found[0], root) for start, found in ends.items()]
        forced |= cuts


def _leaves(reading: Reading, value: int, root: dict[int, int]) -> bool:
    """Whether something outside its stretch takes the value."""
    return value in reading.program.outputs or any(
        root.get(out) != root[value]
        for equation in reading.users.get(value, ())
        for out in equation.outputs
    )


def _start(reading: Reading, value: int, root: dict[int, int]) -> int:
    """The last value before the stretch bends: a scaling in front of it is no part of it."""
    first = root[value]
    while True:
        users = reading.users.get(value, [])
        if len(users) != 1 or users[0].name not in AFFINE or value in reading.taps:
            return value
        data = [v for v in users[0].values if reading.origins[v].kind == DATA]
        output = users[0].outputs[0]
        if len(data) != 1 or root[output] != first:
            return value
        if users[0].name == "div" and users[0].inputs[0] not in data:
            return value
        value = output


def _elementwise(reading: Reading, start: int, end: int, root: dict[int, int]) -> Site | None:
    if not (reading.is_real(start) and reading.is_real(end)):
        return None
    equations, parameters = _between(reading, start, end)
    names = {e.name for e in equations if reading.origins[e.outputs[0]].kind == DATA}
    call = _call(reading, equations)
    bending = {e.name for e in equations if not limits_nothing(e)}.intersection(BENDING)
    if call not in _NAMED_WITHOUT_BEND and (
        not bending
        or (not call and (names & _NORMALISING or bending <= _AT_LEAST_TWO))
        or _serves_a_norm(reading, end)
    ):
        return None
    return Site(start, end, equations, parameters, False, call, "", reading.origins[start])


def _serves_a_norm(reading: Reading, value: int) -> bool:
    """Whether nothing but a root is taken of it: a variance that is kept from being negative."""
    users = reading.users.get(value, [])
    return bool(users) and all(
        user.name in _NORMALISING
        or (user.name in (*_PASSING, "add") and _serves_a_norm(reading, user.outputs[0]))
        for user in users
    )


def _between(
    reading: Reading, start: int, end: int
) -> tuple[tuple[Equation, ...], tuple[int, ...]]:
    """Equations that lead to the end, in order, and the learnable numbers that they take."""
    needed: set[Equation] = set()
    parameters: list[int] = []
    waiting = [end]
    while waiting:
        value = waiting.pop()
        equation = reading.maker.get(value)
        if value == start:
            continue
        if reading.origins[value].kind != DATA:
            # A number that the weights or the program give, computed once beside the batch.
            if value not in parameters:
                parameters.append(value)
            continue
        if equation is not None and equation not in needed:
            needed.add(equation)
            waiting.extend(equation.values)
    ordered = tuple(e for e in reading.program.equations if e in needed)
    return ordered, tuple(sorted(parameters))


def _call(reading: Reading, equations: Sequence[Equation]) -> str:
    """The one function of a public name that all equations on the batch are part of, or ""."""
    calls = {e.call for e in equations if reading.origins[e.outputs[0]].kind == DATA}
    public = {call for call in calls if call[:1].isalpha()} - reading.mixing_calls
    inner = {call for call in calls if call.startswith("_")}
    return next(iter(public)) if len(public) == 1 and calls == public | inner else ""


def _softmaxes(reading: Reading) -> Iterator[Site]:
    for equation in reading.program.equations:
        if equation.name != "div" or not all(isinstance(v, int) for v in equation.inputs):
            continue
        above, below = equation.values[0], _behind(reading, equation.values[-1], "reduce_sum")
        power = reading.maker.get(above)
        if power is None or below is None or power.name != "exp" or above not in below.values:
            continue
        exponent = power.values[0]
        shifted = reading.maker.get(exponent)
        if shifted is not None and shifted.name == "sub" and isinstance(shifted.inputs[0], int):
            largest = _behind(reading, shifted.inputs[1], "reduce_max")
            if largest is not None and shifted.inputs[0] in largest.values:
                exponent = shifted.inputs[0]
        axes: Axes = tuple(int(axis) for axis in below.params["axes"])
        origin = reading.origins[exponent]
        kernel = origin.kernel if origin.axes == axes else None
        origin = Origin(DATA, kernel=kernel, touched=origin.touched, axes=axes)
        yield Site(exponent, equation.outputs[0], (), (), True, "softmax", "", origin)


def _behind(reading: Reading, value: Value, name: str) -> Equation | None:
    """The equation of this name that the value is a spread or rounded form of."""
    while isinstance(value, int):
        equation = reading.maker.get(value)
        if equation is None or equation.name == name:
            return equation
        data = [v for v in equation.values if reading.origins[v].kind == DATA]
        if equation.name not in _PASSING or len(data) != 1:
            return None
        value = data[0]
    return None


def _tapped(reading: Reading, start: int, name: str) -> Site:
    """What a user marked: with the end that was marked too, or with the inputs alone."""
    end = next(
        (
            equation.values[0]
            for equation in reading.program.equations
            if equation.name == MARK
            and equation.params["role"] == "outputs"
            and equation.params["name"] == name
            and equation.outputs[0] > start
            and equation.values
        ),
        None,
    )
    origin = reading.origins[start]
    root = reading.roots({start})
    if end is None or root.get(end) != start or end == start:
        softmax = any(site.outputs == end and site.inputs == start for site in _softmaxes(reading))
        return Site(start, end, (), (), softmax, "", name, origin)
    equations, parameters = _between(reading, start, end)
    return Site(start, end, equations, parameters, False, _call(reading, equations), name, origin)


def row_count(shape: Sequence[int], axes: Axes) -> int:
    """Samples in a value of this shape whose neurons are on these axes."""
    return math.prod(size for axis, size in enumerate(shape) if axis not in axes)
