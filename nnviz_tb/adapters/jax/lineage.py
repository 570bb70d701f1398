"""Where the values of a program come from: which kernel made them, and which axes are neurons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nnviz_tb.adapters.jax.program import Constant, Equation, Program, Value

CONSTANT, WEIGHT, DATA = "constant", "weight", "data"

Axes = tuple[int, ...]

_SHAPES = ("reshape", "transpose", "broadcast_in_dim", "squeeze", "copy", "convert_element_type")
_ADDITIONS = ("add", "sub", "convert_element_type", "copy", "nnviz_tap")


@dataclass(frozen=True)
class Origin:
    """Of one value.

    Attributes:
      kind: of ``DATA`` it depends on the probe batch, of ``WEIGHT`` on weights only.
      scalar: one number, perhaps spread over a shape.
      weights: places of the weights it was made of, of kind ``WEIGHT`` only.
      kernel: place of the weight of whose product it is, plus a bias at most; else None.
      touched: place of the weight that last took part in making it, or None.
      axes: axes that are neurons; None where nothing is known.
    """

    kind: str
    scalar: bool = False
    weights: tuple[int, ...] = ()
    kernel: int | None = None
    touched: int | None = None
    axes: Axes | None = None


_OF_CONSTANT = Origin(CONSTANT, scalar=True)
_OF_ARRAY_CONSTANT = Origin(CONSTANT)


def origins(program: Program, weight_places: Sequence[int | None]) -> list[Origin]:
    """The origin of every numbered value.

    Args:
      program: of a model's forward pass.
      weight_places: for each argument the place of the weight it is, None for the probe batch,
        -1 for what is neither (a random generator's state).
    """
    found: dict[int, Origin] = {}
    for value, place in zip(program.inputs, weight_places, strict=True):
        scalar = math.prod(program.shapes[value].shape) == 1
        if place is None:
            found[value] = Origin(DATA)
        elif place < 0:
            found[value] = Origin(CONSTANT, scalar)
        else:
            found[value] = Origin(WEIGHT, scalar, (place,))
    for equation in program.equations:
        for output in equation.outputs:
            found[output] = _origin(program, equation, output, found)
    return [found[value] for value in range(len(program.shapes))]


def origin_of(value: Value, found: Any) -> Origin:
    """Of a numbered value the one found, of a written one what it plainly is."""
    if isinstance(value, Constant):
        size = math.prod(getattr(value.value, "shape", ()))
        return _OF_CONSTANT if size == 1 else _OF_ARRAY_CONSTANT
    origin: Origin = found[value]
    return origin


def _origin(program: Program, equation: Equation, output: int, found: dict[int, Origin]) -> Origin:
    sources = [origin_of(value, found) for value in equation.inputs]
    weights = tuple(dict.fromkeys(place for source in sources for place in source.weights))
    data = [source for source in sources if source.kind == DATA]
    if not data:
        kind = WEIGHT if any(source.kind == WEIGHT for source in sources) else CONSTANT
        size = math.prod(getattr(program.shapes[output], "shape", ()))
        scalar = size == 1 or (bool(sources) and all(source.scalar for source in sources))
        return Origin(kind, scalar, weights)
    # Of a kernel with its norm, or a product of factors, the one that has the axes of a kernel.
    main = max(weights, key=lambda place: _rank(program, found, place), default=data[0].touched)
    shape = tuple(getattr(program.shapes[output], "shape", ()))
    if equation.name in ("dot_general", "conv_general_dilated") and len(data) == 1 and weights:
        free = _product_axes(program, equation, sources)
        return Origin(DATA, kernel=main, touched=main, axes=free)
    first = next(v for v, s in zip(equation.inputs, sources, strict=True) if s.kind == DATA)
    assert isinstance(first, int)
    before = tuple(getattr(program.shapes[first], "shape", ()))
    axes = _moved(equation, data[0].axes, before, shape)
    keeps = equation.name in _SHAPES or (equation.name in _ADDITIONS and len(data) == 1)
    return Origin(DATA, kernel=data[0].kernel if keeps else None, touched=main, axes=axes)


def _rank(program: Program, found: dict[int, Origin], place: int) -> int:
    return max(
        len(program.shapes[value].shape)
        for value in program.inputs
        if found[value].weights == (place,)
    )


def _product_axes(program: Program, equation: Equation, sources: list[Origin]) -> Axes:
    """Axes of a product that are free axes of its kernel, or the features of a convolution."""
    if equation.name == "conv_general_dilated":
        return (int(equation.params["dimension_numbers"].out_spec[1]),)
    (contracted_left, contracted_right), (batch_left, batch_right) = equation.params[
        "dimension_numbers"
    ]
    ranks = []
    for value in equation.inputs:
        shaped = value.value if isinstance(value, Constant) else program.shapes[value]
        ranks.append(len(shaped.shape))
    free_left = ranks[0] - len(contracted_left) - len(batch_left)
    free_right = ranks[1] - len(contracted_right) - len(batch_right)
    start = len(batch_left)
    if sources[0].kind == WEIGHT:
        return tuple(range(start, start + free_left))
    return tuple(range(start + free_left, start + free_left + free_right))


def _moved(
    equation: Equation, axes: Axes | None, before: tuple[int, ...], after: tuple[int, ...]
) -> Axes | None:
    """Where the axes are after the equation."""
    if axes is None:
        return None
    if equation.name == "transpose":
        order = [int(axis) for axis in equation.params["permutation"]]
        return tuple(order.index(axis) for axis in axes)
    if equation.name == "broadcast_in_dim":
        places = equation.params["broadcast_dimensions"]
        return tuple(int(places[axis]) for axis in axes)
    if equation.name == "squeeze" or equation.name.startswith("reduce_"):
        gone = equation.params.get("axes") or equation.params.get("dimensions") or ()
        return _without(axes, {int(axis) % len(before) for axis in gone}, len(after), len(before))
    if before == after:
        return axes
    return _reshaped(axes, before, after)


def _without(axes: Axes, gone: set[int], rank: int, rank_before: int) -> Axes | None:
    if gone.intersection(axes) or rank_before - len(gone) != rank:
        return None
    return tuple(axis - sum(other < axis for other in gone) for axis in axes)


def _reshaped(axes: Axes, before: tuple[int, ...], after: tuple[int, ...]) -> Axes | None:
    """The same elements' axes in another shape; None where they were mixed with others."""
    if math.prod(before) != math.prod(after) or list(axes) != list(range(axes[0], axes[-1] + 1)):
        return None
    leading, size = math.prod(before[: axes[0]]), math.prod(before[axes[0] : axes[-1] + 1])
    for start in range(len(after)):
        for stop in range(start + 1, len(after) + 1):
            if (
                math.prod(after[:start]) == leading
                and math.prod(after[start:stop]) == size
                and (size == 1 or (after[start] > 1 and after[stop - 1] > 1))
            ):
                return tuple(range(start, stop))
    return None
