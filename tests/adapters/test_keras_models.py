"""A zoo of Keras models: which layers come out, under which names, and what cannot."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers as L  # noqa: E402, N812

from nnviz_tb.adapters import layers_of  # noqa: E402
from nnviz_tb.errors import AdapterError, ArgumentError, LoggingWarning  # noqa: E402
from nnviz_tb.layers import Layer  # noqa: E402


def batch(*shape: int) -> Any:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def by_name(model: Any, **arguments: Any) -> dict[str, Layer]:
    layers = layers_of(model, **arguments)
    assert len({layer.name for layer in layers}) == len(layers)
    return {layer.name: layer for layer in layers}


def sequential() -> Any:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            L.Rescaling(0.5, name="scale"),
            L.Conv2D(4, 3, activation="relu", name="conv"),
            L.BatchNormalization(name="norm"),
            L.MaxPooling2D(name="pool"),
            L.Dropout(0.5, name="drop"),
            L.Flatten(name="flat"),
            L.Dense(3, activation="softmax", name="head"),
        ]
    )
    return model, batch(4, 8, 8, 2)


def nested() -> Any:
    encoder = keras.Sequential([keras.Input((6,)), L.Dense(4, name="dense"), L.ReLU(name="act")])
    encoder.name = "encoder"
    inner = keras.Input((6,))
    decoder = keras.Model(inner, L.Dense(2, name="dense")(inner), name="decoder")
    x = keras.Input((6,))
    y = keras.Input((6,))
    joined = L.Concatenate(name="join")([encoder(x), decoder(y)])
    return keras.Model([x, y], keras.ops.tanh(joined)), [batch(3, 6), batch(3, 6)]


def recurrent() -> Any:
    x = keras.Input((5, 3), name="x")
    inputs = {"x": x}
    h = L.Bidirectional(L.LSTM(4, return_sequences=True, name="lstm"), name="both")(x)
    h = L.TimeDistributed(L.Dense(4, activation="gelu", name="dense"), name="each")(h)
    h = L.RNN(
        L.StackedRNNCells([L.GRUCell(3, name="a"), L.SimpleRNNCell(2, name="b")], name="stack"),
        name="rnn",
        return_sequences=True,
    )(h)
    return keras.Model(inputs, L.GRU(2, name="gru")(h)), {"x": batch(2, 5, 3)}


def attention() -> Any:
    x = keras.Input((5, 8))
    h = L.MultiHeadAttention(2, 4, name="mha")(x, x)
    h = L.LayerNormalization(name="norm")(h)
    return keras.Model(x, h), batch(2, 5, 8)


class Block(L.Layer):
    """A layer of the user's own, with a kernel, a layer and an activation inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = L.Dense(4, name="inner")
        self.more = [L.Dense(4, name="inner"), L.Dense(4, name="inner")]
        self.nonlinearity = keras.activations.silu

    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(shape[-1], 4), name="table")
        self.offset = self.add_weight(shape=(4,), name="offset")
        self.inner.build(shape)
        for layer in self.more:
            layer.build((None, 4))

    def call(self, x: Any) -> Any:
        h = self.inner(x) + keras.ops.matmul(x, self.table) + self.offset
        for layer in self.more:
            h = layer(h)
        return self.nonlinearity(h)


class Subclassed(keras.Model):
    """A model whose layers and weights are attributes."""

    def __init__(self) -> None:
        super().__init__(name="mine")
        self.block = Block(name="block")
        self.head = L.Dense(2, activation="sigmoid", name="head")
        self.gain = self.add_weight(shape=(), name="gain")

    def call(self, x: Any) -> Any:
        return self.head(self.block(x)) * self.gain


def subclassed() -> Any:
    model = Subclassed()
    model(batch(1, 3))
    return model, batch(4, 3)


