"""One forward pass over a probe batch, and what reached every activation function in it.

The pass is compiled once for a model and a shape, to a program that computes the samples and
nothing else: what no activation needs, as the loss, is left out by XLA, and only the samples that
are kept leave the device.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding

from nnviz_tb.adapters.jax.calls import Forward
from nnviz_tb.adapters.jax.functions import Site, row_count, sites
from nnviz_tb.adapters.jax.lineage import WEIGHT, Axes, origins
from nnviz_tb.adapters.jax.loops import Unseen, unseen
from nnviz_tb.adapters.jax.meshes import partition
from nnviz_tb.adapters.jax.program import Program, trace
from nnviz_tb.adapters.samples import SampleStore, numbers_per_activation
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Array

_MAX_PROGRAMS = 16


@dataclass(frozen=True, eq=False)
class Pass:
    """A compiled forward pass.

    Attributes:
      sites: the activation functions in it.
      dtypes: what each of their inputs is computed in.
      sizes: number of samples and of neurons of each.
      order: places of the weights, as the program uses them.
      learnable: for each site the places of the weights that its function depends on.
      unseen: the activation functions in its loops.
      run: from the leaves of weights and batch to inputs, outputs and parameters of each site.
    """

    sites: tuple[Site, ...]
    dtypes: tuple[Any, ...]
    sizes: tuple[tuple[int, int], ...]
    order: tuple[int, ...]
    learnable: tuple[tuple[int, ...], ...]
    unseen: tuple[Unseen, ...]
    run: Callable[..., Any]


@dataclass(frozen=True)
class Seen:
    """What one site saw.

    Attributes:
      inputs, outputs: ``float[samples, neurons]``; outputs None where they are not known.
      function: the function on arrays of any shape, or of ``[…, channels]``; None when it is not
        elementwise.
      channels: of a function that has a parameter for each, else 0.
      weights: places of the weights that the function depends on.
      notes: on the samples.
    """

    site: Site
    inputs: Array
    outputs: Array | None
    function: Callable[[Array], Array] | None
    channels: int
    weights: tuple[int, ...]
    notes: tuple[str, ...]


_passes: OrderedDict[Hashable, Pass] = OrderedDict()


def probe(
    forward: Forward, places: Sequence[int], arguments: tuple[Any, ...], argument: str
) -> tuple[list[Seen], list[int], list[Unseen]]:
    """What every activation function saw, the order in which weights are used, and what is unseen.

    Args:
      forward: the model.
      places: for each of its leaves the place of the weight it is, -1 for what is none.
      arguments: of the call; what is no array in them is part of the program.
      argument: what the caller calls them, for messages.

    Raises:
      ArgumentError: the model fails on the batch.
    """
    try:
        leaves, structure = jax.tree.flatten(arguments)
        dynamic = [isinstance(leaf, (jax.Array, np.ndarray)) for leaf in leaves]
        everywhere = _everywhere([*forward.leaves, *leaves])
        # NumPy's arrays go to all hosts as they are; a JAX array of one host's would not fit.
        given = jnp.asarray if everywhere is None else lambda leaf: leaf
        batch = [given(leaf) for leaf, d in zip(leaves, dynamic, strict=True) if d]
        fixed = [None if d else leaf for leaf, d in zip(leaves, dynamic, strict=True)]

        def call(model_leaves: Sequence[Any], batch: Sequence[Any]) -> Any:
            rest = iter(batch)
            whole = [next(rest) if d else leaf for leaf, d in zip(fixed, dynamic, strict=True)]
            return forward.call(model_leaves, jax.tree.unflatten(structure, whole))

        key = _key(forward, batch, (structure, tuple(fixed), everywhere), places)
        compiled = _passes.get(key) if key is not None else None
        if compiled is None:
            program = trace(call, forward.leaves, batch)
            compiled = _compiled(program, [*places, *[None] * len(batch)], everywhere)
            _remember(key, compiled)
        results = jax.device_get(compiled.run(forward.leaves, batch))
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ArgumentError(
            f"{argument}: the model cannot take arrays of shapes "
            f"{jax.tree.map(np.shape, arguments)}: {reason:.500}"
        ) from error
    return _seen(compiled, results), list(compiled.order), list(compiled.unseen)


def _key(forward: Forward, batch: Sequence[Any], static: Hashable, places: Sequence[int]) -> Any:
    shapes = tuple((np.shape(leaf), str(leaf.dtype)) for leaf in (*forward.leaves, *batch))
    key = (forward.key, static, shapes, tuple(places))
    try:
        hash(key)
    except TypeError:  # a field of the model's own cannot be compared
        return None
    return key


def _remember(key: Hashable, compiled: Pass) -> None:
    if key is not None:
        _passes[key] = compiled
        while len(_passes) > _MAX_PROGRAMS:
            _passes.popitem(last=False)


def _everywhere(leaves: Sequence[Any]) -> NamedSharding | None:
    """Where samples are to be when the model lies on several hosts: whole on every device."""
    for leaf in leaves:
        if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
            mesh: Any = getattr(leaf.sharding, "mesh", None)
            return None if mesh is None else NamedSharding(mesh, partition([]))
    return None


def _compiled(
    program: Program, places: Sequence[int | None], everywhere: NamedSharding | None
) -> Pass:
    found_origins = origins(program, places)
    found = sites(program, found_origins)
    limit = numbers_per_activation(len(found))
    sizes = [_size(site, program.shapes[site.inputs].shape) for site in found]
    rows = [SampleStore(limit).rows_to_keep(*size) for size in sizes]

    def run(leaves: Sequence[Any], batch: Sequence[Any]) -> list[tuple[Any, Any, list[Any]]]:
        wanted = [
            value
            for site in found
            for value in (site.inputs, site.outputs, *site.parameters)
            if value is not None
        ]
        known = dict(zip(wanted, program.run([*leaves, *batch], wanted), strict=True))
        return [
            (
                _samples(known[site.inputs], site, chosen),
                None if site.outputs is None else _samples(known[site.outputs], site, chosen),
                [
                    jnp.reshape(known[value], -1)[0]
                    if found_origins[value].scalar
                    else _samples(known[value], site, np.zeros(1, np.int32))[0]
                    for value in site.parameters
                ],
            )
            for site, chosen in zip(found, rows, strict=True)
        ]

    return Pass(
        tuple(found),
        tuple(program.shapes[site.inputs].dtype for site in found),
        tuple(sizes),
        _order_of_use(program, found_origins),
        tuple(
            tuple(
                dict.fromkeys(
                    place for value in site.parameters for place in found_origins[value].weights
                )
            )
            for site in found
        ),
        tuple(unseen(program, found_origins)),
        jax.jit(run) if everywhere is None else jax.jit(run, out_shardings=everywhere),
    )


def neuron_axes(site: Site, rank: int) -> Axes:
    """The axes that the model's kernel says, else the last."""
    return site.origin.axes if site.origin.axes else (rank - 1,)


