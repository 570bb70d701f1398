"""Logs one network whole, and sharded over a mesh of 4 devices of one host or of two.

``sharded.py LOGDIR`` logs both in one process; ``sharded.py LOGDIR PROCESS PORT`` is one of two
processes that hold two of the devices each, and logs what is sharded over all four.
"""

from __future__ import annotations

import os
import sys

os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={2 if len(sys.argv) > 2 else 4}"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
from sharded_network import PLACED, batch, forward, mesh, placed, step, weights

import nnviz_tb

hosts = 2 if len(sys.argv) > 2 else 1
if hosts > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{sys.argv[3]}", hosts, int(sys.argv[2]))
assert jax.device_count() == 4
assert jax.local_device_count() == 4 // hosts

whole, over = weights(), mesh()
sharded = jax.tree.map(lambda leaf, spec: placed(leaf, over, spec), whole, PLACED)
x = placed(batch(), over, jax.sharding.PartitionSpec("data"))
runs = {"sharded": (sharded, x)}
if hosts == 1:
    runs["whole"] = jax.tree.map(jax.numpy.asarray, (whole, batch()))
for name, (current, inputs) in runs.items():
    for at in range(3):
        new, gradients = step(current, inputs)
        nnviz_tb.log_model(
            current,
            at,
            logdir=f"{sys.argv[1]}/{name}",
            gradients=gradients,
            activations=nnviz_tb.jax.activations(forward, current, inputs),
            scalars={"loss": 1.0},
        )
        current = new
kernel = sharded["first"]["kernel"]
assert len(kernel.sharding.device_set) == 4
assert kernel.is_fully_addressable == (hosts == 1)
print("logged")