ZOO: dict[str, tuple[Callable[[], Any], dict[str, str]]] = {
    "sequential": (
        sequential,
        {
            "scale": "Rescaling",
            "conv": "Conv2D",
            "norm": "BatchNormalization",
            "pool": "MaxPooling2D",
            "drop": "Dropout",
            "flat": "Flatten",
            "head": "Dense",
        },
    ),
    "nested": (
        nested,
        {
            "encoder/dense": "Dense",
            "encoder/act": "ReLU",
            "decoder/dense": "Dense",
            "join": "Concatenate",
            "tanh": "Tanh",
        },
    ),
    "recurrent": (
        recurrent,
        {
            "both/forward_lstm": "LSTM",
            "both/forward_lstm/recurrent_kernel": "LSTM",
            "both/forward_lstm/activation": "LSTM",
            "both/forward_lstm/recurrent_activation": "LSTM",
            "both/backward_lstm": "LSTM",
            "both/backward_lstm/recurrent_kernel": "LSTM",
            "both/backward_lstm/activation": "LSTM",
            "both/backward_lstm/recurrent_activation": "LSTM",
            "each/dense": "Dense",
            "rnn/stack/a": "GRUCell",
            "rnn/stack/a/recurrent_kernel": "GRUCell",
            "rnn/stack/a/activation": "GRUCell",
            "rnn/stack/a/recurrent_activation": "GRUCell",
            "rnn/stack/b": "SimpleRNNCell",
            "rnn/stack/b/recurrent_kernel": "SimpleRNNCell",
            "gru": "GRU",
            "gru/recurrent_kernel": "GRU",
            "gru/activation": "GRU",
            "gru/recurrent_activation": "GRU",
        },
    ),
    "attention": (
        attention,
        {
            "mha/query": "EinsumDense",
            "mha/key": "EinsumDense",
            "mha/value": "EinsumDense",
            "mha/softmax": "Softmax",
            "mha/dropout": "Dropout",
            "mha/attention_output": "EinsumDense",
            "norm": "LayerNormalization",
        },
    ),
    "subclassed": (
        subclassed,
        {
            "mine": "Subclassed",
            "block": "Block",
            "block/inner": "Dense",
            "block/inner_1": "Dense",
            "block/inner_2": "Dense",
            "head": "Dense",
        },
    ),
}


@pytest.mark.parametrize("kind", ZOO)
def test_every_layer_of_the_zoo_has_its_own_name_its_parameters_and_its_samples(kind: str) -> None:
    make, expected = ZOO[kind]
    keras.backend.clear_session()  # Keras numbers the names it makes up
    model, inputs = make()
    before = [variable.numpy() for variable in model.variables]
    layers = by_name(model, inputs=inputs)

    assert {name: layer.type for name, layer in layers.items()} == expected
    assert sum(layer.parameters for layer in layers.values()) == model.count_params()
    for layer in layers.values():
        activation = layer.activation
        if activation is None or layer.name == "mha/softmax":
            continue
        assert activation.inputs is not None, layer.name
        assert activation.inputs.ndim == 2
        if layer.kernel is not None:
            assert activation.inputs.shape[1] == layer.kernel.shape[1]
        if activation.function is not None:
            np.testing.assert_allclose(
                activation.function(activation.inputs.reshape(-1)),
                activation.outputs.reshape(-1),
                rtol=1e-4,
                atol=1e-5,
            )
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_a_layer_of_an_unknown_kind_logs_its_weights_and_says_what_was_assumed() -> None:
    model, inputs = subclassed()
    layer = by_name(model, inputs=inputs)["block"]

    np.testing.assert_array_equal(layer.kernel, model.block.table.numpy())
    assert list(layer.others) == ["offset"]
    assert layer.activation.function_name == "silu"
    assert layer.notes == (
        "unknown kind of layer: the last axis of its weights is taken as the neurons",
    )


def test_a_shared_layer_comes_once_with_the_samples_of_all_its_calls() -> None:
    shared = L.Dense(4, activation="relu", name="shared")
    left, right = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([left, right], L.Add(name="add")([shared(left), shared(right)]))
    layers = by_name(model, inputs=[batch(5, 3), batch(5, 3) + 1])

    assert list(layers) == ["shared", "add"]
    assert layers["shared"].activation.inputs.shape == (10, 4)
    assert any("called 2 times" in note for note in layers["shared"].notes)


