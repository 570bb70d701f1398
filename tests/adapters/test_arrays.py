"""Plain arrays and pytrees of them as layers; NumPy is the oracle."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest

from nnviz_tb.adapters import layers_of
from nnviz_tb.errors import AdapterError, ArgumentError
from nnviz_tb.layers import Layer
from nnviz_tb.schema import MAX_LAYER_NAME_LENGTH


def by_name(model: object, **arguments: Any) -> dict[str, Layer]:
    layers = layers_of(model, **arguments)
    assert len({layer.name for layer in layers}) == len(layers)
    return {layer.name: layer for layer in layers}


KERNEL = np.arange(12.0).reshape(3, 4)
BIAS = np.arange(4.0)


@dataclasses.dataclass
class Dense:
    w: Any
    b: Any


class Pair(NamedTuple):
    first: Any
    second: Any


@pytest.mark.parametrize(
    ("model", "name", "kernel_name", "bias_name"),
    [
        ({"W1": KERNEL, "b1": BIAS}, "W1", "W1", "b1"),
        ({"kernel": KERNEL, "bias": BIAS}, "kernel", "kernel", "bias"),
        ({"dense": {"Kernel": KERNEL, "BIAS": BIAS}}, "dense", "Kernel", "BIAS"),
        ({"dense/weight": KERNEL, "dense/bias": BIAS}, "dense", "weight", "bias"),
        ({"enc.dense.weight": KERNEL, "enc.dense.bias": BIAS}, "enc/dense", "weight", "bias"),
        ({("enc", 0, "weight"): KERNEL, ("enc", 0, "bias"): BIAS}, "enc/0", "weight", "bias"),
        ([{"w": KERNEL, "b": BIAS}], "0", "w", "b"),
        ({"out": Dense(KERNEL, BIAS)}, "out", "w", "b"),
        (Pair({"w": KERNEL, "b": BIAS}, None), "first", "w", "b"),
    ],
)
def test_a_kernel_and_the_bias_beside_it_are_one_layer(
    model: object, name: str, kernel_name: str, bias_name: str
) -> None:
    layers = by_name(model)

    assert list(layers) == [name]
    layer = layers[name]
    assert (layer.kernel_name, layer.bias_name) == (kernel_name, bias_name)
    np.testing.assert_array_equal(layer.kernel, KERNEL)
    np.testing.assert_array_equal(layer.bias, BIAS)
    assert layer.parameters == 16


def test_the_kernel_view_shares_memory_with_the_array_that_was_given() -> None:
    kernel = np.zeros((3, 5, 2, 7), np.float32)
    layer = by_name({"conv": {"kernel": kernel}})["conv"]

    assert layer.kernel.shape == (30, 7)
    assert layer.kernel_shape == (3, 5, 2, 7)
    assert np.shares_memory(layer.kernel, kernel)


def test_rows_of_an_embedding_are_its_neurons() -> None:
    table = np.arange(20.0).reshape(10, 2)
    layer = by_name({"tokens": {"embedding": table}})["tokens"]

    np.testing.assert_array_equal(layer.kernel, table.T)
    assert layer.notes == ()


def test_a_scale_and_its_shift_are_a_kernel_of_one_incoming_weight() -> None:
    layer = by_name({"norm": {"scale": np.ones(4), "bias": BIAS, "mean": BIAS + 1}})["norm"]

    assert layer.kernel.shape == (1, 4)
    np.testing.assert_array_equal(layer.bias, BIAS)
    np.testing.assert_array_equal(layer.others["mean"], BIAS + 1)


def test_arrays_that_are_no_kernel_keep_their_own_names() -> None:
    layers = by_name({"a": KERNEL, "mean": BIAS, "temperature": 0.5, "steps": [np.array(3)]})

    np.testing.assert_array_equal(layers["a"].kernel, KERNEL)
    np.testing.assert_array_equal(layers["a"].others["mean"], BIAS)
    assert layers["a"].others["temperature"].shape == ()
    assert layers["steps/0"].others["0"] == 3


def test_several_kernels_under_one_name_are_told_apart() -> None:
    layers = by_name({"cell": {"kernel": KERNEL, "recurrent": KERNEL.T, "bias": BIAS}})

    assert list(layers) == ["cell", "cell/recurrent"]
    assert layers["cell"].bias is not None
    assert layers["cell/recurrent"].bias is None


@pytest.mark.parametrize(
    ("model", "name"),
    [([(KERNEL, BIAS)], "0"), ([KERNEL, BIAS], "0"), ({"A": KERNEL, "c": BIAS}, "A")],
)
def test_one_kernel_and_one_vector_belong_together_whatever_their_names(
    model: object, name: str
) -> None:
    layer = by_name(model, gradients=model)[name]

    np.testing.assert_array_equal(layer.bias, BIAS)
    np.testing.assert_array_equal(layer.bias_gradient, BIAS)
    assert layer.others == {}
    assert layer.notes == (
        "the last axis of its weights is taken as the neurons",
        f"{layer.bias_name!r} is taken as its bias",
    )


@pytest.mark.parametrize("names", [("0", "1"), ("W1", "b1"), ("weight", "bias")])
def test_a_bias_as_long_as_the_first_axis_alone_says_where_the_neurons_are(
    names: tuple[str, str],
) -> None:
    rng = np.random.default_rng(0)
    kernel, bias, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(5, 3))
    model = dict(zip(names, (kernel, bias), strict=True))
    layer = by_name(model, gradients=model, updates=model)[names[0]]

    np.testing.assert_allclose(x @ layer.kernel + layer.bias, x @ kernel.T + bias)
    np.testing.assert_array_equal(layer.gradient, kernel.T)
    np.testing.assert_array_equal(layer.update, kernel.T)
    assert layer.notes[0].startswith("the first axis of its weights is taken as the neurons")


def test_a_square_matrix_has_its_neurons_where_the_other_layers_have_them() -> None:
    square, wide, bias = np.arange(16.0).reshape(4, 4), np.arange(8.0).reshape(2, 4), np.arange(4.0)

    layers = by_name([(square, bias), (wide, bias[:2]), (square, None)])
    assert all(layer.notes[0].startswith("the first axis") for layer in layers.values())
    for name in ("0", "2"):
        np.testing.assert_array_equal(layers[name].kernel, square.T)
        assert layers[name].notes[0].endswith("as the biases of other layers say")

    rows = {"embedding": wide, "bias": bias[:2]}
    for others in ([(wide, bias)], [(wide, bias), (wide, bias[:2])], [rows], []):
        layer = by_name([(square, bias), *others])["0"]
        np.testing.assert_array_equal(layer.kernel, square)
        assert layer.notes[0].startswith("the last axis")


@pytest.mark.parametrize("name", ["scale", "g", "running_mean"])
def test_a_vector_whose_name_says_otherwise_is_no_bias(name: str) -> None:
    (layer,) = layers_of({"A": KERNEL, name: BIAS})

    assert layer.bias is None
    np.testing.assert_array_equal(layer.others[name], BIAS)


def test_the_views_compute_what_the_arrays_compute() -> None:
    rng = np.random.default_rng(0)
    kernel, bias, x = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(5, 3))
    layer = by_name({"W": kernel, "b": bias})["W"]

    np.testing.assert_allclose(x @ layer.kernel + layer.bias, x @ kernel + bias)


@pytest.mark.parametrize(
    "dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.float16, np.int8]
)
def test_narrow_numbers_pass_through_unchanged(dtype: Any) -> None:
    layer = by_name({"w": KERNEL.astype(dtype)})["w"]

    assert layer.kernel.dtype == dtype


def test_a_layer_of_size_zero_keeps_its_shape() -> None:
    layers = by_name({"a": {"w": np.zeros((0, 4))}, "b": {"w": np.zeros((2, 3, 0))}})

    assert layers["a"].kernel.shape == (0, 4)
    assert layers["b"].kernel.shape == (6, 0)


@pytest.mark.parametrize(
    "gradients",
    [
        {"W": KERNEL + 1, "b": None},
        {"W": KERNEL + 1},
        [KERNEL + 1, None],
    ],
)
def test_gradients_lie_in_the_view_of_their_kernel(gradients: Any) -> None:
    layer = by_name({"W": KERNEL, "b": BIAS}, gradients=gradients)["W"]

    np.testing.assert_array_equal(layer.gradient, KERNEL + 1)
    assert layer.bias_gradient is None


def test_gradients_have_none_where_the_model_has() -> None:
    model = [KERNEL, None, KERNEL + 1]
    layers = by_name(model, gradients=[KERNEL + 2, None, KERNEL + 3])

    np.testing.assert_array_equal(layers["0"].gradient, KERNEL + 2)
    np.testing.assert_array_equal(layers["2"].gradient, KERNEL + 3)
    assert by_name([[KERNEL], [KERNEL]], gradients=[KERNEL, None])["1"].gradient is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gradients": [KERNEL]}, r"gradients: a list must be as long .* 2, got 1"),
        ({"gradients": {"V": KERNEL}}, r"gradients: the model has no array 'V'"),
        ({"gradients": {"W": BIAS}}, r"gradients: 'W' must be real numbers of shape \(3, 4\)"),
        ({"updates": {"W": BIAS}}, r"updates: 'W' must be real numbers of shape \(3, 4\)"),
        ({"inputs": KERNEL}, r"inputs: arrays cannot be called"),
        ({"activations": [1]}, r"activations must be a dict"),
        ({"activations": {"": (np.tanh, BIAS)}}, r"a layer name must be a non-empty string"),
        ({"activations": {"W": np.tanh}}, r"activations\['W'\] must be a pair"),
        ({"activations": {"W": (None, BIAS)}}, r"activations\['W'\] must be a pair"),
        ({"activations": {"W": (np.tanh, 1.0)}}, r"at least one axis"),
        ({"activations": {"W": (np.tanh, np.array(["x"]))}}, r"must be real numbers"),
        ({"activations": {"W": (lambda x: 1 / 0, BIAS)}}, r"failed on its pre-activations"),
    ],
)
def test_a_bad_argument_is_named_with_what_is_allowed(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        layers_of({"W": KERNEL, "b": BIAS}, **arguments)


@pytest.mark.parametrize("model", [{}, [], {"a": None}, {"a": {}}])
def test_an_empty_model_is_refused(model: object) -> None:
    with pytest.raises(ArgumentError, match="no arrays"):
        layers_of(model)


@pytest.mark.parametrize("array", [np.array(["x"]), np.array([object()]), np.zeros(2, complex)])
def test_arrays_without_real_numbers_are_refused_by_name(array: Any) -> None:
    with pytest.raises(ArgumentError, match="'a/w'"):
        layers_of({"a": {"w": array}})


def test_a_pytree_that_contains_itself_is_refused() -> None:
    model: dict[str, Any] = {"w": KERNEL}
    model["again"] = {"model": model}

    with pytest.raises(AdapterError, match="contains itself"):
        layers_of(model)


@pytest.mark.parametrize("model", [object(), 3, "model", None])
def test_what_no_adapter_reads_is_named_beside_what_is_supported(model: object) -> None:
    with pytest.raises(AdapterError, match=f"{type(model).__qualname__}.*Keras 3.*dict"):
        layers_of(model)


def test_an_object_inside_a_pytree_is_named_with_its_place() -> None:
    with pytest.raises(AdapterError, match=r"'a/b' is a builtins\.object"):
        layers_of({"a": {"b": object()}})


@pytest.mark.parametrize("name", ["a/b c", "😀", "<script>", "x" * 300, "x" * 2000])
def test_any_text_can_name_a_layer(name: str) -> None:
    layers = layers_of({name: KERNEL, name + "y": KERNEL})

    assert len({layer.name for layer in layers}) == 2
    assert all(len(layer.name) <= MAX_LAYER_NAME_LENGTH for layer in layers)
    if len(name) < MAX_LAYER_NAME_LENGTH:
        assert layers[0].name == name
