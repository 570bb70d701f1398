"""Views of Keras kernels against plain NumPy forward computations of the same layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers as L  # noqa: E402, N812

from nnviz_tb.adapters import layers_of  # noqa: E402
from nnviz_tb.adapters.keras.variables import to_numpy  # noqa: E402
from nnviz_tb.layers import Layer  # noqa: E402
from nnviz_tb.recording.recorder import ModelRecorder  # noqa: E402


def built(layer: Any, *shape: int) -> Any:
    model = keras.Sequential([keras.Input(shape), layer])
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if variable.dtype.startswith("float") and variable.name != "seed_generator_state":
            variable.assign(rng.normal(size=variable.shape) + 0.1)
    return model


def recorded(model: Any, x: Any) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers_of(model, inputs=x)}


def batch(*shape: int) -> Any:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def patches(x: Any, height: int, width: int, stride: int = 1) -> Any:
    """``[samples, height, width, channels]`` windows of a channels-last image, valid padding."""
    view = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(1, 2))
    view = view[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)
    return view.reshape(-1, height, width, x.shape[-1])


def test_what_reaches_a_dense_activation_is_the_product_with_the_view_plus_the_bias() -> None:
    x = batch(7, 5)
    model = built(L.Dense(3, activation="relu", name="d"), 5)
    layer = recorded(model, x)["d"]

    assert layer.activation is not None
    expected = x @ layer.kernel + layer.bias
    np.testing.assert_allclose(layer.activation.inputs, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        layer.activation.outputs, np.maximum(expected, 0), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        layer.activation.outputs, keras.ops.convert_to_numpy(model(x)), rtol=1e-6
    )


def test_what_reaches_a_convolution_is_the_product_of_patches_with_the_view() -> None:
    x = batch(2, 7, 6, 3)
    layer = recorded(
        built(L.Conv2D(4, (3, 2), strides=2, activation="tanh", name="c"), 7, 6, 3), x
    )["c"]

    columns = patches(x, 3, 2, stride=2).reshape(-1, 18)
    expected = columns @ layer.kernel + layer.bias
    np.testing.assert_allclose(layer.activation.inputs, expected, rtol=1e-4, atol=1e-4)
    assert layer.kernel_shape == (3, 2, 3, 4)


def test_what_reaches_a_depthwise_convolution_is_made_channel_by_channel() -> None:
    x = batch(2, 6, 6, 3)
    model = built(L.DepthwiseConv2D(3, depth_multiplier=2, activation="sigmoid", name="c"), 6, 6, 3)
    layer = recorded(model, x)["c"]

    assert layer.kernel.shape == (9, 6)
    windows = patches(x, 3, 3).reshape(-1, 9, 3)
    expected = np.stack(
        [windows[:, :, neuron // 2] @ layer.kernel[:, neuron] for neuron in range(6)], axis=1
    )
    np.testing.assert_allclose(layer.activation.inputs, expected + layer.bias, rtol=1e-4, atol=1e-4)


def test_what_reaches_a_separable_convolution_goes_through_both_of_its_kernels() -> None:
    x = batch(2, 6, 6, 3)
    model = built(L.SeparableConv2D(5, 3, depth_multiplier=2, activation="elu", name="c"), 6, 6, 3)
    layers = recorded(model, x)

    depthwise, pointwise = layers["c/depthwise_kernel"], layers["c"]
    windows = patches(x, 3, 3).reshape(-1, 9, 3)
    middle = np.stack(
        [windows[:, :, unit // 2] @ depthwise.kernel[:, unit] for unit in range(6)], axis=1
    )
    expected = middle @ pointwise.kernel + pointwise.bias
    np.testing.assert_allclose(pointwise.activation.inputs, expected, rtol=1e-4, atol=1e-4)


def test_columns_of_a_transposed_convolution_are_what_one_pixel_becomes_in_each_filter() -> None:
    model = built(L.Conv2DTranspose(4, 3, strides=3, use_bias=False, name="c"), 2, 2, 5)
    x = batch(1, 2, 2, 5)
    layer = recorded(model, x)["c"]

    # Stride and size are equal, so every output pixel has one input pixel: fan_in is [3·3, 5].
    taps = layer.kernel.reshape(3, 3, 5, 4)
    expected = np.einsum("bhwc,ijcf->bhiwjf", x, taps).reshape(1, 6, 6, 4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(x)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "input_shape"),
    [
        ("ab,bc->ac", 6, "c", (4,)),
        ("abc,cde->abde", (None, 2, 3), "de", (5, 4)),
        ("abc,cde->abde", (None, 2, 3), "e", (5, 4)),
        ("abcd,cde->abe", (None, 6), "e", (5, 3, 4)),
        ("abc,dc->adb", (6, None), "d", (5, 4)),
        ("...x,xy->...y", 6, "y", (5, 4)),
        ("abc,bcd->abd", (5, 6), "bd", (5, 4)),
        ("abc,cd->abd", (None, 6), None, (5, 4)),
    ],
)
def test_what_reaches_an_einsum_activation_is_the_contraction_with_the_view(
    equation: str, output_shape: Any, bias_axes: str | None, input_shape: tuple[int, ...]
) -> None:
    x = batch(3, *input_shape)
    model = built(
        L.EinsumDense(equation, output_shape, bias_axes=bias_axes, activation="tanh", name="e"),
        *input_shape,
    )
    layer = recorded(model, x)["e"]
    variables = {variable.name: variable.numpy() for variable in model.variables}

    # The equation itself, by NumPy, flattened to neurons as the view orders them.
    output = np.einsum(equation, x, variables["kernel"])
    if bias_axes:
        output = output + variables["bias"]
    columns = layer.kernel.shape[1]
    assert layer.kernel.size == variables["kernel"].size
    assert layer.activation.inputs.shape == (output.size // columns, columns)
    np.testing.assert_allclose(
        np.sort(layer.activation.inputs, axis=None),
        np.sort(output, axis=None),
        rtol=1e-4,
        atol=1e-4,
    )
    # Without the bias: every neuron is the sum over its own column.
    ones = np.ones((1, *input_shape), np.float32)
    sums = layer.kernel.sum(axis=0) + (0 if layer.bias is None else layer.bias)
    reached = recorded(model, ones)["e"].activation.inputs
    np.testing.assert_allclose(reached, np.broadcast_to(sums, reached.shape), rtol=1e-4, atol=1e-4)


def test_an_einsum_bias_that_differs_along_other_axes_is_kept_apart() -> None:
    model = built(L.EinsumDense("abc,cd->abd", (5, 6), bias_axes="bd", name="e"), 5, 4)
    layer = recorded(model, batch(2, 5, 4))["e"]

    assert layer.bias is None
    assert layer.others["bias"].shape == (5, 6)


def test_rows_of_an_embedding_are_neurons() -> None:
    model = built(L.Embedding(10, 4, name="tokens"), 3)
    layer = recorded(model, np.array([[1, 2, 3]]))["tokens"]

    assert layer.kernel.shape == (4, 10)
    np.testing.assert_array_equal(
        layer.kernel[:, [1, 2, 3]].T, keras.ops.convert_to_numpy(model(np.array([[1, 2, 3]])))[0]
    )


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_a_simple_recurrent_layer_is_what_its_two_kernels_compute() -> None:
    x = batch(3, 6, 4)
    layers = recorded(built(L.SimpleRNN(5, name="r"), 6, 4), x)

    state, reached = np.zeros((3, 5)), []
    for step in range(6):
        total = x[:, step] @ layers["r"].kernel + layers["r"].bias
        total = total + state @ layers["r/recurrent_kernel"].kernel
        reached.append(total)
        state = np.tanh(total)
    np.testing.assert_allclose(
        layers["r"].activation.inputs, np.concatenate(reached), rtol=1e-4, atol=1e-4
    )


def test_an_lstm_is_what_its_two_kernels_compute() -> None:
    x = batch(3, 6, 4)
    layers = recorded(built(L.LSTM(5, name="r"), 6, 4), x)

    hidden, cell, gates, candidates = np.zeros((3, 5)), np.zeros((3, 5)), [], []
    for step in range(6):
        total = x[:, step] @ layers["r"].kernel + layers["r"].bias
        total = total + hidden @ layers["r/recurrent_kernel"].kernel
        i, f, c, o = np.split(total, 4, axis=1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
        hidden = sigmoid(o) * np.tanh(cell)
        gates += [i, f, o]
        candidates += [c, cell]
    assert layers["r"].activation is None
    for name, expected in (("activation", candidates), ("recurrent_activation", gates)):
        reached = layers[f"r/{name}"].activation.inputs
        np.testing.assert_allclose(
            np.sort(reached, axis=None), np.sort(np.concatenate(expected), axis=None),
            rtol=1e-4, atol=1e-4,
        )  # fmt: skip


def test_the_two_biases_of_a_gru_go_to_the_kernels_they_are_added_to() -> None:
    x = batch(3, 6, 4)
    model = built(L.GRU(5, name="r"), 6, 4)
    layers = recorded(model, x)

    main, recurrent = layers["r"], layers["r/recurrent_kernel"]
    hidden = np.zeros((3, 5))
    for step in range(6):
        xz, xr, xh = np.split(x[:, step] @ main.kernel + main.bias, 3, axis=1)
        hz, hr, hh = np.split(hidden @ recurrent.kernel + recurrent.bias, 3, axis=1)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        hidden = z * hidden + (1 - z) * np.tanh(xh + r * hh)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(x)), hidden, rtol=1e-4, atol=1e-4)
    assert main.parameters + recurrent.parameters == model.count_params()


def test_prelu_is_a_function_of_each_channel_and_shared_axes_are_samples() -> None:
    x = batch(2, 4, 5, 3)
    layer = recorded(built(L.PReLU(shared_axes=[1, 2], name="p"), 4, 5, 3), x)["p"]

    activation = layer.activation
    assert (activation.channels, activation.learnable) == (3, True)
    np.testing.assert_array_equal(activation.inputs, x.reshape(-1, 3))
    grid = np.repeat(np.linspace(-2, 2, 9)[:, np.newaxis], 3, axis=1)
    alpha = layer.others["alpha"].reshape(-1)
    np.testing.assert_allclose(activation.function(grid), np.where(grid > 0, grid, alpha * grid))
    np.testing.assert_allclose(
        activation.outputs, activation.function(activation.inputs), rtol=1e-5, atol=1e-6
    )


def test_prelu_shared_by_channels_has_a_slope_for_every_place() -> None:
    x = batch(2, 4, 3)
    layer = recorded(built(L.PReLU(shared_axes=[2], name="p"), 4, 3), x)["p"]

    assert layer.activation.channels == 4
    np.testing.assert_array_equal(layer.activation.inputs, x.transpose(0, 2, 1).reshape(-1, 4))


def test_the_effective_kernel_of_a_lora_layer_is_shown() -> None:
    x = batch(7, 5)
    model = built(L.Dense(3, name="d"), 5)
    model.layers[0].enable_lora(2)
    for variable in model.trainable_variables:
        variable.assign(batch(*variable.shape))
    layer = recorded(model, x)["d"]

    expected = x @ layer.kernel + layer.bias
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(x)), expected, rtol=1e-4, atol=1e-4)
    assert {"lora_kernel_a", "lora_kernel_b"} <= set(layer.others)
    assert layer.trainable


def test_a_kernel_that_rests_is_not_trainable_though_its_bias_is() -> None:
    model = built(L.Dense(3, name="d"), 5)
    model.layers[0].kernel.trainable = False
    assert not recorded(model, batch(7, 5))["d"].trainable


# Keras itself copies variables in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_quantised_kernel_is_shown_as_it_is_stored_and_says_so() -> None:
    model = built(L.Dense(8, activation="relu", name="d"), 16)
    model.layers[0].quantize("int8")
    layer = recorded(model, batch(4, 16))["d"]

    assert layer.kernel.dtype == np.int8
    assert layer.kernel.shape == (16, 8)
    assert any("int8" in note for note in layer.notes)
    assert layer.activation.inputs.shape == (4, 8)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "float16", "float64"])
def test_samples_and_kernels_of_any_precision_can_be_read(policy: str) -> None:
    model = built(L.Dense(3, activation="gelu", dtype=policy, name="d"), 5)
    layer = recorded(model, batch(4, 5))["d"]

    assert layer.activation.inputs.dtype in (np.float32, np.float64)
    expected = batch(4, 5).astype(np.float64) @ layer.kernel.astype(np.float64) + np.asarray(
        layer.bias, np.float64
    )
    np.testing.assert_allclose(layer.activation.inputs, expected, atol=0.1)


def test_a_variable_is_read_without_a_copy_and_the_view_keeps_what_it_shows() -> None:
    variable = keras.Variable(batch(200, 100))
    before = np.array(variable.numpy())
    view, again = to_numpy(variable), to_numpy(variable)
    assert np.shares_memory(view, again)

    variable.assign_add(np.ones((200, 100), np.float32))
    np.testing.assert_array_equal(view, before)
    np.testing.assert_array_equal(to_numpy(variable), before + 1)


def test_logging_a_step_leaves_no_view_behind_that_the_next_one_would_have_to_copy() -> None:
    model = keras.Sequential([keras.Input((50,)), L.Dense(60, activation="relu")])
    kernel = model.layers[0].kernel
    place = to_numpy(kernel).ctypes.data

    layers = layers_of(model, inputs=batch(9, 50))
    assert np.shares_memory(layers[0].kernel, to_numpy(kernel))
    ModelRecorder().record(layers)
    del layers
    kernel.value.assign_add(np.ones((50, 60), np.float32))  # in place, as optimizers do
    assert to_numpy(kernel).ctypes.data == place
