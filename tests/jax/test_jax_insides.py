"""Activation functions inside of transformations are seen; those inside of loops are named."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import nnviz_tb
import nnviz_tb.jax
from nnviz_tb.adapters import layers_of
from nnviz_tb.layers import Activation
from nnviz_tb.schema import LayerMetadata, metadata_from_bytes

GRID = np.linspace(-4, 4, 33)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


WEIGHTS = {"hidden": {"kernel": numbers(5, 5), "bias": numbers(5)}, "out": {"alpha": numbers(5)}}
X = numbers(7, 5)
BEFORE = X @ WEIGHTS["hidden"]["kernel"] + WEIGHTS["hidden"]["bias"]


def found(function: Any) -> dict[str, Activation]:
    """The activations behind one dense layer."""

    def forward(weights: Any, x: Any) -> Any:
        hidden = x @ weights["hidden"]["kernel"] + weights["hidden"]["bias"]
        return function(hidden, weights).sum()

    weights = jax.tree.map(jnp.asarray, WEIGHTS)
    return nnviz_tb.jax.activations(forward, weights, X)


@jax.custom_jvp
def doubled(x: Any) -> Any:
    return jnp.tanh(2 * x)


doubled.defjvp(lambda primals, tangents: (doubled(primals[0]), tangents[0]))


@jax.custom_vjp
def halved(x: Any) -> Any:
    return jnp.tanh(x / 2)


halved.defvjp(lambda x: (halved(x), None), lambda _, gradient: (gradient,))

SEEN = {
    "jit": jax.jit(jax.jit(jnp.tanh)),
    "checkpoint": jax.checkpoint(jnp.tanh),
    "vmap": jax.vmap(lambda row: jnp.tanh(row)),
    "custom_jvp": lambda h: doubled(h / 2),
    "custom_vjp": lambda h: halved(2 * h),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_function_inside_of_a_transformation_is_seen(name: str) -> None:
    (activation,) = found(lambda h, _: SEEN[name](h)).values()
    assert activation.function is not None
    np.testing.assert_allclose(activation.outputs, np.tanh(BEFORE), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        activation.function(activation.inputs[:, 0]), activation.outputs[:, 0], atol=1e-5
    )


def looped(h: Any) -> Any:
    return jax.lax.while_loop(lambda h: jnp.sum(h) > 100, lambda h: jax.nn.silu(h), h)


def branched(h: Any) -> Any:
    return jax.lax.cond(
        h.sum() > 0, jnp.tanh, lambda h: nnviz_tb.jax.tap("gate", jax.nn.relu)(h), h
    )


@pytest.mark.parametrize(
    ("function", "names"),
    [(looped, ["while/silu"]), (branched, ["cond/tanh", "gate"])],
)
def test_a_function_inside_of_a_loop_is_named_and_has_no_density(
    function: Any, names: list[str]
) -> None:
    activations = found(lambda h, _: function(jnp.sin(h)))
    hidden = {name: one for name, one in activations.items() if one.inputs is None}
    assert {*hidden} == {*names}
    kind = names[0].partition("/")[0]
    for activation in hidden.values():
        assert activation.notes == (f"inside of a {kind}: what reaches it there is not seen",)
    known = hidden[names[0]]
    assert known.function is not None
    expected = np.asarray(getattr(jax.nn, known.function_name)(GRID))
    np.testing.assert_allclose(known.function(GRID), expected, atol=1e-5)


def test_the_note_on_what_is_not_seen_reaches_the_log(tmp_path: Any) -> None:
    weights = jax.tree.map(jnp.asarray, WEIGHTS)
    activations = found(lambda h, _: looped(h))
    nnviz_tb.log_model(weights, 0, logdir=tmp_path, activations=activations)
    log = EventAccumulator(str(tmp_path)).Reload()
    content = log.SummaryMetadata("nnviz/layer/while/silu").plugin_data.content
    metadata = metadata_from_bytes(content)
    assert isinstance(metadata, LayerMetadata)
    assert metadata.notes == ("inside of a while: what reaches it there is not seen",)


def prelu(h: Any, alpha: Any) -> Any:
    return jnp.where(h >= 0, h, alpha * h)


def two_sided(h: Any, alpha: Any) -> Any:
    return jnp.maximum(h, 0) + alpha * jnp.minimum(h, 0)


def swish(h: Any, beta: Any) -> Any:
    return h * jax.nn.sigmoid(beta * h)


@pytest.mark.parametrize("function", [prelu, two_sided, swish])
def test_a_learnable_function_with_a_number_for_each_channel_is_one_function_per_channel(
    function: Any,
) -> None:
    (activation,) = found(lambda h, w: function(h, w["out"]["alpha"])).values()
    alpha = WEIGHTS["out"]["alpha"]

    assert activation.channels == 5
    assert activation.learnable
    assert activation.function is not None
    grid = np.repeat(GRID[:, None], 5, axis=1)
    expected = np.asarray(function(grid.astype(np.float32), alpha))
    np.testing.assert_allclose(activation.function(grid), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(activation.inputs, BEFORE, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        activation.outputs, np.asarray(function(BEFORE, alpha)), rtol=1e-4, atol=1e-5
    )


def test_the_scale_of_a_normalisation_is_no_part_of_the_function_before_it() -> None:
    (activation,) = found(lambda h, w: jax.nn.relu(h) * w["out"]["alpha"] + 1).values()
    assert activation.function_name == "relu"
    assert activation.channels == 0


def test_a_module_of_a_number_for_each_channel_shows_its_function() -> None:
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self) -> None:
            self.hidden = nnx.Linear(5, 4, rngs=nnx.Rngs(0))
            self.slope = nnx.Param(jnp.asarray(numbers(4)))

        def __call__(self, x: Any) -> Any:
            return prelu(self.hidden(x), self.slope[...])

    layers = {layer.name: layer for layer in layers_of(Net(), inputs=X)}
    (shown,) = (layer for layer in layers.values() if layer.activation is not None)
    assert shown.activation is not None
    assert shown.activation.channels == 4
