"""The callback inside real ``fit`` calls, read back with TensorBoard's own reader."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from keras import layers as L  # noqa: E402, N812
from tensorboard.backend.event_processing.event_accumulator import (  # noqa: E402
    EventAccumulator,
)
from tensorboard.util import tensor_util  # noqa: E402

from nnviz_tb import SummaryWriter  # noqa: E402
from nnviz_tb.adapters.keras.progress import Progress  # noqa: E402
from nnviz_tb.adapters.keras.updates import WeightsBefore  # noqa: E402
from nnviz_tb.definitions import LAYER_FIELDS, RUN_FIELDS  # noqa: E402
from nnviz_tb.errors import ArgumentError, LoggingWarning  # noqa: E402
from nnviz_tb.keras import Callback  # noqa: E402

COST = list(RUN_FIELDS).index("cost_seconds")
UPDATE_RATIO = list(LAYER_FIELDS).index("update_ratio")
DISPLACEMENT = list(LAYER_FIELDS).index("displacement")
GRADIENT = list(LAYER_FIELDS).index("gradient_norm")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = (X.sum(axis=1, keepdims=True) > 0).astype(np.float32)


def network(**compiled: Any) -> Any:
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            L.Dense(6, activation="relu", name="hidden"),
            L.Dense(1, activation="sigmoid", name="head"),
        ]
    )
    model.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    return model


def read(logdir: Path) -> dict[str, dict[int, Any]]:
    """``{tag: {step: array}}`` of a run, as TensorBoard reads it."""
    accumulator = EventAccumulator(str(logdir), size_guidance={"tensors": 0})
    accumulator.Reload()
    return {
        tag: {
            event.step: tensor_util.make_ndarray(event.tensor_proto)
            for event in accumulator.Tensors(tag)
        }
        for tag in accumulator.Tags()["tensors"]
    }


def update_ratios(series: dict[str, dict[int, Any]], layer: str = "hidden") -> dict[int, float]:
    rows = series[f"nnviz/layer/{layer}"]
    ratios = {step: float(row[UPDATE_RATIO]) for step, row in rows.items()}
    return {step: ratio for step, ratio in ratios.items() if not math.isnan(ratio)}


def steps_of(series: dict[str, dict[int, Any]], layer: str = "hidden") -> list[int]:
    return list(series[f"nnviz/layer/{layer}"])


class Watching(keras.callbacks.Callback):
    """Keeps the hidden kernel after every batch: the oracle."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[Any] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.kernels.append(self.model.get_layer("hidden").kernel.numpy())

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.kernels.append(self.model.get_layer("hidden").kernel.numpy())


def test_first_last_and_every_nth_step_are_logged_with_loss_and_metrics(tmp_path: Path) -> None:
    model = network(metrics=["accuracy"])
    callback = Callback(tmp_path, inputs=X[:16], every=4)
    history = model.fit(
        X, Y, epochs=3, batch_size=8, verbose=0, validation_data=(X, Y), callbacks=[callback]
    )
    series = read(tmp_path)

    assert steps_of(series) == [0, 4, 8, 12, 15]
    assert list(series["val_loss"]) == [5, 10, 15]
    assert list(series["loss"]) == [4, 5, 8, 10, 12, 15]
    for name, values in history.history.items():
        at_ends = [float(series[name][step]) for step in (5, 10, 15)]
        np.testing.assert_allclose(at_ends, values, rtol=1e-6)
    assert {float(rate) for rate in series["learning_rate"].values()} == {np.float32(0.01)}
    assert list(series["nnviz/density/hidden"]) == [0, 4, 8, 12, 15]


def test_update_ratios_are_of_one_optimizer_step(tmp_path: Path) -> None:
    watching = Watching()
    model = network()
    callback = Callback(tmp_path, every=3)
    model.fit(X, Y, epochs=2, batch_size=8, verbose=0, callbacks=[callback, watching])
    ratios = update_ratios(read(tmp_path))

    assert list(ratios) == [3, 6, 9, 10]
    for step, ratio in ratios.items():
        before, after = watching.kernels[step - 1], watching.kernels[step]
        change = np.linalg.norm(after - before)
        norms = np.linalg.norm(before), np.linalg.norm(after)
        assert min(change / norm for norm in norms) * 0.9999 <= ratio
        assert ratio <= max(change / norm for norm in norms) * 1.0001


