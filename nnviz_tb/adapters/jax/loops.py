"""Activation functions in loops and branches, where what reaches them is not seen.

Their values are not part of the program around them: they are other ones in every turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.extend import core

from nnviz_tb.adapters.jax.lineage import DATA, Origin
from nnviz_tb.adapters.jax.program import Program
from nnviz_tb.adapters.jax.stretches import MARK

NAMED = (
    "relu", "tanh", "sigmoid", "silu", "gelu", "elu", "softplus", "leaky_relu", "selu", "celu",
    "relu6", "mish", "hard_tanh", "hard_sigmoid", "hard_silu", "soft_sign", "squareplus",
    "log_sigmoid", "sparse_plus", "sparse_sigmoid",
)  # fmt: skip
"""Elementwise functions of ``jax.nn``."""

_ALONE = {"tanh": "tanh", "logistic": "sigmoid", "erf": "gelu"}
"""Operations that are an activation function by themselves, or the heart of one."""


@dataclass(frozen=True)
class Unseen:
    """One activation function in a loop or a branch.

    Attributes:
      kind: of what it is in: ``scan``, ``while``, ``cond`` or the name of another primitive.
      name: of the function, or of its tap.
      tapped: it has a tap.
      weights: places of the weights that go into the loop.
    """

    kind: str
    name: str
    tapped: bool
    weights: tuple[int, ...]


def unseen(program: Program, origins: Sequence[Origin]) -> list[Unseen]:
    """The activation functions that a program has in loops and branches, by name once in each."""
    found = []
    for equation in program.equations:
        sources = [origins[value] for value in equation.values]
        if any(source.kind == DATA for source in sources):
            weights = tuple(dict.fromkeys(w for source in sources for w in source.weights))
            names = dict.fromkeys(name for p in equation.params.values() for name in _names(p))
            found += [Unseen(equation.name, *name, weights) for name in names]
    return found


def _names(parameter: Any) -> Iterator[tuple[str, bool]]:
    """Names of activation functions in the programs that a parameter holds, and which are taps."""
    if isinstance(parameter, (tuple, list)):
        for one in parameter:
            yield from _names(one)
        return
    if isinstance(parameter, core.ClosedJaxpr):
        parameter = parameter.jaxpr
    if not isinstance(parameter, core.Jaxpr):
        return
    marks = [eqn.params for eqn in parameter.eqns if eqn.primitive.name == MARK]
    ending = {mark["name"] for mark in marks if mark["role"] == "outputs"}
    tap = ""
    for equation in parameter.eqns:
        name = str(equation.params.get("name", ""))
        if equation.primitive.name == MARK and equation.params["role"] == "inputs":
            yield name, True
            tap = name if name in ending else tap
        elif equation.primitive.name == MARK:
            tap = "" if name == tap else tap
        elif tap:
            continue  # what stands between its marks is the function that was named
        elif name in NAMED:
            yield name, False
        elif equation.primitive.name in _ALONE:
            yield _ALONE[equation.primitive.name], False
        elif equation.primitive.name == "max" and any(map(_is_zero, equation.invars)):
            yield "relu", False
        else:
            for inner in equation.params.values():
                yield from _names(inner)


def _is_zero(atom: Any) -> bool:
    return isinstance(atom, core.Literal) and np.ndim(atom.val) == 0 and float(atom.val) == 0.0
