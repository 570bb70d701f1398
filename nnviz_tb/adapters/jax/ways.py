"""Programs that follow tracked neurons from step to step, on the devices where their weights lie.

A neuron's incoming weights stay cut up as they are. Where not all neurons are tracked, the tracked
ones are dealt out evenly again among the devices between which the neurons were shared.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from nnviz_tb.adapters.jax.meshes import (
    Layout,
    fan_in_first,
    gathered,
    on_devices,
    partition,
    places_of,
)
from nnviz_tb.adapters.jax.reduction import (
    Squares,
    as_float32,
    squares_of_change,
    sum_rows,
)
from nnviz_tb.schema import SKETCH_DIMENSIONS


class Columns(NamedTuple):
    """Weights of some neurons.

    Attributes:
      values: ``float32[*fan-in axes, positions]``, on the devices.
      neurons: ``int64[positions]`` which neuron stands where; −1 for none.
    """

    values: Any
    neurons: NDArray[np.int64]


def columns_of(array: Any, layout: Layout, chosen: NDArray[np.int64]) -> Columns:
    """The weights of the chosen neurons, ascending; in buffers of their own."""
    sizes = [array.shape[axis] for axis in layout.neuron_axes]
    if chosen.size == math.prod(sizes):
        return Columns(_all_columns(layout)(array), _order(layout, sizes))
    shared = math.prod(layout.parts(axis) for axis in layout.neuron_axes)
    padding = np.full(-chosen.size % shared, -1, np.int64)
    neurons = np.concatenate([chosen, padding])
    return Columns(_chosen_columns(layout)(array, neurons.astype(np.int32)), neurons)


def _order(layout: Layout, sizes: list[int]) -> NDArray[np.int64]:
    """Neurons, device by device."""
    cut = [
        size
        for whole, axis in zip(sizes, layout.neuron_axes, strict=True)
        for size in (layout.parts(axis), whole // layout.parts(axis))
    ]
    axes = [*range(0, len(cut), 2), *range(1, len(cut), 2)]
    order: NDArray[np.int64] = np.arange(math.prod(sizes)).reshape(cut).transpose(axes).ravel()
    return order


def _split(layout: Layout) -> Any:
    """How columns are cut up: their last axis between the devices that share the neurons."""
    fan_in = [layout.names[axis] for axis in layout.fan_in_axes]
    return partition([*fan_in, layout.over(layout.neuron_axes)])


@functools.lru_cache(maxsize=1024)
def _all_columns(layout: Layout) -> Callable[[Any], Any]:
    def on_device(local: Any) -> Any:
        columns = fan_in_first(local, layout)
        columns = columns.reshape(*columns.shape[: len(layout.fan_in_axes)], -1)
        return jnp.copy(as_float32(columns))

    return on_devices(on_device, layout, (layout.spec,), _split(layout))


@functools.lru_cache(maxsize=1024)
def _chosen_columns(layout: Layout) -> Callable[[Any, Any], Any]:
    names = layout.over(layout.neuron_axes)

    def on_device(local: Any, chosen: Any) -> Any:
        columns = fan_in_first(local, layout)
        columns = columns.reshape(*columns.shape[: len(layout.fan_in_axes)], -1)
        mine, place = places_of(local, layout, layout.neuron_axes, chosen)
        columns = as_float32(columns[..., place])
        if not names:
            return columns
        # Added as bits, of which all but one device's are zero: nothing is rounded.
        bits = jnp.where(mine, lax.bitcast_convert_type(columns, jnp.uint32), 0)
        scatter: Any = lax.psum_scatter
        bits = scatter(bits, names, scatter_dimension=bits.ndim - 1, tiled=True)
        return lax.bitcast_convert_type(bits, jnp.float32)

    return on_devices(on_device, layout, (layout.spec, partition([])), _split(layout))


@functools.lru_cache(maxsize=1024)
def change(layout: Layout) -> Callable[[Any, Any], Squares]:
    """A program from columns now and before to their squares, ``[parts, positions]`` each."""
    fan_in, neurons = layout.over(layout.fan_in_axes), layout.over(layout.neuron_axes)

    def on_device(now: Any, before: Any) -> Squares:
        width = now.shape[-1]
        squares = squares_of_change(now.reshape(-1, width), before.reshape(-1, width))
        return Squares(*(gathered(row[None], [fan_in, neurons]) for row in squares))

    return on_devices(on_device, layout, (_split(layout), _split(layout)), partition([]))


@functools.lru_cache(maxsize=1024)
def projection(layout: Layout) -> Callable[[Any, Any], Any]:
    """A program from columns and ``uint8[*fan-in axes]`` signs to ``[parts, positions, 8]``.

    For :func:`nnviz_tb.statistics.sketch.scaled`, to be added up over the parts.
    """
    fan_in, neurons = layout.over(layout.fan_in_axes), layout.over(layout.neuron_axes)

    def on_device(columns: Any, signs: Any) -> Any:
        weights = columns.reshape(-1, columns.shape[-1])
        weights = jnp.where(jnp.isfinite(weights), weights, 0)
        for place, axis in enumerate(layout.fan_in_axes):
            if layout.names[axis]:
                size, here = columns.shape[place], lax.axis_index(layout.names[axis])
                signs = lax.dynamic_slice_in_dim(signs, here * size, size, place)
        projected = jnp.stack(
            [
                # No product of matrices: that is of fewer bits than its factors on accelerators.
                sum_rows(jnp.where(signs.reshape(-1, 1) >> bit & 1, weights, -weights))
                for bit in range(SKETCH_DIMENSIONS)
            ],
            axis=-1,
        )
        return gathered(projected[None], [fan_in, neurons])

    return on_devices(on_device, layout, (_split(layout), partition([])), partition([]))