def _size(site: Site, shape: Sequence[int]) -> tuple[int, int]:
    axes = neuron_axes(site, len(shape))
    return row_count(shape, axes), math.prod(shape[axis] for axis in axes)


def _samples(tensor: Any, site: Site, chosen: Any) -> Any:
    """``[samples, neurons]``, of the chosen samples."""
    columns = neuron_axes(site, tensor.ndim)
    if any(axis >= tensor.ndim for axis in columns):
        columns = (tensor.ndim - 1,)
    rows = [axis for axis in range(tensor.ndim) if axis not in columns]
    width = math.prod(tensor.shape[axis] for axis in columns)
    matrix = jnp.transpose(tensor, (*rows, *columns)).reshape(-1, width)
    return matrix if chosen is None else matrix[chosen]


def _order_of_use(program: Program, found: Sequence[Any]) -> tuple[int, ...]:
    order: dict[int, None] = {}
    for equation in program.equations:
        data = any(found[value].kind != WEIGHT for value in equation.values)
        for value in equation.values:
            if data and found[value].kind == WEIGHT:
                order.update(dict.fromkeys(found[value].weights))
    return tuple(order)


def _seen(compiled: Pass, results: Sequence[Any]) -> list[Seen]:
    seen = []
    limit = numbers_per_activation(len(compiled.sites))
    for place, (inputs, outputs, learned) in enumerate(results):
        site, dtype = compiled.sites[place], compiled.dtypes[place]
        store = SampleStore(limit)
        store.rows_to_keep(*compiled.sizes[place])
        known = outputs is not None and outputs.shape[0] == inputs.shape[0]
        store.add(inputs, outputs if known else inputs)
        if store.inputs is not None:
            seen.append(
                Seen(
                    site,
                    store.inputs,
                    store.outputs if known else None,
                    _function(site, dtype, learned) if site.equations else None,
                    max((np.size(one) for one in learned if np.ndim(one)), default=0),
                    compiled.learnable[place],
                    store.notes,
                )
            )
    return seen


def _function(site: Site, dtype: Any, learned: Sequence[Any]) -> Callable[[Array], Array]:
    def function(values: Array) -> Array:
        return np.asarray(site.function(values, dtype, learned), dtype=np.float32)

    return function
