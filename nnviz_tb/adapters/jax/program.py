"""A traced function as one flat list of equations.

``jax.make_jaxpr`` nests a program: every jitted function, ``custom_jvp`` and ``checkpoint`` in it
is an equation with a program of its own. Here those are laid open, each value gets a number, and
what remains nested are loops and branches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.extend import core

_CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters under which a call keeps the program that it calls."""
_OPEN = (
    "jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call",
    "custom_vjp_call_jaxpr", "remat", "remat2", "checkpoint",
)  # fmt: skip
"""Equations that do nothing but call. A scan also has a ``jaxpr``, and calls it many times."""


@dataclass(frozen=True)
class Constant:
    """A value that is in the program itself."""

    value: Any


Value = int | Constant
"""A value by its number in the program, or one that is written in it."""


@dataclass(frozen=True, eq=False)
class Equation:
    """One operation.

    Attributes:
      primitive: JAX's own, with ``bind``.
      inputs: what it takes.
      outputs: numbers of what it gives.
      params: its static parameters.
      call: name of the innermost jitted function that it is a part of, "" if of none.
      scope: ``jax.named_scope`` around it; Linen names its modules there.
    """

    primitive: Any
    inputs: tuple[Value, ...]
    outputs: tuple[int, ...]
    params: Mapping[str, Any]
    call: str
    scope: str

    @property
    def name(self) -> str:
        """The primitive's name."""
        return str(self.primitive.name)

    @property
    def values(self) -> tuple[int, ...]:
        """The numbers among its inputs."""
        return tuple(value for value in self.inputs if isinstance(value, int))


@dataclass(frozen=True, eq=False)
class Program:
    """What a function of arrays does.

    Attributes:
      inputs: numbers of the arguments' leaves, in order.
      outputs: what it returns.
      equations: in an order in which they can be run.
      shapes: ``jax.ShapeDtypeStruct`` or similar of every numbered value.
    """

    inputs: tuple[int, ...]
    outputs: tuple[Value, ...]
    equations: tuple[Equation, ...]
    shapes: Sequence[Any]

    def run(self, arguments: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        """The numbered values for these arguments; traceable, and what is not wanted is not run."""
        needed = self._needed(wanted)
        known: dict[int, Any] = dict(zip(self.inputs, arguments, strict=True))
        for equation in self.equations:
            if equation in needed:
                results = apply(equation, [_read(known, value) for value in equation.inputs])
                known.update(zip(equation.outputs, results, strict=True))
        return [known[value] for value in wanted]

    def _needed(self, wanted: Sequence[int]) -> set[Equation]:
        live, needed = set(wanted), set()
        for equation in reversed(self.equations):
            if live.intersection(equation.outputs):
                needed.add(equation)
                live.update(equation.values)
        return needed


def apply(equation: Equation, arguments: Sequence[Any]) -> list[Any]:
    """The results of one equation for these arguments."""
    bound = equation.primitive.get_bind_params(dict(equation.params))
    # Until JAX 0.9 functions were bound apart from the other parameters.
    functions, params = ((), bound) if isinstance(bound, dict) else bound
    results = equation.primitive.bind(*functions, *arguments, **params)
    return list(results) if equation.primitive.multiple_results else [results]


def _read(known: Mapping[int, Any], value: Value) -> Any:
    return known[value] if isinstance(value, int) else value.value


def trace(function: Callable[..., Any], *arguments: Any) -> Program:
    """The program of a function for arguments of these shapes; it is traced, and not run."""
    closed = jax.make_jaxpr(function)(*arguments)
    return _Flattening().program(closed)


class _Flattening:
    """Numbers values and opens calls."""

    def __init__(self) -> None:
        self.equations: list[Equation] = []
        self.shapes: list[Any] = []

    def program(self, closed: Any) -> Program:
        inputs = [self._new(variable) for variable in closed.jaxpr.invars]
        outputs = self._open(closed.jaxpr, closed.consts, inputs, "", "")
        return Program(tuple(inputs), tuple(outputs), tuple(self.equations), self.shapes)

    def _new(self, variable: Any) -> int:
        self.shapes.append(variable.aval)
        return len(self.shapes) - 1

    def _open(
        self, jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Value], call: str, scope: str
    ) -> list[Value]:
        known: dict[Any, Value] = dict(zip(jaxpr.invars, inputs, strict=True))
        known.update(zip(jaxpr.constvars, map(Constant, constants), strict=True))

        def read(atom: Any) -> Value:
            return Constant(atom.val) if isinstance(atom, core.Literal) else known[atom]

        for eqn in jaxpr.eqns:
            given = tuple(read(atom) for atom in eqn.invars)
            inner = next((eqn.params[key] for key in _CALLS if key in eqn.params), None)
            here = "/".join(part for part in (scope, str(eqn.source_info.name_stack)) if part)
            if eqn.primitive.name in _OPEN and inner is not None:
                closed = isinstance(inner, core.ClosedJaxpr)
                body, values = (inner.jaxpr, inner.consts) if closed else (inner, ())
                name = str(eqn.params.get("name") or call)
                results = self._open(body, values, given, name, here)
                known.update(zip(eqn.outvars, results, strict=True))
            else:
                outputs = tuple(self._new(variable) for variable in eqn.outvars)
                known.update(zip(eqn.outvars, outputs, strict=True))
                self.equations.append(
                    Equation(eqn.primitive, given, outputs, eqn.params, call, here)
                )
        return [read(atom) for atom in jaxpr.outvars]