@pytest.mark.parametrize(
    "compiled",
    [
        {"steps_per_execution": 2},
        {"optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)},
    ],
    ids=["steps_per_execution", "gradient_accumulation"],
)
def test_where_single_steps_cannot_be_seen_no_update_ratio_is_claimed(
    tmp_path: Path, compiled: dict[str, Any]
) -> None:
    model = network(**compiled)
    model.fit(X, Y, epochs=2, batch_size=8, verbose=0, callbacks=[Callback(tmp_path, every=2)])
    series = read(tmp_path)

    assert update_ratios(series) == {}
    assert steps_of(series)[0] == 0
    assert steps_of(series)[-1] == 10
    assert len(steps_of(series)) >= 4


# Keras says so when the length of a dataset is unknown, which is what is tested.
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_an_epoch_of_unknown_length_ends_at_the_step_it_ends(tmp_path: Path) -> None:
    def batches() -> Iterator[Any]:
        for start in range(0, 40, 8):
            yield X[start : start + 8], Y[start : start + 8]

    class Restarting(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Any:
            return list(batches())[index]

    model = network()
    model.fit(Restarting(), epochs=2, verbose=0, callbacks=[Callback(tmp_path / "a", every=1)])
    assert steps_of(read(tmp_path / "a")) == list(range(11))

    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=(tf.TensorSpec((None, 4)), tf.TensorSpec((None, 1)))
    )
    model = network()
    callback = Callback(tmp_path / "b", every="epoch")
    model.fit(dataset, epochs=2, verbose=0, shuffle=False, callbacks=[callback])
    assert steps_of(read(tmp_path / "b")) == [0, 5, 10]
    assert list(read(tmp_path / "b")["loss"]) == [5, 10]


# Keras says so when the length of a dataset is unknown, which is what is tested.
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("every", [1, 2, 5, 1000, "epoch", "auto"])
def test_the_batch_in_which_the_end_of_data_is_found_is_no_step_and_no_update(
    tmp_path: Path, every: int | str, epochs: int
) -> None:
    tf = pytest.importorskip("tensorflow")

    def batches() -> Iterator[Any]:
        for start in range(0, 40, 8):
            yield X[start : start + 8], Y[start : start + 8]

    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=(tf.TensorSpec((None, 4)), tf.TensorSpec((None, 1)))
    )
    callback = Callback(tmp_path, every=every, gradients=True)
    network().fit(dataset, epochs=epochs, verbose=0, shuffle=False, callbacks=[callback])
    events = EventAccumulator(str(tmp_path), {"tensors": 0}).Reload()
    steps = [event.step for event in events.Tensors("nnviz/layer/hidden")]

    assert steps == sorted(set(steps))
    assert steps[-1] == 5 * epochs
    assert [event.step for event in events.Tensors("loss")][-1] == 5 * epochs
    rows = {event.step: tensor_util.make_ndarray(event.tensor_proto)
            for event in events.Tensors("nnviz/layer/hidden")}  # fmt: skip
    for step in steps[1:]:
        assert rows[step][DISPLACEMENT] > 0.0, step
        assert rows[step][UPDATE_RATIO] != 0.0, step
        assert rows[step][GRADIENT] != 0.0, step


# Keras says so when the length of a dataset is unknown, which is what is tested.
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
@pytest.mark.parametrize("sized", [False, True])
def test_steps_are_batches_where_several_are_executed_together(tmp_path: Path, sized: bool) -> None:
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    if not sized:
        dataset = dataset.filter(lambda x, y: True)
    model = network(steps_per_execution=2)
    callback = Callback(tmp_path, every="epoch")
    model.fit(dataset, epochs=3, verbose=0, shuffle=False, callbacks=[callback])
    assert steps_of(read(tmp_path)) == [0, 5, 10, 15]


def test_batches_may_be_told_to_have_ended_in_any_order() -> None:
    progress = Progress()
    progress.begin_training(None, {})
    progress.begin_epoch(0)
    for batch in (0, 2, 1, 4, 3):
        progress.end_batch(batch)
    progress.end_epoch()
    assert progress.step == 5


