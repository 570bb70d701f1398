"""Functions judged by what they do to numbers, and pre-activations given by hand."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from nnviz_tb.adapters import layers_of
from nnviz_tb.adapters.activations import kind_of, name_of


def softmax(x: Any) -> Any:
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(x: Any) -> Any:
    return np.log(softmax(x))


def glu(x: Any) -> Any:
    left, right = np.split(x, 2, axis=-1)
    return left / (1 + np.exp(-right))


def test_elementwise_functions_are_recognised() -> None:
    for function in (np.tanh, np.abs, lambda x: np.maximum(x, 0), lambda x: x / (1 + np.exp(-x))):
        assert kind_of(function).elementwise


@pytest.mark.parametrize(
    "function",
    [
        log_softmax,
        glu,
        lambda x: x - x.mean(),
        lambda x: x - x.mean(axis=0),
        lambda x: np.cumsum(x, axis=-1),
        lambda x: np.sort(x, axis=-1),
        lambda x: x + np.random.default_rng().normal(size=x.shape),
        lambda x: 1 / 0,
        lambda x: x.sum(),
    ],
)
def test_functions_that_look_at_other_elements_get_no_curve(function: Any) -> None:
    kind = kind_of(function)

    assert not kind.elementwise
    assert not kind.softmax


def test_softmax_is_known_by_its_outputs_and_not_by_its_name() -> None:
    assert kind_of(lambda x: softmax(x)).softmax
    assert not kind_of(lambda x: softmax(x) * 2).softmax


def test_a_function_is_tried_once() -> None:
    calls = []

    def function(x: Any) -> Any:
        calls.append(x.shape)
        return np.tanh(x)

    first = kind_of(function, function)
    count = len(calls)

    assert kind_of(function, function) == first
    assert len(calls) == count > 0


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (np.tanh, "tanh"),
        (functools.partial(softmax), "softmax"),
        (lambda x: x, "lambda"),
        (np.poly1d([1, 0]), "poly1d"),
    ],
)
def test_a_function_is_named_as_its_author_named_it(function: Any, name: str) -> None:
    assert name_of(function) == name


def test_given_pre_activations_join_the_layer_of_that_name_or_make_their_own() -> None:
    x = np.linspace(-2, 2, 24).reshape(2, 3, 4)
    layers = layers_of(
        {"W": np.ones((3, 4)), "b": np.zeros(4)},
        activations={"W": (np.tanh, x), "head": (softmax, x)},
    )

    joined, own = layers
    assert (joined.name, own.name) == ("W", "head")
    assert joined.kernel is not None
    assert joined.activation is not None
    assert own.activation is not None
    np.testing.assert_array_equal(joined.activation.inputs, x.reshape(6, 4))
    np.testing.assert_array_equal(joined.activation.outputs, np.tanh(x).reshape(6, 4))
    grid = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(joined.activation.function(grid), np.tanh(grid), rtol=1e-6)
    assert own.activation.function is None
    assert own.activation.softmax
    np.testing.assert_allclose(own.activation.outputs.sum(axis=-1), 1.0)


def test_activations_can_be_all_there_is() -> None:
    (layer,) = layers_of(None, activations={"relu": (lambda x: np.maximum(x, 0), [[1.0, -1.0]])})

    assert layer.name == "relu"
    assert layer.kernel is None
