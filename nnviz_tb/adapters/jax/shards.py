"""Arrays in this host's memory, whole or in shards, read where they are."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from nnviz_tb.adapters.jax import meshes
from nnviz_tb.adapters.jax.meshes import Layout
from nnviz_tb.adapters.jax.partial_sums import of_sums, put_together
from nnviz_tb.layers import Array
from nnviz_tb.statistics.histogram import BUCKETS
from nnviz_tb.statistics.reduction import Sums, reduce_kernel


def as_numpy(value: Any) -> Array:
    """The array in host memory, as NumPy can compute with it."""
    array = np.asarray(value)
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    narrow = array.dtype.name in ("int2", "int4", "uint2", "uint4")
    return array.astype(np.int8) if narrow else array


def is_in_host_memory(value: jax.Array) -> bool:
    """Whether every shard of it is."""
    devices: Any = value.sharding.device_set
    return value.is_fully_addressable and all(device.platform == "cpu" for device in devices)


def sums_of_shards(value: jax.Array, layout: Layout, shape: tuple[int, int]) -> Sums:
    """The sums of an array whose shards all are in this host's memory, where they are."""
    sizes = [value.shape[axis] for axis in layout.neuron_axes]
    places = np.arange(shape[1]).reshape(sizes)
    parts, counts, zero_count = [], np.zeros(BUCKETS, np.int64), 0
    for shard in value.addressable_shards:
        if shard.replica_id == 0:
            columns = places[tuple(shard.index[axis] for axis in layout.neuron_axes)].ravel()
            sums = reduce_kernel(meshes.matrix_of(as_numpy(shard.data), layout))
            parts.append(of_sums(sums, columns))
            counts += sums.counts
            zero_count += sums.zero_count
    return put_together(shape[1], parts, counts, zero_count)