def test_accumulated_gradients_are_counted_inside_an_optimizer_that_scales_the_loss(
    tmp_path: Path,
) -> None:
    def trained(callback: Any) -> None:
        scaled = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.01, gradient_accumulation_steps=5)
        )
        model = network(optimizer=scaled)
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        model.fit(X, Y, batch_size=8, epochs=1, verbose=0, callbacks=[callback])

    trained(Callback(tmp_path, every="epoch"))
    assert steps_of(read(tmp_path)) == [10, 15]


def test_a_second_fit_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    model = network()
    callback = Callback(tmp_path, every="epoch")
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[callback])
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[callback])
    assert steps_of(read(tmp_path)) == [0, 5, 10]

    # A new optimizer counts from zero, the run does not.
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[callback])
    assert steps_of(read(tmp_path)) == [0, 5, 10, 15]


def test_a_new_callback_takes_the_step_from_the_optimizer(tmp_path: Path) -> None:
    model = network()
    model.fit(X, Y, batch_size=8, verbose=0)
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[Callback(tmp_path, every="epoch")])

    assert steps_of(read(tmp_path)) == [5, 10]


# Keras saves variables in a way that NumPy 2 means to give up.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_a_training_that_keras_restores_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    class Interrupting(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if self.model.optimizer.iterations.numpy() == 12:
                raise KeyboardInterrupt

    kept: list[Any] = []
    for attempt in range(2):
        model = network()
        callbacks = [
            Callback(tmp_path / "run", every="epoch"),  # before what restores the model
            keras.callbacks.BackupAndRestore(str(tmp_path / "backup")),
        ]
        if attempt == 0:
            with pytest.raises(KeyboardInterrupt):
                model.fit(X, Y, batch_size=8, epochs=4, verbose=0,
                          callbacks=[*callbacks, Interrupting()])  # fmt: skip
        else:
            model.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=callbacks)
        events = EventAccumulator(str(tmp_path / "run"), {"tensors": 0}).Reload()
        callbacks[0].writer.close()
        kept.append([event.step for event in events.Tensors("nnviz/layer/hidden")])

    assert kept == [[0, 5, 10], [0, 5, 10, 10, 15, 20]]


def test_time_between_two_trainings_is_no_time_to_spend_a_share_of(tmp_path: Path) -> None:
    callback = Callback(tmp_path)
    model = network()
    model.fit(X, Y, epochs=2, batch_size=1, verbose=0, callbacks=[callback])
    overhead = callback._cadence.overhead
    time.sleep(1.0)
    callback.on_train_begin()
    assert callback._cadence.overhead >= overhead


def test_auto_logs_the_first_and_the_last_step_and_the_early_ones(tmp_path: Path) -> None:
    model = network()
    callback = Callback(tmp_path, inputs=X, max_overhead=1.0)
    model.fit(X, Y, epochs=4, batch_size=4, verbose=0, callbacks=[callback])
    steps = steps_of(read(tmp_path))

    assert (steps[0], steps[-1]) == (0, 40)
    assert len(steps) >= 10


def test_a_callback_may_be_copied_as_tuners_do(tmp_path: Path) -> None:
    callback = Callback(tmp_path, inputs=X, every=4, on_finding="warn")
    for _ in range(2):
        trial = copy.deepcopy(callback)
        network().fit(X, Y, batch_size=4, verbose=0, callbacks=[trial])

    assert len(list(tmp_path.iterdir())) == 1
    events = EventAccumulator(str(tmp_path), {"tensors": 0}).Reload()
    assert [row.step for row in events.Tensors("nnviz/distance/hidden")] == 2 * [0, 4, 8, 10]


class Clock:
    """Seconds that pass only when the test says so, however busy the machine is."""

    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    return clock


def costs_of(path: Path) -> dict[int, float]:
    return {step: float(row[COST]) for step, row in read(path)["nnviz/run"].items()}


