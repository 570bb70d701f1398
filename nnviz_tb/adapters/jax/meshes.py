"""Programs over arrays that are sharded over a mesh of devices, of one host or of many.

Every device reduces the block that it holds. What is exchanged is counts, sums of neurons, and the
weights that were asked for; no program here ever holds more of an array on a device than that
device held before, and every process gets the same answer.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from nnviz_tb.adapters.jax.reduction import Block, Neurons, as_float32, reduce_block

Axes = tuple[int, ...]
Names = tuple[Any, ...]
"""Of a mesh's axes, the outermost first."""
Specs = Any
"""A ``PartitionSpec`` for every argument."""


@dataclass(frozen=True)
class Layout:
    """How an array lies on devices, and which of its axes are neurons.

    Attributes:
      mesh: the devices; None for a single one.
      names: of the mesh's axes over which each axis of the array is sharded.
      neuron_axes: ascending.
    """

    mesh: Mesh | None
    names: tuple[Names, ...]
    neuron_axes: Axes

    @classmethod
    def of(cls, array: Any, neuron_axes: Axes) -> Layout | None:
        """The layout of a JAX array; None of one that is sharded without a mesh."""
        sharding = array.sharding
        if len(sharding.device_set) == 1:
            return cls(None, ((),) * array.ndim, neuron_axes)
        if not isinstance(sharding, NamedSharding):
            return None
        spec = (*sharding.spec, *[None] * (array.ndim - len(sharding.spec)))
        names = (e if isinstance(e, tuple) else () if e is None else (e,) for e in spec)
        mesh: Any = sharding.mesh
        return cls(mesh, tuple(names), neuron_axes)

    @property
    def fan_in_axes(self) -> Axes:
        """Those that are no neurons, ascending."""
        return tuple(axis for axis in range(len(self.names)) if axis not in self.neuron_axes)

    @property
    def spec(self) -> PartitionSpec:
        """As JAX writes it."""
        return partition(self.names)

    def over(self, axes: Axes) -> Names:
        """The mesh's axes over which these axes are sharded."""
        return tuple(name for axis in axes for name in self.names[axis])

    def parts(self, axis: int) -> int:
        """Number of pieces that an axis is cut into."""
        mesh = self.mesh
        return 1 if mesh is None else math.prod(mesh.shape[name] for name in self.names[axis])


def partition(names: Sequence[Names]) -> PartitionSpec:
    """What says that each axis is sharded over these."""
    make: Any = PartitionSpec
    spec: PartitionSpec = make(*(entry or None for entry in names))
    return spec


def fan_in_first(array: Any, layout: Layout) -> Any:
    """The array, or a block of it, NumPy's or JAX's, with its neurons in the last axes."""
    return array.transpose(*layout.fan_in_axes, *layout.neuron_axes)


def matrix_of(array: Any, layout: Layout) -> Any:
    """The same as ``[fan_in, neurons]``."""
    shape = array.shape
    return fan_in_first(array, layout).reshape(
        math.prod(shape[axis] for axis in layout.fan_in_axes),
        math.prod(shape[axis] for axis in layout.neuron_axes),
    )


@functools.lru_cache(maxsize=1024)
def reduction(layout: Layout) -> Callable[[Any], Block]:
    """A program from an array to its reduction, the same on every device.

    Its :class:`~nnviz_tb.adapters.jax.reduction.Neurons` have ``[parts, neurons]``: a row for every
    device among which the incoming weights are shared out.
    """
    fan_in = layout.over(layout.fan_in_axes)
    everything = (*fan_in, *layout.over(layout.neuron_axes))

    def on_device(local: Any) -> Block:
        block = reduce_block(matrix_of(local, layout))
        sizes = [local.shape[axis] for axis in layout.neuron_axes]

        def of_all(row: Any) -> Any:
            rows = gathered(row.reshape(1, *sizes), [fan_in])
            neurons = gathered(rows, [(), *(layout.names[axis] for axis in layout.neuron_axes)])
            return neurons.reshape(neurons.shape[0], -1)

        counts, zero_count = added((block.counts, block.zero_count), everything)
        return Block(counts, zero_count, Neurons(*map(of_all, block.neurons)))

    return on_devices(on_device, layout, (layout.spec,), partition([]))


@functools.lru_cache(maxsize=1024)
def entries(layout: Layout) -> Callable[[Any, Any, Any], Any]:
    """A program from an array, rows and neurons to ``float32[rows, neurons]`` where they cross.

    Rows and neurons are ``int32``, in the view ``[fan_in, neurons]``.
    """
    everything = layout.over((*layout.fan_in_axes, *layout.neuron_axes))

    def on_device(local: Any, rows: Any, neurons: Any) -> Any:
        mine, row = places_of(local, layout, layout.fan_in_axes, rows)
        here, neuron = places_of(local, layout, layout.neuron_axes, neurons)
        crossings = as_float32(matrix_of(local, layout)[row[:, None], neuron])
        return added_exactly(crossings, mine[:, None] & here, everything)

    return on_devices(on_device, layout, (layout.spec, partition([]), partition([])), partition([]))


@functools.lru_cache(maxsize=1024)
def copy(layout: Layout) -> Callable[[Any], Any]:
    """A program that gives every device all of an array, for one smaller than its statistics."""
    return on_devices(
        lambda local: jnp.copy(gathered(local, layout.names)),
        layout,
        (layout.spec,),
        partition([]),
    )


def on_devices(
    function: Any, layout: Layout, arguments: Specs, results: Specs
) -> Callable[..., Any]:
    """``function``, run on every device of the layout with its blocks of the arguments."""
    if layout.mesh is None:
        return jax.jit(function)
    # What is gathered or added up is the same everywhere, which JAX cannot tell by itself.
    mapped = jax.shard_map(
        function, mesh=layout.mesh, in_specs=arguments, out_specs=results, check_vma=False
    )
    return jax.jit(mapped)


def gathered(local: Any, names: Sequence[Names]) -> Any:
    """All of an array of which each device holds the part that these names say, axis by axis."""
    for axis, shared in enumerate(names):
        if shared:
            local = lax.all_gather(local, shared, axis=axis, tiled=True)
    return local


def added(values: Any, names: Names) -> Any:
    """The sum over the devices along these axes of the mesh."""
    add: Any = lax.psum
    return add(values, names) if names else values


def added_exactly(values: Any, mine: Any, names: Names) -> Any:
    """``float32`` values that one device holds each, on all: added as bits, which rounds none."""
    if not names:
        return values
    bits = jnp.where(mine, lax.bitcast_convert_type(values, jnp.uint32), 0)
    return lax.bitcast_convert_type(added(bits, names), jnp.float32)


def places_of(local: Any, layout: Layout, axes: Axes, chosen: Any) -> tuple[Any, Any]:
    """Which of the chosen this device holds, and where in its block, flattened over the axes."""
    parts = [layout.parts(axis) for axis in axes]
    sizes = [local.shape[axis] * part for axis, part in zip(axes, parts, strict=True)]
    mine, place = jnp.ones(chosen.shape, bool), jnp.zeros_like(chosen)
    if not axes:
        return mine, place
    for axis, index in zip(axes, jnp.unravel_index(chosen, sizes), strict=True):
        size, names = local.shape[axis], layout.names[axis]
        first = lax.axis_index(names) * size if names else 0
        mine &= (index >= first) & (index < first + size)
        place = place * size + jnp.clip(index - first, 0, size - 1)
    return mine, place
