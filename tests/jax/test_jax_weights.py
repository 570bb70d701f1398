"""Kernels, biases and gradients of models in JAX's world, against the frameworks' own forward."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx, traverse_util
from flax.training.train_state import TrainState

from nnviz_tb.adapters import layers_of
from nnviz_tb.errors import AdapterError, ArgumentError
from nnviz_tb.layers import Layer

KEY = jax.random.key(0)


def named(model: Any, **rest: Any) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers_of(model, **rest)}


class Net(linen.Module):
    @linen.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        for _ in range(11):
            x = linen.relu(linen.Dense(4)(x))
        x = linen.BatchNorm(use_running_average=not train)(x)
        return linen.Dense(3, name="head")(x)


def test_linen_variables_become_layers_by_module_with_their_running_statistics_beside() -> None:
    variables = Net().init(KEY, jnp.ones((2, 5)))
    layers = named(variables)

    assert [*layers] == [*(f"Dense_{i}" for i in range(11)), "BatchNorm_0", "head"]
    np.testing.assert_array_equal(
        layers["Dense_0"].kernel, np.asarray(variables["params"]["Dense_0"]["kernel"])
    )
    assert layers["Dense_0"].type == "Dense"
    assert set(layers["BatchNorm_0"].others) == {"mean", "var"}
    assert layers["BatchNorm_0"].kernel_name == "scale"
    assert all(layer.notes == () for layer in layers.values())


def test_parameters_sorted_by_letters_are_listed_by_numbers() -> None:
    parameters = Net().init(KEY, jnp.ones((2, 5)))["params"]
    sorted_by_letters = jax.tree.map(lambda leaf: leaf, dict(sorted(parameters.items())))
    dense = [name for name in named(sorted_by_letters) if name.startswith("Dense")]

    assert [*sorted(sorted_by_letters)][1:4] == ["Dense_0", "Dense_1", "Dense_10"]
    assert dense == [f"Dense_{i}" for i in range(11)]


def test_parameters_flattened_to_tuples_are_the_same_layers() -> None:
    parameters = Net().init(KEY, jnp.ones((2, 5)))["params"]
    flat = traverse_util.flatten_dict(parameters)
    plain, layers = named(parameters), named(flat, gradients=flat)

    assert [*layers] == [*plain]
    assert layers["Dense_0"].type == "Dense"
    np.testing.assert_array_equal(layers["Dense_0"].gradient, plain["Dense_0"].kernel)


def test_the_parameters_are_the_kernels_where_their_averages_have_equal_names() -> None:
    kernel = jnp.arange(6.0).reshape(2, 3)
    variables = {
        "ema_params": {"Dense_0": {"kernel": 0 * kernel}},
        "params": {"Dense_0": {"kernel": kernel}},
    }
    (layer,) = layers_of(variables, gradients={"Dense_0": {"kernel": kernel + 1}})

    np.testing.assert_array_equal(layer.kernel, kernel)
    np.testing.assert_array_equal(layer.gradient, kernel + 1)
    np.testing.assert_array_equal(layer.others["ema_params_kernel"], 0 * kernel)
    assert layer.trainable


def test_a_linen_kernel_with_a_bias_of_two_axes_has_as_many_neurons_as_the_bias() -> None:
    module = linen.DenseGeneral((2, 4))
    variables = module.init(KEY, jnp.ones((3, 5)))
    (layer,) = layers_of(variables)
    x = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)

    assert layer.kernel is not None
    assert layer.kernel.shape == (5, 8)
    assert layer.kernel_shape == (5, 2, 4)
    expected = np.asarray(module.apply(variables, x)).reshape(3, 8)
    np.testing.assert_allclose(x @ layer.kernel + layer.bias, expected, rtol=1e-5, atol=1e-6)


def test_a_linen_kernel_of_several_axes_without_a_bias_says_what_was_taken_as_its_neurons() -> None:
    def notes(module: linen.Module, x: Any) -> tuple[str, ...]:
        bound = {"params": {f"{type(module).__name__}_0": module.init(KEY, x)["params"]}}
        (layer,) = layers_of(bound)
        return layer.notes

    x = jnp.ones((1, 4, 4, 3))
    note = "the last axis of its weights is taken as the neurons"
    assert notes(linen.DenseGeneral((2, 4), use_bias=False), x) == (note,)
    assert notes(linen.DenseGeneral((2, 4)), x) == ()
    assert notes(linen.Dense(5, use_bias=False), x) == ()
    assert notes(linen.Conv(5, (3, 3), use_bias=False), x) == ()


def test_a_train_state_and_a_bound_module_show_what_their_variables_show() -> None:
    module = Net()
    variables = module.init(KEY, jnp.ones((2, 5)))
    state = TrainState.create(apply_fn=module.apply, params=variables["params"], tx=optax.sgd(0.1))
    plain = named(variables)

    for model in (state, module.bind(variables)):
        layers = named(model)
        assert [*layers] == [*plain]
        for name, layer in layers.items():
            np.testing.assert_array_equal(layer.kernel, plain[name].kernel)


def test_a_linen_module_without_variables_says_what_to_give() -> None:
    with pytest.raises(ArgumentError, match=r"module\.bind\(variables\)"):
        layers_of(Net())


class Block(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.second = nnx.Linear(4, 6, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(2, 6, rngs=rngs, decode=False)
        self.norms = nnx.List([nnx.LayerNorm(6, rngs=rngs)])
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.first = nnx.Embed(10, 4, rngs=rngs)

    def __call__(self, tokens: Any) -> Any:
        x = nnx.tanh(self.second(self.first(tokens)))
        return self.norms[0](self.dropout(self.attention(x)))


def test_nnx_layers_are_named_by_attribute_and_their_random_state_is_no_weight() -> None:
    model = Block(nnx.Rngs(0))
    layers = named(model)

    assert [*layers] == [
        "second", "attention/query", "attention/key", "attention/value", "attention/out",
        "norms/0", "first",
    ]  # fmt: skip
    assert layers["attention/query"].kernel_shape == (6, 2, 3)
    assert layers["attention/out"].kernel is not None
    assert layers["attention/out"].kernel.shape == (6, 6)
    embedding = layers["first"].kernel
    assert embedding is not None
    np.testing.assert_array_equal(embedding[:, 7], np.asarray(model.first(jnp.array(7))))


def test_nnx_gradients_lie_beside_their_kernels() -> None:
    model = Block(nnx.Rngs(0))
    tokens = jnp.arange(6).reshape(2, 3)
    gradients = nnx.grad(lambda m: m(tokens).sum())(model)
    layers = named(model, gradients=gradients)

    expected = np.asarray(gradients["attention"]["query"]["kernel"].get_value()).reshape(6, 6)
    np.testing.assert_array_equal(layers["attention/query"].gradient, expected)
    np.testing.assert_array_equal(
        layers["second"].bias_gradient, gradients["second"]["bias"].get_value()
    )


def test_a_variable_shared_by_two_nnx_modules_is_one_layer() -> None:
    class Tied(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.one = nnx.Linear(3, 3, rngs=rngs)
            self.same = self.one

    assert [*named(Tied(nnx.Rngs(0)))] == ["one"]


class Decoder(nnx.Module):
    def __init__(self, embedding: nnx.Embed) -> None:
        self.shared = embedding

    def __call__(self, x: Any) -> Any:
        return self.shared.attend(x)


class LanguageModel(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.token_embed = nnx.Embed(7, 3, rngs=rngs)
        self.decoder = Decoder(self.token_embed)

    def __call__(self, tokens: Any) -> Any:
        return self.decoder(nnx.tanh(self.token_embed(tokens)))


def test_a_tied_embedding_keeps_its_name_after_a_jitted_step() -> None:
    model, tokens = LanguageModel(nnx.Rngs(0)), jnp.array([1, 2])
    before = [*named(model)]

    @nnx.jit
    def step(model: LanguageModel) -> Any:
        return model(tokens)

    step(model)
    assert [*vars(model)].index("decoder") < [*vars(model)].index("token_embed")
    assert [*named(model)] == before == ["decoder/shared"]


def test_gradients_of_a_tied_embedding_may_stand_at_either_of_its_places() -> None:
    model, tokens = LanguageModel(nnx.Rngs(0)), jnp.array([1, 2])
    graph, parameters = nnx.split(model, nnx.Param)
    gradients = jax.grad(lambda state: nnx.merge(graph, state)(tokens).sum())(parameters)
    expected = np.asarray(jax.tree.leaves(gradients)[0]).T

    for given in (
        gradients,
        {"token_embed": {"embedding": expected.T}},
        {"decoder/shared/embedding": jnp.asarray(expected.T)},
    ):
        (layer,) = layers_of(model, gradients=given)
        np.testing.assert_array_equal(layer.gradient, expected)


@pytest.mark.parametrize("container", [dict, lambda **modules: [*modules.values()]])
def test_nnx_modules_in_a_container_are_read_with_their_gradients(container: Any) -> None:
    generator = nnx.LinearGeneral(3, (2, 2), use_bias=False, rngs=nnx.Rngs(0))
    critic = nnx.Linear(4, 1, rngs=nnx.Rngs(1))
    model = container(generator=generator, critic=critic)
    gradients = container(generator=nnx.state(generator), critic=nnx.state(critic))
    layers = layers_of(model, gradients=gradients)

    assert [layer.type for layer in layers] == ["LinearGeneral", "Linear"]
    assert layers[0].kernel is not None
    assert layers[0].kernel.shape == (3, 4)
    for layer in layers:
        np.testing.assert_array_equal(layer.gradient, layer.kernel)


def test_a_class_that_was_registered_as_a_pytree_is_read() -> None:
    @jax.tree_util.register_pytree_node_class
    class Pair:
        def __init__(self, *arrays: Any) -> None:
            self.arrays = arrays

        def tree_flatten(self) -> Any:
            return self.arrays, None

        @classmethod
        def tree_unflatten(cls, _: None, arrays: Any) -> Any:
            return cls(*arrays)

    pair = Pair(jnp.ones((3, 4)), jnp.arange(4.0))
    for model in (pair, {"pair": pair}, [pair]):
        (layer,) = layers_of(model, gradients=model)
        np.testing.assert_array_equal(layer.bias, np.arange(4.0))
        np.testing.assert_array_equal(layer.bias_gradient, np.arange(4.0))


def test_an_nnx_module_that_knows_its_parent_is_read_once() -> None:
    parent = LanguageModel(nnx.Rngs(0))
    parent.decoder.parent = parent
    assert [*named(parent)] == ["decoder/shared"]
    (layer,) = layers_of(parent, gradients=jax.tree.leaves(nnx.state(parent)))
    np.testing.assert_array_equal(layer.gradient, layer.kernel)


def test_nnx_attributes_that_begin_with_an_underscore_are_layers_as_well() -> None:
    class Private(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self._hidden = nnx.Linear(4, 3, rngs=rngs)
            self.out = nnx.Linear(3, 2, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.out(nnx.relu(self._hidden(x)))

    model = Private(nnx.Rngs(0))
    gradients = nnx.grad(lambda m: m(jnp.ones((2, 4))).sum())(model)
    layers = named(model, gradients=gradients)

    assert [*layers] == ["_hidden", "out"]
    np.testing.assert_array_equal(
        layers["_hidden"].gradient, gradients["_hidden"]["kernel"].get_value()
    )


def equinox_forward(layer: Any, x: Any) -> np.ndarray:
    return np.asarray(jax.vmap(layer)(x))


def test_what_an_equinox_linear_computes_is_the_product_with_the_view() -> None:
    model = eqx.nn.MLP(5, 3, 7, 1, key=KEY)
    x = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    layer = named(model)["layers/0"]

    assert layer.kernel is not None
    assert layer.kernel.shape == (5, 7)
    assert layer.kernel_shape == (7, 5)
    np.testing.assert_allclose(
        x @ layer.kernel + layer.bias, equinox_forward(model.layers[0], x), rtol=1e-5, atol=1e-6
    )


def test_what_an_equinox_convolution_computes_is_the_product_of_patches_with_the_view() -> None:
    convolution = eqx.nn.Conv2d(2, 5, 3, key=KEY)
    x = np.random.default_rng(0).normal(size=(4, 2, 6, 6)).astype(np.float32)
    (layer,) = layers_of(convolution)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 18)

    expected = equinox_forward(convolution, x).transpose(0, 2, 3, 1).reshape(-1, 5)
    np.testing.assert_allclose(patches @ layer.kernel + layer.bias, expected, rtol=1e-4, atol=1e-5)


def test_what_a_flax_convolution_computes_is_the_product_of_patches_with_the_view() -> None:
    convolution = nnx.Conv(2, 5, (3, 3), padding="VALID", rngs=nnx.Rngs(0))
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype(np.float32)
    (layer,) = layers_of(convolution)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 18)

    expected = np.asarray(convolution(x)).reshape(-1, 5)
    np.testing.assert_allclose(patches @ layer.kernel + layer.bias, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("transposed", [False, True])
def test_neurons_of_a_transposed_flax_convolution_are_its_output_channels(transposed: bool) -> None:
    module = nnx.ConvTranspose(3, 5, (2, 2), transpose_kernel=transposed, rngs=nnx.Rngs(0))
    (layer,) = layers_of(module)
    # Raising one neuron's weights changes its output channel, and no other.
    x = jnp.ones((1, 4, 4, 3))
    before = np.asarray(module(x))
    kernel = np.asarray(module.kernel.get_value())
    axis = -2 if transposed else -1
    changed = np.array(kernel)
    np.moveaxis(changed, axis, 0)[2] += 1.0
    module.kernel.set_value(jnp.asarray(changed))
    moved = np.abs(np.asarray(module(x)) - before).max((0, 1, 2)) > 1e-3
    (after,) = layers_of(module)

    assert layer.kernel is not None
    assert after.kernel is not None
    different = np.abs(after.kernel - layer.kernel).max(0) > 0
    np.testing.assert_array_equal(different, moved)
    np.testing.assert_array_equal(np.flatnonzero(moved), [2])


def test_an_equinox_embedding_has_a_neuron_for_every_row_and_cells_have_two_kernels() -> None:
    embedding = eqx.nn.Embedding(7, 3, key=KEY)
    (layer,) = layers_of(embedding)
    assert layer.kernel is not None
    np.testing.assert_array_equal(layer.kernel[:, 4], np.asarray(embedding(jnp.array(4))))

    layers = layers_of(eqx.nn.GRUCell(3, 4, key=KEY))
    assert [layer.kernel_shape for layer in layers] == [(12, 3), (12, 4)]
    assert [None if layer.bias is None else layer.bias.size for layer in layers] == [12, None]
    assert "bias_n" in layers[0].others


def test_equinox_gradients_have_the_models_structure() -> None:
    model = eqx.nn.MLP(5, 3, 7, 1, key=KEY)
    x = jnp.ones((2, 5))
    gradients = eqx.filter_grad(lambda m: jax.vmap(m)(x).sum())(model)
    layers = named(model, gradients=gradients)

    np.testing.assert_array_equal(layers["layers/0"].gradient, gradients.layers[0].weight.T)
    np.testing.assert_array_equal(layers["layers/1"].bias_gradient, gradients.layers[1].bias)


def test_linen_gradients_are_taken_with_or_without_their_collection() -> None:
    module = Net()
    variables = module.init(KEY, jnp.ones((2, 5)))
    x = jnp.ones((2, 5))

    def loss(parameters: Any) -> Any:
        return module.apply({**variables, "params": parameters}, x).sum()

    gradients = jax.grad(loss)(variables["params"])
    for given in (gradients, {"params": gradients}):
        layers = named(variables, gradients=given)
        np.testing.assert_array_equal(layers["head"].gradient, gradients["head"]["kernel"])


def test_a_list_of_gradients_is_in_the_order_of_jaxs_own_leaves() -> None:
    module = Net()
    variables = module.init(KEY, jnp.ones((2, 5)))
    state = TrainState.create(apply_fn=module.apply, params=variables["params"], tx=optax.sgd(0.1))
    parameters = variables["params"]
    transformer = Block(nnx.Rngs(0))

    for model, gradients in (
        (parameters, parameters),
        (variables, parameters),
        (module.bind(variables), parameters),
        (state, parameters),
        (transformer, nnx.state(transformer, nnx.Param)),
        (LanguageModel(nnx.Rngs(0)), nnx.state(LanguageModel(nnx.Rngs(0)), nnx.Param)),
        (eqx.nn.MLP(5, 3, 7, 1, key=KEY), eqx.nn.MLP(5, 3, 7, 1, key=KEY)),
        ([(jnp.ones((3, 4)), None), (jnp.ones((4, 4)),)], (jnp.ones((3, 4)), jnp.ones((4, 4)))),
    ):
        flat = [leaf for leaf in jax.tree.leaves(gradients) if isinstance(leaf, jax.Array)]
        layers = layers_of(model, gradients=flat)
        assert any(layer.gradient is not None for layer in layers)
        for layer in layers:
            np.testing.assert_array_equal(layer.gradient, layer.kernel)

    with pytest.raises(ArgumentError, match=r"as the model has trainable arrays, 26, got 1"):
        layers_of(variables, gradients=[jnp.ones(3)])


def test_arrays_under_haikus_names_are_layers_as_well() -> None:
    layers = named({"mlp/~/linear_0": {"w": jnp.ones((3, 4)), "b": jnp.zeros(4)}})
    assert [*layers] == ["mlp/linear_0"]
    assert layers["mlp/linear_0"].bias is not None


def test_bfloat16_keeps_its_values_and_complex_numbers_are_left_out_with_a_word() -> None:
    weights = jnp.linspace(-2, 2, 12).reshape(3, 4)
    layers = named(
        {
            "half": {"w": weights.astype(jnp.bfloat16)},
            "wave": {"w": weights, "phase": jnp.ones(4, jnp.complex64)},
        }
    )
    assert layers["half"].kernel is not None
    np.testing.assert_array_equal(
        layers["half"].kernel.astype(np.float32), weights.astype(jnp.bfloat16).astype(np.float32)
    )
    assert any("phase holds complex64" in note for note in layers["wave"].notes)


def test_donated_arrays_are_told_apart_from_others() -> None:
    weights = {"w": jnp.ones((3, 4))}
    weights["w"].delete()
    with pytest.raises(ArgumentError, match="'w' was donated"):
        layers_of(weights)

    module = eqx.nn.MLP(3, 4, 5, 1, key=KEY)
    module.layers[0].weight.delete()
    with pytest.raises(ArgumentError, match="'layers/0/weight' was donated"):
        layers_of(module, inputs=jnp.ones((2, 3)))


def test_arrays_that_are_being_traced_say_where_to_log() -> None:
    def step(weights: Any) -> Any:
        layers_of({"w": weights})
        return weights

    with pytest.raises(ArgumentError, match=r"'w' is being traced.*nnviz_tb\.jax\.tap"):
        jax.jit(step)(jnp.ones((3, 4)))

    def module_step(weight: Any) -> Any:
        module = eqx.nn.Linear(3, 4, key=KEY)
        module = eqx.tree_at(lambda linear: linear.weight, module, weight)
        layers_of(module, inputs=np.ones((2, 3), np.float32))
        return weight

    with pytest.raises(ArgumentError, match=r"'weight' is being traced.*nnviz_tb\.jax\.tap"):
        jax.jit(module_step)(jnp.ones((4, 3)))


def test_gradients_that_do_not_fit_are_named() -> None:
    weights = {"a": {"w": jnp.ones((3, 4))}}
    with pytest.raises(ArgumentError, match=r"'a/w' must be of shape \(3, 4\), got \(4, 3\)"):
        layers_of(weights, gradients={"a": {"w": jnp.ones((4, 3))}})
    with pytest.raises(ArgumentError, match="has no array 'b/w'"):
        layers_of(weights, gradients={"b": {"w": jnp.ones((3, 4))}})


def test_what_is_no_array_in_a_pytree_is_named_with_its_place() -> None:
    with pytest.raises(AdapterError, match=r"model at 'a/f' is a builtins\.function"):
        layers_of({"a": {"w": jnp.ones((3, 4)), "f": lambda: 0}})
