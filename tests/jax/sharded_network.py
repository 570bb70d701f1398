"""A network of two layers, whole or sharded over a mesh of four devices, and its training step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

PLACED = {
    "first": {"kernel": PartitionSpec(None, "model"), "bias": PartitionSpec("model")},
    "second": {"kernel": PartitionSpec("model", "data"), "bias": PartitionSpec()},
}


def weights() -> dict[str, dict[str, np.ndarray]]:
    """In NumPy; a NaN, an infinity, zeros and a denormal number among them."""
    rng = np.random.default_rng(0)
    whole = {
        "first": {"kernel": rng.normal(size=(24, 640)), "bias": rng.normal(size=640)},
        "second": {"kernel": rng.normal(size=(640, 48)), "bias": rng.normal(size=48)},
    }
    found: dict[str, dict[str, np.ndarray]] = jax.tree.map(np.float32, whole)
    found["first"]["kernel"][3, :7] = 0.0
    found["second"]["kernel"][[5, 600, 601], [1, 2, 3]] = np.nan, -np.inf, 1e-40
    return found


def batch() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(16, 24)).astype(np.float32)


def mesh() -> Any:
    return jax.make_mesh((2, 2), ("data", "model"), axis_types=(AxisType.Auto,) * 2)


def placed(whole: np.ndarray, over: Any, spec: PartitionSpec) -> Any:
    """The array on the mesh, where each process gives the parts that it has."""
    return jax.make_array_from_callback(
        whole.shape, NamedSharding(over, spec), lambda index: whole[index]
    )


def forward(weights: Any, x: Any) -> Any:
    hidden = jnp.tanh(x @ weights["first"]["kernel"] + weights["first"]["bias"])
    return hidden @ weights["second"]["kernel"] + weights["second"]["bias"]


@jax.jit
def step(weights: Any, x: Any) -> tuple[Any, Any]:
    """The next weights, and gradients that do not depend on the devices' order of addition."""
    gradients = jax.tree.map(lambda leaf: 0.125 * leaf, weights)
    return jax.tree.map(lambda w, g: w - 0.5 * g, weights, gradients), gradients
