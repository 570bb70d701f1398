"""A probe pass leaves the model, its training and its random numbers exactly as they were."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers as L  # noqa: E402, N812

from nnviz_tb.adapters import layers_of  # noqa: E402
from nnviz_tb.errors import ArgumentError, LoggingWarning  # noqa: E402


def batch(*shape: int) -> Any:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


class Counting(L.Layer):
    """Counts its calls in a variable and draws a random number in each, in inference too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(7)
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, x: Any) -> Any:
        self.count.assign_add(1)
        return x + 0 * keras.random.normal(keras.ops.shape(x), seed=self.seed_generator)


class Failing(L.Layer):
    """Fails when it is told to."""

    fail = False

    def call(self, x: Any) -> Any:
        if self.fail:
            raise RuntimeError("told to")
        return x


@pytest.fixture
def model() -> Any:
    model = keras.Sequential(
        [
            keras.Input((6, 3), batch_size=4),
            L.LSTM(5, stateful=True, return_sequences=True, name="lstm"),
            L.Dense(4, activation="relu", activity_regularizer="l2", name="dense"),
            L.BatchNormalization(name="norm"),
            L.Dropout(0.5, seed=3, name="drop"),
            Counting(name="counting"),
            L.PReLU(name="prelu"),
            Failing(name="failing"),
            L.Dense(1, activation="tanh", name="head"),
        ]
    )
    model.compile("adam", "mse")
    model.fit(batch(8, 6, 3), batch(8, 6, 1), batch_size=4, verbose=0)
    return model


def state(model: Any) -> dict[str, Any]:
    """All that a user could see, but for what is compared by value."""
    layers = model._flatten_layers()
    return {
        "attributes": [{key: id(value) for key, value in vars(layer).items()} for layer in layers],
        "order": [list(vars(layer)) for layer in layers],
        "built": [layer.built for layer in layers],
        "called": [layer._called for layer in layers],
        "trainable": [variable.trainable for variable in model.variables],
        "losses": [[id(loss) for loss in layer._losses] for layer in layers],
        "functions": [id(layer.activation) for layer in layers if hasattr(layer, "activation")],
    }


def values(model: Any) -> list[Any]:
    states = [state for layer in model.layers for state in getattr(layer, "states", None) or ()]
    variables = [*model.variables, *model.optimizer.variables, *states]
    return [np.array(variable.numpy()) for variable in variables]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_the_model_changes_also_when_the_pass_fails(model: Any, fails: bool) -> None:
    before, numbers = state(model), values(model)
    model.get_layer("failing").fail = fails
    before = state(model)
    if fails:
        with pytest.warns(LoggingWarning, match="told to"):
            layers_of(model, inputs=batch(4, 6, 3))
    else:
        layers_of(model, inputs=batch(4, 6, 3))

    assert state(model) == before
    for now, then in zip(values(model), numbers, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_batch_that_does_not_fit_changes_nothing_either(model: Any) -> None:
    before, numbers = state(model), values(model)
    with pytest.raises(ArgumentError, match="inputs"):
        layers_of(model, inputs=batch(4, 6, 9))

    assert state(model) == before
    for now, then in zip(values(model), numbers, strict=True):
        np.testing.assert_array_equal(now, then)


def test_training_goes_on_as_if_nobody_had_looked(model: Any) -> None:
    def trained(look: bool) -> list[Any]:
        keras.utils.set_random_seed(1)
        twin = keras.Sequential(
            [
                keras.Input((3,)),
                L.Dense(8, activation="relu"),
                L.Dropout(0.5, seed=2),
                L.Dense(1),
            ]
        )
        twin.compile("adam", "mse")
        looking = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: layers_of(twin, inputs=data) if look else None
        )
        data = batch(32, 3)
        twin.fit(data, data[:, :1], epochs=3, batch_size=8, verbose=0, callbacks=[looking])
        return [variable.numpy() for variable in twin.variables]

    for watched, alone in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(watched, alone)


def test_a_compiled_train_function_is_not_traced_again(model: Any) -> None:
    assert keras.backend.backend() == "tensorflow", "only TensorFlow's traces can be counted"
    traces = []

    class Traced(L.Layer):
        def call(self, x: Any) -> Any:
            if isinstance(x, keras.KerasTensor) or not hasattr(x, "numpy"):
                traces.append(1)
            return x

    watched = keras.Sequential([keras.Input((3,)), Traced(), L.Dense(1, activation="tanh")])
    watched.compile("sgd", "mse")
    watched.fit(batch(8, 3), batch(8, 1), verbose=0)
    count = len(traces)
    layers_of(watched, inputs=batch(8, 3))
    watched.fit(batch(8, 3), batch(8, 1), verbose=0)

    assert len(traces) == count > 0


# Keras itself copies variables in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_probed_model_can_be_copied_pickled_and_saved(model: Any, tmp_path: Any) -> None:
    plain = keras.Sequential([keras.Input((3,)), L.Dense(2, activation="relu"), L.PReLU()])
    layers_of(plain, inputs=batch(4, 3))
    expected = plain.predict(batch(4, 3), verbose=0)

    for twin in (copy.deepcopy(plain), pickle.loads(pickle.dumps(plain))):
        np.testing.assert_allclose(twin.predict(batch(4, 3), verbose=0), expected)
    plain.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(batch(4, 3), verbose=0), expected)
