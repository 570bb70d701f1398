"""The weights of a model, and what a probe pass saw, as layers."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain
from typing import Any

from nnviz_tb.adapters.activations import is_real
from nnviz_tb.adapters.grouping import (
    LAST_AXIS_NOTE,
    NamedArray,
    has_neurons_first,
    layers_of_arrays,
    vector,
    with_neurons,
)
from nnviz_tb.adapters.jax.attachment import with_activations
from nnviz_tb.adapters.jax.calls import Forward, forward_of, forward_through
from nnviz_tb.adapters.jax.loops import Unseen
from nnviz_tb.adapters.jax.probe import Seen, probe
from nnviz_tb.adapters.jax.reading import by_path, must_be_readable, read, to_host
from nnviz_tb.adapters.jax.stacks import Group, unstacked
from nnviz_tb.adapters.jax.views import Part, flax_parts, parts_of
from nnviz_tb.adapters.jax.weights import Path, Weight, weights_of
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Array, Layer

_AUTOMATIC_NAME = re.compile(r"([A-Z]\w*?)_\d+")
"""How Linen names a module that was given no name: after its class."""


def assemble(model: Any, inputs: Any, gradients: Any, updates: Any) -> list[Layer]:
    """See :func:`nnviz_tb.adapters.jax.layers_of`."""
    weights = weights_of(model)
    if not weights:
        raise ArgumentError(f"model holds no arrays: {model!r:.200}")
    gradient_of = by_path(gradients, model, weights, "gradients")
    update_of = by_path(updates, model, weights, "updates")
    if inputs is None:
        return _assembled(weights, [], [], [], gradient_of, update_of)
    forward, arguments = forward_of(model, inputs)
    probed = _probed(forward, weights, arguments, "inputs")
    return _assembled(weights, *probed, gradient_of, update_of)


def assemble_through(function: Any, model: Any, arguments: tuple[Any, ...]) -> list[Layer]:
    """The layers of a model, with the activations in ``function(model, *arguments)``.

    Raises:
      ArgumentError: the function fails on these arguments.
    """
    weights = weights_of(model)
    forward = forward_through(function, model)
    return _assembled(weights, *_probed(forward, weights, arguments, "arguments"), {}, {})


def _probed(
    forward: Forward, weights: list[Weight], arguments: tuple[Any, ...], argument: str
) -> tuple[list[Seen], list[int], list[Unseen]]:
    must_be_readable(weights)
    place_of = {id(weight.value): place for place, weight in reversed([*enumerate(weights)])}
    places = [place_of.get(id(leaf), -1) for leaf in forward.leaves]
    return probe(forward, places, arguments, argument)


def _assembled(
    weights: list[Weight],
    seen: list[Seen],
    order: list[int],
    unseen: list[Unseen],
    gradient_of: dict[Path, Array],
    update_of: dict[Path, Array],
) -> list[Layer]:
    to_host(weights)
    members_of = _by_module([*(weights[place] for place in order), *weights])
    groups = {
        path: _group([*dict.fromkeys(members)], gradient_of, update_of)
        for path, members in members_of.items()
    }
    modules = unstacked(groups)
    plain = [array for group in chain(*modules.values()) for array in _plain_arrays(group)]
    first_axis = has_neurons_first(plain)
    layers = {
        path: [layer for group in stacked for layer in _layers(group, first_axis)]
        for path, stacked in modules.items()
    }
    return with_activations(layers, seen, unseen, weights)


def _by_module(weights: list[Weight]) -> dict[Path, list[Weight]]:
    """Modules in the order in which their weights first come."""
    groups: dict[Path, list[Weight]] = {}
    for weight in weights:
        groups.setdefault(weight.path[:-1], []).append(weight)
    return groups


def _group(
    members: list[Weight], gradient_of: dict[Path, Array], update_of: dict[Path, Array]
) -> Group:
    arrays, notes = {}, []
    for weight in members:
        array = read(weight)
        if is_real(array):
            arrays[weight.path[-1]] = array
        else:
            notes.append(f"{weight.path[-1]} holds {array.dtype.name}, which is not recorded")
    first = members[0]
    return Group(
        first.path[:-1],
        first.owner,
        first.flax,
        arrays,
        {w.path[-1]: gradient_of[w.path] for w in members if w.path in gradient_of},
        {w.path[-1]: update_of[w.path] for w in members if w.path in update_of},
        frozenset(w.path[-1] for w in members if w.trainable),
        tuple(notes),
    )


def _parts(group: Group) -> list[Part] | None:
    return flax_parts(group.arrays) if group.flax else parts_of(group.owner, group.arrays)


def _plain_arrays(group: Group) -> list[NamedArray]:
    """Those of a pytree that is no module's, of which nothing but names and shapes is known."""
    return _named_arrays(group) if group.owner is None and _parts(group) is None else []