def test_all_that_logging_a_step_takes_is_counted_as_its_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def slowed(what: Any, seconds: float) -> Any:
        def slow(*args: Any, **kwargs: Any) -> Any:
            clock.pass_by(seconds)
            return what(*args, **kwargs)

        return slow

    # The copy before the step, the comparison after it, and the metrics that wait for the device.
    monkeypatch.setattr(WeightsBefore, "__init__", slowed(WeightsBefore.__init__, 0.1))
    monkeypatch.setattr(WeightsBefore, "updates", slowed(WeightsBefore.updates, 0.02))
    monkeypatch.setattr(Callback, "_metrics", slowed(Callback._metrics, 0.003))
    network().fit(X, Y, batch_size=4, verbose=0, callbacks=[Callback(tmp_path, every=4)])
    costs = costs_of(tmp_path)

    assert list(costs) == [0, 4, 8, 10]
    assert [costs[4], costs[8]] == pytest.approx([0.123, 0.123])


def test_waiting_for_steps_that_are_under_way_is_no_cost_of_logging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    waits = []

    def wait(_: Any) -> None:
        waits.append(clock.now)
        clock.pass_by(0.3)

    monkeypatch.setattr(Callback, "_wait", wait)
    network().fit(X, Y, batch_size=4, verbose=0, callbacks=[Callback(tmp_path, every=4)])
    costs = costs_of(tmp_path)

    assert len(waits) >= 4
    assert (costs[4], costs[8]) == (0, 0)


def test_a_batch_that_takes_longer_because_it_will_be_logged_counts_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            clock.pass_by(0.5 if callback._before is not None else 0.01)

    monkeypatch.setattr(WeightsBefore, "__init__", lambda *_: clock.pass_by(0.2))
    monkeypatch.setattr(WeightsBefore, "updates", lambda *_: None)
    callback = Callback(tmp_path, every=20)
    network().fit(X, Y, batch_size=1, verbose=0, callbacks=[callback, Slow()])

    # Half of what was timed is the most that is believed; the rest may come from elsewhere.
    assert costs_of(tmp_path)[20] == pytest.approx(0.2 + 0.1)


@pytest.mark.parametrize("eager", [False, True])
def test_a_train_step_of_the_users_own_is_followed(tmp_path: Path, eager: bool) -> None:
    tf = pytest.importorskip("tensorflow")

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = L.Dense(6, activation="relu", name="hidden")
            self.head = L.Dense(1, name="head")

        def call(self, x: Any) -> Any:
            return self.head(self.hidden(x))

        def train_step(self, data: Any) -> Any:
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"mine": loss}

    model = Own()
    model.compile("sgd", run_eagerly=eager)
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[Callback(tmp_path, inputs=X, every=2)])
    series = read(tmp_path)

    # Keras builds such a model in its first batch.
    assert steps_of(series) == [1, 2, 4, 5]
    assert list(series["mine"]) == [1, 2, 4, 5]
    assert "loss" not in series  # which Keras counts, and nobody tells
    assert list(update_ratios(series)) == [2, 4, 5]


