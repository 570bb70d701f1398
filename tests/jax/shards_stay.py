"""Prints, as JSON, what every program over a sharded weight holds, and what logging it allocates.

Sizes are in entries of the weight, which lies on four devices.
"""

from __future__ import annotations

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["JAX_PLATFORMS"] = "cpu"

import json
import math
import re
import tracemalloc
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from sharded_network import mesh, placed

import nnviz_tb
from nnviz_tb.adapters.jax import meshes, ways
from nnviz_tb.adapters.jax.meshes import Layout

ROWS, NEURONS = 512, 1024


def largest(program: Any, *arguments: Any) -> int:
    """Entries of the largest array in the program that one device runs."""
    text = program.lower(*arguments).compile().as_text()
    shapes = re.findall(r"\b(?:pred|[subf]+\d+)\[([\d,]+)\]", text)
    return max(math.prod(map(int, shape.split(","))) for shape in shapes)


whole = np.random.default_rng(0).normal(size=(ROWS, NEURONS)).astype(np.float32)
held: dict[str, int] = {}
for spec in (PartitionSpec("data", "model"), PartitionSpec(None, ("model", "data"))):
    weight = placed(whole, mesh(), spec)
    layout = Layout.of(weight, (1,))
    assert layout is not None
    some = np.arange(0, NEURONS, 16, dtype=np.int32)
    signs = np.zeros(ROWS, np.uint8)
    columns = ways.columns_of(weight, layout, np.arange(NEURONS)).values
    few = ways.columns_of(weight, layout, some.astype(np.int64)).values
    assert columns.addressable_shards[0].data.size == whole.size // 4
    assert few.addressable_shards[0].data.size == ROWS * some.size // 4
    for name, program, arguments in (
        ("reduction", meshes.reduction(layout), (weight,)),
        ("entries", meshes.entries(layout), (weight, some, some)),
        ("columns", ways._all_columns(layout), (weight,)),
        ("some columns", ways._chosen_columns(layout), (weight, some)),
        ("change", ways.change(layout), (columns, columns)),
        ("projection", ways.projection(layout), (few, signs)),
    ):
        held[f"{name} {spec}"] = largest(program, *arguments)

weights = {"hidden": {"kernel": weight}}
peaks = []
for step in range(3):
    tracemalloc.start()
    nnviz_tb.log_model(weights, step, logdir=sys.argv[1], gradients=weights)
    peaks.append(tracemalloc.get_traced_memory()[1] // whole.itemsize)
    tracemalloc.stop()
everywhere = NamedSharding(mesh(), PartitionSpec())
told = {
    "weight": whole.size,
    "held": held,
    "allocated": peaks[-1],
    "held when gathered": largest(jax.jit(lambda w: 2 * w, out_shardings=everywhere), weight),
}
print(json.dumps(told))