def test_a_wide_feature_map_is_sampled_and_says_so() -> None:
    model = keras.Sequential([keras.Input((256, 256, 1)), L.Conv2D(16, 1, activation="relu")])
    (layer,) = layers_of(model, inputs=batch(8, 256, 256, 1))

    assert layer.activation.inputs.size <= 1 << 22
    assert layer.activation.inputs.shape[1] == 16
    assert any("of 524,288 inputs per neuron" in note for note in layer.notes)


def test_an_activation_that_is_a_layer_is_found_in_the_layer_that_calls_it() -> None:
    model = keras.Sequential(
        [keras.Input((3,)), L.Dense(4, activation=L.PReLU(name="slopes"), name="d")]
    )
    layers = by_name(model, inputs=batch(5, 3))

    assert layers["d"].activation is None
    assert layers["d/slopes"].activation.channels == 4


def test_a_learnable_function_of_the_users_own_follows_its_parameter() -> None:
    class Swish(L.Layer):
        def build(self, shape: Any) -> None:
            self.beta = self.add_weight(shape=(), initializer="ones", name="beta")

        def call(self, x: Any) -> Any:
            return x * keras.ops.sigmoid(self.beta * x)

    model = keras.Sequential([keras.Input((3,)), Swish(name="swish")])
    grid = np.linspace(-3, 3, 7)
    for beta in (1.0, 3.0):
        model.layers[0].beta.assign(beta)
        activation = by_name(model, inputs=batch(5, 3))["swish"].activation

        assert activation.learnable
        np.testing.assert_allclose(
            activation.function(grid), grid / (1 + np.exp(-beta * grid)), rtol=1e-5
        )


@pytest.mark.parametrize(
    ("activation", "elementwise", "softmax"),
    [
        *((name, True, False) for name in ("relu", "tanh", "gelu", "selu", "hard_sigmoid", "mish")),
        ("softmax", False, True),
        ("sparsemax", False, True),
        ("log_softmax", False, False),
        ("glu", False, False),
    ],
)
def test_the_kind_of_every_activation_is_found_by_trying_it(
    activation: str, elementwise: bool, softmax: bool
) -> None:
    model = keras.Sequential([keras.Input((4,)), L.Dense(4, activation=activation, name="d")])
    found = by_name(model, inputs=batch(6, 4))["d"].activation

    assert found.function_name == activation
    assert (found.function is not None, found.softmax) == (elementwise, softmax)
    assert found.inputs.shape == (6, 4)
    assert found.outputs.shape[0] == 6


def test_without_a_probe_batch_functions_come_without_samples() -> None:
    model, _ = sequential()
    activation = by_name(model)["conv"].activation

    assert activation.inputs is None
    assert activation.function(np.array([-1.0, 2.0])).tolist() == [0.0, 2.0]


def test_a_linear_layer_has_no_activation() -> None:
    model = keras.Sequential([keras.Input((4,)), L.Dense(4)])

    assert layers_of(model, inputs=batch(2, 4))[0].activation is None


def test_gradients_and_updates_lie_in_the_views_of_their_kernels() -> None:
    model = keras.Sequential([keras.Input((4, 4, 2)), L.Conv2DTranspose(3, 2, name="c")])
    kernel, bias = (variable.numpy() for variable in model.trainable_variables)
    path = model.trainable_variables[0].path
    for given in ([kernel * 2, bias + 1], {path: kernel * 2, "bias": bias + 1}):
        layer = by_name(model, gradients=given, updates=[kernel * 3, None])["c"]

        np.testing.assert_array_equal(layer.gradient, layer.kernel * 2)
        np.testing.assert_array_equal(layer.bias_gradient, layer.bias + 1)
        np.testing.assert_array_equal(layer.update, layer.kernel * 3)


def test_gradients_of_an_embedding_may_be_slices() -> None:
    tf = pytest.importorskip("tensorflow")
    model = keras.Sequential([keras.Input((2,), dtype="int32"), L.Embedding(6, 3, name="e")])
    slices = tf.IndexedSlices(tf.ones((3, 3)), tf.constant([1, 4, 1]), tf.constant([6, 3]))
    layer = by_name(model, gradients=[slices])["e"]

    np.testing.assert_array_equal(layer.gradient[0], [0, 2, 0, 0, 1, 0])


def unbuilt() -> Any:
    return keras.Sequential([L.Dense(3)])


