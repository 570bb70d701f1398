"""Logs a model while the device is busy with the step before it: ``enqueued.py PLATFORM LOGDIR``.

Prints whether the device was still busy when the logging call returned, and what was logged. With
``cpu``, the host's devices are taken for accelerators.
"""

from __future__ import annotations

import os
import sys

os.environ["JAX_PLATFORMS"] = {"gpu": "cuda,cpu"}.get(sys.argv[1], sys.argv[1])

import json

import jax
import jax.numpy as jnp
import numpy as np

import nnviz_tb
from nnviz_tb.adapters.jax import distant

platform, logdir = sys.argv[1:]
if platform == "cpu":
    distant.is_in_host_memory = lambda value: False

device = jax.devices(platform)[0]
whole = np.random.default_rng(0).normal(size=(128, 256)).astype(np.float32)
weights = {"hidden": {"kernel": jax.device_put(whole, device), "bias": jnp.zeros(256)}}
matrix = jax.device_put(np.eye(1024, dtype=np.float32), device)


@jax.jit
def train(weights: dict, matrix: jax.Array, turns: int) -> dict:
    """A long step, whose result is the weights a little larger."""
    long = jax.lax.fori_loop(0, turns, lambda _, m: m @ matrix, matrix)
    return jax.tree.map(lambda leaf: leaf * (1 + 1e-3 * long[0, 0]), weights)


with nnviz_tb.SummaryWriter(logdir) as writer:
    weights = train(weights, matrix, 1)
    writer.log_model(weights, 0, gradients=weights)  # compiles
    jax.block_until_ready(weights)
    weights = train(weights, matrix, 200 if platform == "cpu" else 100_000)
    writer.log_model(weights, 1, gradients=weights)
    busy = not weights["hidden"]["kernel"].is_ready()
    own = np.ones((4, 300), np.float32)
    writer.log_model({**weights, "own": {"kernel": own}}, 0, name="mixed")
    own[:] = 5
    norms = np.linalg.norm(np.asarray(weights["hidden"]["kernel"]), axis=0)
print(json.dumps({"busy": busy, "norms": norms.astype(float).tolist()}))
