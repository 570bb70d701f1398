"""What reaches activation functions in JAX programs, against the functions themselves."""

from __future__ import annotations

import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx
from flax.training.train_state import TrainState

import nnviz_tb.jax
from nnviz_tb.adapters import layers_of
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Activation, Layer

KEY = jax.random.key(0)
GRID = np.linspace(-4, 4, 33)


def named(model: Any, **rest: Any) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers_of(model, **rest)}


def activation_of(layer: Layer) -> Activation:
    assert layer.activation is not None, layer.name
    return layer.activation


def batch(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def applied(function: Any, x: np.ndarray) -> dict[str, Activation]:
    """The activations of one dense layer followed by the function."""
    weights = {"dense": {"kernel": jnp.asarray(batch(5, 6)), "bias": jnp.ones(6)}}

    def forward(w: Any, x: Any) -> Any:
        return function(x @ w["dense"]["kernel"] + w["dense"]["bias"]).sum()

    return nnviz_tb.jax.activations(forward, weights, x)


@pytest.mark.parametrize(
    "name",
    ["relu", "tanh", "sigmoid", "silu", "gelu", "elu", "softplus", "leaky_relu", "selu", "relu6",
     "mish", "hard_tanh", "hard_silu", "soft_sign", "squareplus"],
)  # fmt: skip
def test_every_function_of_jax_nn_is_found_by_its_name_with_its_values(name: str) -> None:
    x = batch(7, 5)
    function = getattr(jax.nn, name)
    (activation,) = applied(function, x).values()

    assert activation.function_name == name
    assert activation.function is not None
    np.testing.assert_allclose(
        activation.function(GRID), np.asarray(function(GRID.astype(np.float32))), atol=1e-5
    )
    np.testing.assert_allclose(activation.inputs, x @ batch(5, 6) + 1, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        activation.outputs, np.asarray(function(activation.inputs)), rtol=1e-5, atol=1e-5
    )


def test_functions_written_by_hand_are_found_as_well() -> None:
    x = batch(7, 5)
    (swish,) = applied(lambda h: h * jax.nn.sigmoid(1.7 * h), x).values()
    (clipped,) = applied(lambda h: jnp.maximum(h, 0) ** 2, x).values()

    assert swish.function is not None
    assert clipped.function is not None
    np.testing.assert_allclose(swish.function(GRID), GRID / (1 + np.exp(-1.7 * GRID)), atol=1e-5)
    np.testing.assert_allclose(clipped.function(GRID), np.maximum(GRID, 0) ** 2, atol=1e-5)


def test_numbers_of_python_in_a_model_are_part_of_the_function() -> None:
    module = linen.Dense(3, name="dense")
    x = batch(7, 5)
    variables = module.init(KEY, x)
    fresh = TrainState.create(apply_fn=module.apply, params=variables["params"], tx=optax.sgd(0.1))
    assert type(fresh.step) is int

    (tanh,) = nnviz_tb.jax.activations(
        lambda state, x: jnp.tanh(state.apply_fn({"params": state.params}, x)), fresh, x
    ).values()
    np.testing.assert_allclose(tanh.inputs, np.asarray(module.apply(variables, x)), rtol=1e-5)

    for factor in (0.5, 2.0):
        model = {"w": jnp.asarray(batch(5, 6)), "factor": factor}
        (tanh,) = nnviz_tb.jax.activations(
            lambda m, x: jnp.tanh(x @ m["w"] * m["factor"]), model, x
        ).values()
        np.testing.assert_allclose(tanh.inputs, x @ batch(5, 6) * factor, rtol=1e-5, atol=1e-5)


class LinenPair(linen.Module):
    @linen.compact
    def __call__(self, image: Any, *, text: Any, train: bool = False) -> Any:
        return linen.tanh(linen.Dense(4, name="dense")(image) + text)


class NnxPair(nnx.Module):
    def __init__(self) -> None:
        self.dense = nnx.Linear(5, 4, rngs=nnx.Rngs(0))

    def __call__(self, image: Any, *, text: Any) -> Any:
        return nnx.tanh(self.dense(image) + text)


class EquinoxPair(eqx.Module):
    dense: eqx.nn.Linear

    def __call__(self, image: Any, *, text: Any) -> Any:
        return jnp.tanh(self.dense(image) + text)


class NnxOfDict(nnx.Module):
    def __init__(self) -> None:
        self.dense = nnx.Linear(5, 4, rngs=nnx.Rngs(0))

    def __call__(self, features: Any, **_: Any) -> Any:
        return nnx.tanh(self.dense(features["image"]) + features["text"])


def named_inputs_models() -> list[Any]:
    module = LinenPair()
    variables = module.init(KEY, batch(7, 5), text=batch(7, 4))
    state = TrainState.create(apply_fn=module.apply, params=variables["params"], tx=optax.sgd(0.1))
    equinox = EquinoxPair(eqx.nn.Linear(5, 4, key=KEY))
    return [module.bind(variables), state, NnxPair(), equinox, NnxOfDict()]


@pytest.mark.parametrize("model", named_inputs_models(), ids=lambda model: type(model).__name__)
def test_a_dict_of_inputs_names_the_arguments_or_is_one(model: Any) -> None:
    inputs = {"image": batch(7, 5), "text": batch(7, 4)}
    layers = layers_of(model, inputs=inputs)
    (tanh,) = (layer.activation for layer in layers if layer.activation is not None)
    (dense,) = (layer for layer in layers if layer.kernel is not None)

    assert tanh.function_name == "tanh"
    expected = inputs["image"] @ dense.kernel + dense.bias + inputs["text"]
    np.testing.assert_allclose(tanh.inputs, expected, rtol=1e-4, atol=1e-5)


def test_activations_in_a_function_of_several_nnx_modules_lie_on_their_layers() -> None:
    modules = {
        "body": nnx.Linear(5, 6, rngs=nnx.Rngs(0)),
        "head": nnx.Linear(6, 1, rngs=nnx.Rngs(1)),
    }
    modules["drop"] = nnx.Dropout(0.5, rngs=nnx.Rngs(2))
    x = batch(7, 5)
    found = nnviz_tb.jax.activations(
        lambda m, x: m["head"](m["drop"](nnx.tanh(m["body"](x)))).sum(), modules, x
    )

    assert [*found] == ["body"]
    np.testing.assert_allclose(found["body"].inputs, np.asarray(modules["body"](x)), rtol=1e-5)


def test_a_net_of_pairs_has_its_biases_and_its_activations() -> None:
    x = batch(7, 5)
    sizes = [(6, 5), (6, 6), (3, 6)]
    parameters = [(jnp.asarray(batch(*size)), jnp.arange(1.0 * size[0])) for size in sizes]

    def predict(parameters: Any, x: Any) -> Any:
        for kernel, bias in parameters[:-1]:
            x = jnp.tanh(kernel @ x + bias)
        kernel, bias = parameters[-1]
        return kernel @ x + bias

    def loss(parameters: Any, x: Any) -> Any:
        return jax.vmap(predict, (None, 0))(parameters, x).sum()

    layers = named(
        parameters,
        gradients=jax.grad(loss)(parameters, x),
        activations=nnviz_tb.jax.activations(loss, parameters, x),
    )
    assert [*layers] == ["0", "1", "2"]
    for name in ("0", "1"):
        kernel, bias, tanh = layers[name].kernel, layers[name].bias, activation_of(layers[name])
        assert kernel is not None
        assert layers[name].bias_gradient is not None
        np.testing.assert_allclose(tanh.inputs, x @ kernel + bias, rtol=1e-4, atol=1e-4)
        x = np.asarray(tanh.outputs)


def test_a_softmax_is_no_elementwise_function_and_a_normalisation_is_none_at_all() -> None:
    (softmax,) = applied(jax.nn.softmax, batch(7, 5)).values()
    assert softmax.softmax
    assert softmax.function is None
    np.testing.assert_allclose(softmax.outputs.sum(1), 1, rtol=1e-5)

    norm = linen.LayerNorm()
    variables = norm.init(KEY, jnp.ones((2, 6)))
    assert nnviz_tb.jax.activations(norm.apply, variables, batch(3, 6)) == {}
    assert applied(jax.nn.log_softmax, batch(7, 5)) == {}
    assert applied(lambda h: h / jnp.linalg.norm(h), batch(7, 5)) == {}


class Convolutional(eqx.Module):
    conv: eqx.nn.Conv2d
    norm: eqx.nn.GroupNorm
    act: eqx.nn.PReLU
    out: eqx.nn.Linear
    dropout: eqx.nn.Dropout

    def __init__(self) -> None:
        self.conv = eqx.nn.Conv2d(2, 6, 3, key=KEY)
        self.norm = eqx.nn.GroupNorm(2, 6)
        self.act = eqx.nn.PReLU(0.3)
        self.out = eqx.nn.Linear(6, 3, key=KEY)
        self.dropout = eqx.nn.Dropout(0.5)

    def __call__(self, x: Any) -> Any:
        return jnp.tanh(
            self.out(self.dropout(self.act(self.norm(jax.nn.relu(self.conv(x)))).mean((1, 2))))
        )


def test_an_equinox_module_is_mapped_over_the_batch_and_its_channels_are_the_neurons() -> None:
    model, x = Convolutional(), batch(4, 2, 8, 8)
    layers = named(model, inputs=x)
    conv = np.asarray(jax.vmap(model.conv)(x))

    assert [*layers] == ["conv", "norm", "act", "out"]
    np.testing.assert_allclose(
        activation_of(layers["conv"]).inputs,
        conv.transpose(0, 2, 3, 1).reshape(-1, 6),
        rtol=1e-5,
        atol=1e-5,
    )
    prelu = activation_of(layers["act"])
    assert prelu.learnable
    assert prelu.function_name == "PReLU"
    assert prelu.function is not None
    np.testing.assert_allclose(
        prelu.function(GRID), np.where(GRID > 0, GRID, 0.3 * GRID), atol=1e-6
    )
    assert activation_of(layers["out"]).function_name == "tanh"


class Stateful(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(5, 4, rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return nnx.silu(self.dropout(self.norm(nnx.relu(self.linear(x)))))


def test_a_probe_pass_runs_in_inference_mode_and_leaves_an_nnx_module_as_it_was() -> None:
    model, x = Stateful(nnx.Rngs(0)), batch(6, 5)
    kept = nnx.Any(nnx.Param, nnx.BatchStat)
    before = jax.tree.map(np.array, nnx.to_pure_dict(nnx.state(model, kept)))
    counts = int(model.dropout.rngs.count.get_value())
    layers = named(model, inputs=x)

    after = nnx.to_pure_dict(nnx.state(model, kept))
    jax.tree.map(np.testing.assert_array_equal, before, after)
    assert int(model.dropout.rngs.count.get_value()) == counts
    assert not model.dropout.deterministic
    assert [*layers] == ["linear", "norm", "norm/silu"]
    hidden = np.maximum(x @ layers["linear"].kernel + layers["linear"].bias, 0)
    # Running statistics of a module that saw no batch: mean 0 and variance 1.
    np.testing.assert_allclose(
        activation_of(layers["norm/silu"]).inputs, hidden / np.sqrt(1 + 1e-5), rtol=1e-4, atol=1e-5
    )


def test_a_bound_linen_module_takes_several_arguments_and_names_that_are_not_arrays() -> None:
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Any, y: Any, train: bool) -> Any:
            return linen.gelu(linen.Dense(4)(x)) + y * (2.0 if train else 1.0)

    module = Net()
    x, y = batch(3, 5), batch(3, 4)
    bound = module.bind(module.init(KEY, x, y, False))
    (layer,) = layers_of(bound, inputs=(x, y, False))
    assert activation_of(layer).function_name == "gelu"


def test_a_batch_that_does_not_fit_is_an_argument_error_with_its_shape() -> None:
    with pytest.raises(ArgumentError, match=r"inputs: .*\(6, 7\)"):
        layers_of(Stateful(nnx.Rngs(0)), inputs=batch(6, 7))
    with pytest.raises(ArgumentError, match=r"module\.bind\(variables\)"):
        layers_of({"w": jnp.ones((3, 4))}, inputs=batch(6, 3))


def tapped_loss(weights: Any, x: Any) -> Any:
    hidden = nnviz_tb.jax.tap("hidden", jnp.tanh)(x @ weights["w"])
    return nnviz_tb.jax.tap("squash", hidden * 3, jax.nn.sigmoid).sum()


def plain_loss(weights: Any, x: Any) -> Any:
    return jax.nn.sigmoid(jnp.tanh(x @ weights["w"]) * 3).sum()


def test_taps_change_no_result_under_jit_grad_vmap_and_checkpoint() -> None:
    weights, x = {"w": jnp.asarray(batch(5, 4))}, batch(7, 5)
    for transformed in (
        jax.jit,
        lambda f: jax.jit(jax.value_and_grad(f)),
        lambda f: jax.jit(jax.grad(jax.checkpoint(f))),
        lambda f: jax.vmap(f, (None, 0)),
        lambda f: jax.jit(jax.hessian(f)),
        lambda f: jax.jit(jax.vmap(jax.grad(f), (None, 0))),
    ):
        expected, found = transformed(plain_loss)(weights, x), transformed(tapped_loss)(weights, x)
        jax.tree.map(np.testing.assert_array_equal, expected, found)


def test_nothing_of_a_tap_is_left_in_the_compiled_program() -> None:
    weights, x = {"w": jnp.asarray(batch(5, 4))}, batch(7, 5)

    def compiled(loss: Any) -> list[str]:
        def step(weights: Any, x: Any) -> Any:
            return jax.value_and_grad(loss)(weights, x)

        text = jax.jit(step).lower(weights, x).compile().as_text()
        return sorted(re.findall(r" = \S+ ([a-z][\w-]*)\(", text))

    assert compiled(tapped_loss) == compiled(plain_loss)
    assert "tanh" in compiled(tapped_loss)


def test_taps_name_activations_also_inside_a_jitted_gradient_step() -> None:
    weights, x = {"w": jnp.asarray(batch(5, 4))}, batch(7, 5)
    for function in (tapped_loss, jax.jit(tapped_loss)):
        found = nnviz_tb.jax.activations(function, weights, x)
        assert {*found} >= {"hidden", "squash"}
        assert found["hidden"].function is not None
        np.testing.assert_allclose(found["hidden"].inputs, x @ batch(5, 4), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found["hidden"].function(GRID), np.tanh(GRID), atol=1e-6)
        np.testing.assert_allclose(
            found["squash"].inputs, 3 * np.tanh(x @ batch(5, 4)), rtol=1e-4, atol=1e-5
        )
    step = nnviz_tb.jax.activations(jax.jit(jax.grad(tapped_loss)), weights, x)
    np.testing.assert_allclose(step["hidden"].inputs, x @ batch(5, 4), rtol=1e-5, atol=1e-5)


def test_a_tap_without_a_name_is_refused() -> None:
    with pytest.raises(ArgumentError, match="name must be a string"):
        nnviz_tb.jax.tap("", jnp.tanh)
