"""Layers whose weights are stacked in one array are shown as the layers that they are."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from nnviz_tb.adapters import layers_of
from nnviz_tb.layers import Layer

KEY = jax.random.key(0)
DEPTH = 3
HEAD = {"kernel": jnp.ones((6, 2)), "bias": jnp.ones(2)}


def named(model: Any, **rest: Any) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers_of(model, **rest)}


class Block(linen.Module):
    @linen.compact
    def __call__(self, x: Any, _: Any) -> tuple[Any, None]:
        return linen.tanh(linen.Dense(4)(linen.LayerNorm()(x))), None


class Stack(linen.Module):
    @linen.compact
    def __call__(self, x: Any) -> Any:
        scanned = linen.scan(
            Block, variable_axes={"params": 0}, split_rngs={"params": True}, length=DEPTH
        )
        x, _ = scanned(name="blocks")(x, None)
        return linen.Dense(2, name="head")(x)


def test_layers_that_linen_scans_through_are_told_apart() -> None:
    module = Stack()
    variables = module.init(KEY, jnp.ones((5, 4)))
    stacked = variables["params"]["blocks"]["Dense_0"]
    assert stacked["kernel"].shape == (DEPTH, 4, 4)
    gradients = jax.tree.map(lambda leaf: 2 * leaf, variables)
    layers = named(variables, gradients=gradients)

    assert {*layers} == {
        *(f"blocks/{i}/{name}" for i in range(DEPTH) for name in ("Dense_0", "LayerNorm_0")),
        "head",
    }
    for i in range(DEPTH):
        dense = layers[f"blocks/{i}/Dense_0"]
        assert dense.type == "Dense"
        np.testing.assert_array_equal(dense.kernel, stacked["kernel"][i])
        np.testing.assert_array_equal(dense.bias, stacked["bias"][i])
        np.testing.assert_array_equal(dense.gradient, 2 * stacked["kernel"][i])
        assert dense.notes == ("one of 3 layers whose weights are stacked in one array",)
    assert sum(layer.parameters for layer in layers.values()) == sum(
        leaf.size for leaf in jax.tree.leaves(variables)
    )


def test_layers_that_nnx_and_equinox_map_over_are_told_apart() -> None:
    @nnx.vmap(in_axes=0, out_axes=0)
    def linear(key: Any) -> nnx.Linear:
        return nnx.Linear(4, 5, rngs=nnx.Rngs(key))

    @eqx.filter_vmap
    def block(key: Any) -> Any:
        return eqx.nn.MLP(4, 4, 8, 1, key=key)

    keys = jax.random.split(KEY, DEPTH)
    stacked, mapped = linear(keys), block(keys)
    layers = named(nnx.Dict(blocks=stacked))
    assert [*layers] == [f"blocks/{i}" for i in range(DEPTH)]
    np.testing.assert_array_equal(layers["blocks/1"].kernel, stacked.kernel[...][1])

    layers = named({"blocks": mapped})
    assert {*layers} == {f"blocks/layers/{i}/{k}" for i in range(DEPTH) for k in range(2)}
    np.testing.assert_array_equal(layers["blocks/layers/2/0"].kernel, mapped.layers[0].weight[2].T)


class Attention(linen.Module):
    @linen.compact
    def __call__(self, x: Any, _: Any) -> tuple[Any, None]:
        x = linen.MultiHeadDotProductAttention(num_heads=2, name="attention")(x)
        return linen.tanh(linen.Dense(6, name="dense")(x)), None


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_attention_that_linen_scans_through_is_told_apart(depth: int) -> None:
    scanned = linen.scan(
        Attention, variable_axes={"params": 0}, split_rngs={"params": True}, length=depth
    )(name="blocks")
    variables = scanned.init(KEY, jnp.ones((1, 5, 6)), None)
    layers = named({"params": {"blocks": variables["params"], "head": HEAD}})

    for name in ("query", "key", "value", "out"):
        stacked = variables["params"]["attention"][name]
        for i in range(depth):
            layer = layers[f"blocks/{i}/attention/{name}"]
            np.testing.assert_array_equal(layer.kernel, stacked["kernel"][i].reshape(6, 6))
            np.testing.assert_array_equal(layer.bias, stacked["bias"][i].reshape(6))


def test_attention_that_nnx_maps_over_is_told_apart() -> None:
    @nnx.vmap(in_axes=0, out_axes=0)
    def attention(key: Any) -> nnx.MultiHeadAttention:
        return nnx.MultiHeadAttention(2, 6, decode=False, rngs=nnx.Rngs(key))

    stacked = attention(jax.random.split(KEY, DEPTH))
    layers = named(nnx.Dict(blocks=stacked))

    assert {*layers} == {
        f"blocks/{i}/{name}" for i in range(DEPTH) for name in ("query", "key", "value", "out")
    }
    query = np.asarray(stacked.query.kernel[...])
    np.testing.assert_array_equal(layers["blocks/1/query"].kernel, query[1].reshape(6, 6))


def test_axes_that_are_no_stack_stay_together() -> None:
    attention = linen.MultiHeadDotProductAttention(num_heads=2, qkv_features=4)
    variables = attention.init(KEY, jnp.ones((1, 3, 4)))
    layers = named(variables)
    assert {*layers} == {"query", "key", "value", "out"}
    assert layers["query"].kernel is not None
    assert layers["query"].kernel.shape == (4, 4)

    convolution = linen.Conv(6, (3, 3)).init(KEY, jnp.ones((1, 8, 8, 3)))
    (layer,) = named(convolution).values()
    assert layer.kernel is not None
    assert layer.kernel.shape == (27, 6)


def test_an_activation_that_is_scanned_with_its_layers_is_named() -> None:
    module = Stack()
    x = np.ones((5, 4), np.float32)
    layers = named(module.bind(module.init(KEY, x)), inputs=x)
    hidden = layers["blocks/scan/tanh"]
    assert hidden.activation is not None
    assert hidden.activation.inputs is None
    assert hidden.notes == ("inside of a scan: what reaches it there is not seen",)