def test_a_model_that_only_its_train_step_can_run_is_followed(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")

    class Parts(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.generator = keras.Sequential([keras.Input((4,)), L.Dense(4, name="made")])
            self.judge = keras.Sequential([keras.Input((4,)), L.Dense(1, name="judged")])

        def train_step(self, data: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(self.judge(self.generator(data)) ** 2)
            self.optimizer.apply(
                tape.gradient(loss, self.trainable_variables), self.trainable_variables
            )
            return {"d_loss": loss}

    model = Parts()
    model.compile("sgd")
    model.fit(X, batch_size=8, epochs=2, verbose=0, callbacks=[Callback(tmp_path, every=2)])
    series = read(tmp_path)
    (made,) = (tag for tag in series if tag.startswith("nnviz/layer/") and tag.endswith("made"))
    assert list(series[made]) == [0, 2, 4, 6, 8, 10]
    assert list(series["d_loss"]) == [2, 4, 5, 6, 8, 10]


def test_a_failure_once_batches_were_trained_on_never_stops_the_training(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")

    class Late(keras.Model):
        """Has weights from its second batch on, and no call that a probe batch could go through."""

        def train_step(self, data: Any) -> Any:
            if not hasattr(self, "part"):
                self.part = L.Dense(1)
            return {"loss": tf.reduce_mean(self.part(data))}

    model = Late()
    model.compile("sgd", run_eagerly=True)
    with pytest.warns(LoggingWarning, match="training goes on"):
        history = model.fit(
            X, batch_size=8, verbose=0, callbacks=[Callback(tmp_path, inputs=X, every=1)]
        )
    assert len(history.history["loss"]) == 1


def test_an_interrupted_training_keeps_what_was_logged_and_can_go_on(tmp_path: Path) -> None:
    class Interrupting(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 3:
                raise KeyboardInterrupt

    model = network()
    callback = Callback(tmp_path, every=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=8, verbose=0, callbacks=[callback, Interrupting()])
    assert steps_of(read(tmp_path)) == [0, 1, 2, 3]

    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[callback])
    assert steps_of(read(tmp_path)) == list(range(9))


def test_training_is_the_same_with_and_without_the_callback(tmp_path: Path) -> None:
    def weights(*callbacks: Any) -> list[Any]:
        model = network(optimizer="adam")
        model.fit(X, Y, epochs=2, batch_size=8, verbose=0, callbacks=list(callbacks))
        return model.get_weights()

    for watched, alone in zip(
        weights(Callback(tmp_path, inputs=X, every=1)), weights(), strict=True
    ):
        np.testing.assert_array_equal(watched, alone)


def test_keras_may_run_ahead_of_the_callback(tmp_path: Path) -> None:
    # Otherwise Keras waits for the device after every batch, to fetch the loss for the callback.
    # The flag is Keras's own; there is no public way to see it.
    callbacks = keras.callbacks.CallbackList([Callback(tmp_path)], model=network())

    assert callbacks._async_train == keras.callbacks.CallbackList([], model=network())._async_train


def test_the_share_that_is_told_is_of_the_time_since_the_first_step(tmp_path: Path) -> None:
    callback = Callback(tmp_path, every=1000)
    time.sleep(1.0)  # preparing data, say
    network().fit(X, Y, batch_size=8, verbose=0, callbacks=[callback])
    first, *_ = read(tmp_path)["nnviz/run"].values()
    assert first[list(RUN_FIELDS).index("overhead_share")] > 0.5


def test_a_writer_of_ones_own_gets_the_model_beside_what_else_it_logs(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        callback = Callback(writer, every="epoch")
        assert callback.writer is writer
        model = network()
        model.fit(X, Y, batch_size=8, verbose=0, callbacks=[callback])
        writer.add_scalar("mine", 1.0, 5)

    assert {"mine", "loss", "nnviz/layer/hidden"} <= set(read(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "every"),
        ({"every": "now"}, "every"),
        ({"max_overhead": 0.0}, "max_overhead"),
    ],
)
def test_a_bad_argument_is_refused_before_training(
    tmp_path: Path, arguments: Any, message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        Callback(tmp_path, **arguments)


def test_a_probe_batch_that_does_not_fit_is_refused_before_the_first_step(tmp_path: Path) -> None:
    model = network()
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=r"inputs: .*\(8, 9\).*None, 4"):
        model.fit(X, Y, verbose=0, callbacks=[Callback(tmp_path, inputs=np.zeros((8, 9)))])

    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_what_breaks_later_is_warned_of_once_and_training_goes_on(tmp_path: Path) -> None:
    class Breaking(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            probe.resize((80, 2), refcheck=False)

    probe = X.copy()
    model = network()
    callback = Callback(tmp_path, inputs=probe, every="epoch")
    with pytest.warns(LoggingWarning, match=r"step 5.*training goes on.*\(80, 2\)") as caught:
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[callback, Breaking()])

    assert len([warning for warning in caught if warning.category is LoggingWarning]) == 1
    series = read(tmp_path)
    assert list(series["loss"]) == [5, 10, 15]
    assert steps_of(series) == [0]


# Keras says so when the length of a dataset is unknown, which is what is tested.
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_epochs_may_differ_in_length(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    lengths = iter([3, 4, 4])

    def batches() -> Iterator[Any]:
        for _ in range(next(lengths)):
            yield X[:8], Y[:8]

    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=(tf.TensorSpec((None, 4)), tf.TensorSpec((None, 1)))
    )
    callback = Callback(tmp_path, every=1)
    network().fit(dataset, epochs=3, verbose=0, shuffle=False, callbacks=[callback])
    series = read(tmp_path)
    # After three steps of the second epoch it looked as if it were over.
    assert steps_of(series) == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11]
    # Looking for the end of the first epoch has advanced the optimizer's count before step 4.
    assert list(update_ratios(series)) == [1, 2, 3, 5, 8, 9, 10, 11]