def _named_arrays(group: Group) -> list[NamedArray]:
    return [
        NamedArray(
            (*group.path, leaf),
            array,
            group.gradients.get(leaf),
            group.updates.get(leaf),
            leaf in group.trainable,
        )
        for leaf, array in group.arrays.items()
    ]


def _layers(group: Group, first_axis: bool) -> list[Layer]:
    kind, name = _kind(group), "/".join(group.path)
    parts = _parts(group)
    if parts is None:
        plain = group.owner is None
        layers = layers_of_arrays(
            _named_arrays(group), kind, by_shape=plain, first_axis=plain and first_axis
        )
    else:
        named_by = {name for part in parts for name in (part.kernel, part.bias)}
        rest = {name: array for name, array in group.arrays.items() if name not in named_by}
        layers = [_layer(group, kind, part, rest if part is parts[0] else {}) for part in parts]
    if not layers and group.notes:
        layers = [Layer(name or kind, kind, trainable=False)]
    return [replace(layer, notes=(*layer.notes, *group.notes)) for layer in layers]


def _kind(group: Group) -> str:
    if group.owner is not None:
        return type(group.owner).__name__
    if group.flax:
        names = [name for name in group.path if not name.isdecimal()]
        match = _AUTOMATIC_NAME.fullmatch(names[-1]) if names else None
        return match.group(1) if match else "Flax"
    return "array"


def _layer(group: Group, kind: str, part: Part, others: dict[str, Array]) -> Layer:
    kernel = group.arrays.get(part.kernel or "")
    bias = group.arrays.get(part.bias or "")
    view = _viewed(group.arrays, part.kernel, part)
    if bias is not None and view is not None and bias.size != view.shape[1]:
        others = {**others, part.bias or "bias": bias}
        bias = None
    stored = [array for array in (kernel, bias, *others.values()) if array is not None]
    name = "/".join(group.path) or kind
    return Layer(
        name=f"{name}/{part.kernel}" if part.own_layer else name,
        type=kind,
        kernel=view,
        kernel_name=part.kernel or "kernel",
        kernel_shape=() if kernel is None else kernel.shape,
        bias=None if bias is None else vector(bias),
        bias_name=part.bias or "bias",
        gradient=_viewed(group.gradients, part.kernel, part),
        bias_gradient=None if bias is None else _flat(group.gradients, part.bias),
        update=_viewed(group.updates, part.kernel, part),
        others=others,
        parameters=sum(int(array.size) for array in stored),
        trainable=bool(
            group.trainable.intersection((part.kernel,) if part.kernel else {*others, part.bias})
        ),
        # A convolution's neurons are in the last axis, with a bias or without.
        notes=(LAST_AXIS_NOTE,) if part.guessed and not kind.startswith("Conv") else (),
    )


def _viewed(arrays: dict[str, Array], name: str | None, part: Part) -> Array | None:
    array = arrays.get(name or "")
    return None if array is None else with_neurons(array, part.neurons(array.ndim))


def _flat(arrays: dict[str, Array], name: str | None) -> Array | None:
    array = arrays.get(name or "")
    return None if array is None else vector(array)
