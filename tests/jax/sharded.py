"""Logs one model twice, whole and sharded over a mesh of 4 devices: ``sharded.py LOGDIR``."""

from __future__ import annotations

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

import nnviz_tb

assert jax.device_count() == 4
rng = np.random.default_rng(0)
whole = {
    "first": {"kernel": rng.normal(size=(12, 64)), "bias": rng.normal(size=64)},
    "second": {"kernel": rng.normal(size=(64, 8)), "bias": rng.normal(size=8)},
}
whole = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), whole)
batch = jnp.asarray(rng.normal(size=(16, 12)), jnp.float32)
mesh = jax.make_mesh((2, 2), ("data", "model"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
placed = {
    "first": {"kernel": PartitionSpec(None, "model"), "bias": PartitionSpec("model")},
    "second": {"kernel": PartitionSpec("model", None), "bias": PartitionSpec()},
}
sharded = jax.tree.map(
    lambda leaf, spec: jax.device_put(leaf, NamedSharding(mesh, spec)), whole, placed
)
assert not sharded["first"]["kernel"].is_fully_replicated


def forward(weights: dict, x: jax.Array) -> jax.Array:
    hidden = jnp.tanh(x @ weights["first"]["kernel"] + weights["first"]["bias"])
    return hidden @ weights["second"]["kernel"] + weights["second"]["bias"]


for name, weights, x in (
    ("whole", whole, batch),
    ("sharded", sharded, jax.device_put(batch, NamedSharding(mesh, PartitionSpec("data")))),
):
    gradients = jax.jit(jax.grad(lambda w, x: forward(w, x).sum()))(weights, x)
    nnviz_tb.log_model(
        weights,
        0,
        logdir=f"{sys.argv[1]}/{name}",
        gradients=gradients,
        activations=nnviz_tb.jax.activations(forward, weights, x),
    )
    assert {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(weights)} == {
        4 if name == "sharded" else 1
    }
