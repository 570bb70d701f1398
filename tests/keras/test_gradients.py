"""Gradients that the callback takes from Keras's own backward pass, held against GradientTape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from keras import layers as L  # noqa: E402, N812
from tensorboard.backend.event_processing.event_accumulator import (  # noqa: E402
    EventAccumulator,
)
from tensorboard.util import tensor_util  # noqa: E402

from nnviz_tb.definitions import LAYER_FIELDS  # noqa: E402
from nnviz_tb.errors import LoggingWarning  # noqa: E402
from nnviz_tb.keras import Callback  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.integers(0, 9, size=(40, 4)).astype(np.float32)
Y = (X.sum(axis=1, keepdims=True) > 18).astype(np.float32)


def network(**compiled: Any) -> Any:
    keras.utils.set_random_seed(5)
    # Keras cannot divide an embedding's sparse gradient by a fixed scale.
    scaled = getattr(compiled.get("optimizer"), "loss_scale_factor", None) is not None
    model = keras.Sequential(
        [
            keras.Input((4,)),
            *([] if scaled else [L.Embedding(9, 3, name="table"), L.Flatten()]),
            L.Dense(6, activation="tanh", kernel_regularizer="l2", name="hidden"),
            L.Dense(1, activation="sigmoid", name="head"),
        ]
    )
    model.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    return model


class Oracle(keras.callbacks.Callback):
    """The gradients of every batch by a tape of its own, on the weights before the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.gradients: list[dict[str, Any]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        x, y = X[8 * batch : 8 * batch + 8], Y[8 * batch : 8 * batch + 8]
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            predicted = self.model(x, training=True)
            loss = tf.reduce_mean((predicted - y) ** 2) + sum(self.model.losses)
        found = tape.gradient(loss, [variable.value for variable in variables])
        self.gradients.append(
            {
                variable.path: tf.convert_to_tensor(gradient).numpy()
                for variable, gradient in zip(variables, found, strict=True)
            }
        )

    def of(self, batch: int, path: str) -> Any:
        return next(g for p, g in self.gradients[batch].items() if p.endswith(path))


def gradient_norms(logdir: Path, layer: str) -> dict[int, float]:
    accumulator = EventAccumulator(str(logdir), size_guidance={"tensors": 0}).Reload()
    place = list(LAYER_FIELDS).index("gradient_norm")
    rows = {
        event.step: float(tensor_util.make_ndarray(event.tensor_proto)[place])
        for event in accumulator.Tensors(f"nnviz/layer/{layer}")
    }
    return {step: norm for step, norm in rows.items() if not np.isnan(norm)}


@pytest.mark.parametrize(
    "compiled",
    [
        {},
        {"run_eagerly": True},
        {"jit_compile": True},
        {"optimizer": keras.optimizers.Adam(1e-2, clipnorm=1e-3)},
        {"optimizer": keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), 256.0)},
        {"optimizer": keras.optimizers.SGD(0.01, loss_scale_factor=128.0)},
    ],
    ids=["graph", "eager", "xla", "clipped", "dynamic_scale", "fixed_scale"],
)
def test_logged_gradients_are_those_of_the_batch_that_was_logged(
    tmp_path: Path, compiled: dict[str, Any]
) -> None:
    model, oracle = network(**compiled), Oracle()
    callback = Callback(tmp_path, every=2, gradients=True)
    model.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0, callbacks=[callback, oracle])
    for layer, path in (("hidden", "hidden/kernel"), ("head", "head/kernel"),
                        ("table", "table/embeddings")):  # fmt: skip
        if layer not in [found.name for found in model.layers]:
            continue
        norms = gradient_norms(tmp_path, layer)
        assert list(norms) == [2, 4, 5], layer
        for step, norm in norms.items():
            truth = oracle.of(step - 1, path)
            assert norm == pytest.approx(float(np.linalg.norm(truth)), rel=1e-4), (layer, step)


# Keras says so when the length of a dataset is unknown, which is what is tested.
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
@pytest.mark.parametrize("epochs", [1, 2])
def test_the_last_step_has_gradients_where_it_is_known_to_be_the_last(
    tmp_path: Path, epochs: int
) -> None:
    def batches() -> Any:
        for start in range(0, 40, 8):
            yield X[start : start + 8], Y[start : start + 8]

    unsized = tf.data.Dataset.from_generator(
        batches, output_signature=(tf.TensorSpec((None, 4)), tf.TensorSpec((None, 1)))
    )
    callback = Callback(tmp_path, every=1000, gradients=True)
    network().fit(unsized, epochs=epochs, verbose=0, shuffle=False, callbacks=[callback])
    # In the first epoch nobody knows how many batches there are.
    assert list(gradient_norms(tmp_path, "head")) == ([] if epochs == 1 else [10])


def test_a_training_that_is_ended_early_claims_no_gradients_for_its_last_step(
    tmp_path: Path,
) -> None:
    class Ending(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = True

    callback = Callback(tmp_path, every=3, gradients=True)
    network().fit(X, Y, batch_size=8, epochs=9, verbose=0, callbacks=[callback, Ending()])
    assert list(gradient_norms(tmp_path, "head")) == [3]


def test_training_with_gradients_is_the_same_as_without(tmp_path: Path) -> None:
    weights = []
    for wanted in (False, True):
        model = network(optimizer=keras.optimizers.Adam(1e-2))
        callback = Callback(tmp_path / str(wanted), every=2, gradients=wanted)
        model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=[callback])
        weights.append(model.get_weights())
    for without, kept in zip(*weights, strict=True):
        np.testing.assert_allclose(kept, without, rtol=1e-6, atol=1e-7)


def test_after_training_nothing_of_it_is_left_in_the_optimizer(tmp_path: Path) -> None:
    model = network()
    fit = {"batch_size": 8, "epochs": 1, "shuffle": False, "verbose": 0}
    model.fit(X, Y, callbacks=[Callback(tmp_path / "a", every=2, gradients=True)], **fit)
    assert "apply" not in vars(model.optimizer)
    before = model.get_weights()
    model.fit(X, Y, **fit)
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))

    # Again on a model whose train function is compiled already.
    oracle = Oracle()
    callback = Callback(tmp_path / "b", every=2, gradients=True)
    model.fit(X, Y, callbacks=[callback, oracle], **fit)
    norms = gradient_norms(tmp_path / "b", "head")
    assert norms
    first = min(norms)
    truth = oracle.of(first - 10 - 1, "head/kernel")
    assert norms[first] == pytest.approx(float(np.linalg.norm(truth)), rel=1e-4)


def test_where_gradients_cannot_be_had_that_is_said_and_training_goes_on(tmp_path: Path) -> None:
    class Unbuilt(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = L.Dense(1)

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    model = Unbuilt()
    model.compile("sgd", "mse")
    with pytest.warns(LoggingWarning, match="gradients are not logged: the model has no weights"):
        model.fit(
            X, Y, batch_size=8, verbose=0, callbacks=[Callback(tmp_path, every=2, gradients=True)]
        )
    assert model.optimizer.iterations.numpy() == 5