def empty() -> Any:
    model = keras.Sequential([keras.Input((3,))])
    return model


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (sequential, {"inputs": batch(4, 12, 12, 2)}, r"inputs: .*\(4, 12, 12, 2\).*None, 8, 8, 2"),
        (sequential, {"inputs": batch(4, 3)}, r"inputs: .*\(4, 3\).*None, 8, 8, 2"),
        (sequential, {"inputs": [batch(1, 8, 8, 2)] * 2}, r"inputs: .*None, 8, 8, 2"),
        (sequential, {"inputs": object()}, r"inputs must be a probe batch"),
        (subclassed, {"inputs": batch(4, 9)}, r"inputs: .*\(4, 9\).*call method"),
        (sequential, {"gradients": [None]}, r"gradients: 1 given, .* 6 trainable"),
        (sequential, {"gradients": 3}, r"gradients must be a list"),
        (sequential, {"gradients": {"kernel": None}}, r"'kernel' is the name of several"),
        (sequential, {"gradients": {"nothing": None}}, r"has no variable 'nothing'"),
        (sequential, {"gradients": {"gamma": batch(2)}}, r"norm/gamma' must be .* \(4,\)"),
        (sequential, {"updates": [None]}, r"updates: 1 given"),
        (unbuilt, {}, r"has no weights yet"),
        (empty, {}, r"has no layers"),
    ],
)
def test_a_bad_argument_is_named_with_what_is_allowed(
    make: Callable[[], Any], arguments: Any, message: str
) -> None:
    made = make()
    model = made[0] if isinstance(made, tuple) else made
    with pytest.raises(ArgumentError, match=message):
        layers_of(model, **arguments)


def test_a_layer_that_fails_on_a_good_batch_costs_only_the_samples() -> None:
    def failing(x: Any) -> Any:
        if not isinstance(x, keras.KerasTensor):
            raise RuntimeError("cannot")
        return x

    model = keras.Sequential([keras.Input((4,)), L.Dense(4, activation=failing, name="d")])
    with pytest.warns(LoggingWarning, match="cannot"):
        (layer,) = layers_of(model, inputs=batch(2, 4))

    assert layer.kernel is not None
    assert layer.activation.inputs is None
    assert any("cannot" in note for note in layer.notes)


@pytest.mark.parametrize("way", ["tf.function", "remat", "cond", "vectorized_map"])
def test_what_a_traced_function_hides_is_noted_and_the_rest_is_seen(way: str) -> None:
    tf = pytest.importorskip("tensorflow")

    class Partly(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = L.Dense(5, activation="relu", name="inner")
            self.outer = L.Dense(3, activation="tanh", name="outer")
            self.inner.build((None, 6))
            self.outer.build((None, 5))

        def build(self, _: Any) -> None:
            pass

        def call(self, x: Any) -> Any:
            if way == "remat":
                return self.outer(keras.remat(self.inner)(x))
            if way == "cond":
                more = keras.ops.sum(x) < 1e9
                return self.outer(keras.ops.cond(more, lambda: self.inner(x), lambda: x[:, :5]))
            if way == "vectorized_map":
                rows = keras.ops.vectorized_map(lambda row: self.inner(row[None])[0], x)
                return self.outer(rows)
            return self.outer(tf.function(self.inner.__call__)(x))

    model = Partly()
    expected = model(batch(8, 6)).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error", LoggingWarning)
        inner, outer = (layer for layer in layers_of(model, inputs=batch(8, 6)) if layer.activation)

    assert outer.activation.inputs.shape == (8, 3)
    np.testing.assert_allclose(np.tanh(outer.activation.inputs), expected, rtol=1e-5)
    if inner.activation.inputs is None:
        assert any("traced" in note for note in inner.notes)
    else:  # of this backend it is plain
        assert way in ("remat", "cond")


def test_a_keras_class_is_not_a_model() -> None:
    with pytest.raises(AdapterError):
        layers_of(keras.Model)


def test_a_single_layer_can_be_logged_under_its_own_name() -> None:
    layer = L.Dense(3, activation="tanh", name="alone")
    layer.build((None, 4))

    found = by_name(layer, inputs=batch(2, 4))["alone"]
    assert found.activation.inputs.shape == (2, 3)
