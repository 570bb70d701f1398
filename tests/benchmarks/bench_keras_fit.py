"""What a callback adds to a real Keras ``fit``, beside Keras's own TensorBoard callback.

Timed: ``python tests/benchmarks/bench_keras_fit.py``, about 12 minutes on two cores, or with
``--seconds 20`` about three, when a young run's allowance still shows. As a test
(``test_bench_keras_fit.py``) the same code runs once on a few steps, untimed.

Every way is one ``fit`` from beginning to end, in a thread of its own, and they take turns: ten
steps of one, then ten of the next. So a busy moment of the machine hits all of them, and a turn can
be compared with the same one of the training without a callback. Our callback is given a clock that
stands still while the others have their turns; else all is as users have it.

``wall +%`` is the time of the whole fit, compiling included, beside that without a callback; ``CPU
+%`` the same of processor time in all threads, which tells more where the machine is shared;
``between`` the median over turns in which nothing was logged, of either, and between which values
the middle half of them is; ``its own %`` what the callback itself accounts for in ``nnviz/run``.
What a callback adds is the two together: between, and its own.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812
from sklearn.datasets import load_digits
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from nnviz_tb.definitions import RUN_FIELDS
from nnviz_tb.keras import Callback
from nnviz_tb.recording.cadence import Cadence

BATCH = 128
TURN_STEPS = 10


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many of scikit-learn's digits, each pixel made 4 × 4, over and over."""
    found = load_digits()
    chosen = np.arange(count) % len(found.target)
    images = np.kron(found.images[chosen], np.ones((1, 4, 4))).astype(np.float32)
    return images[..., np.newaxis] / np.float32(16), found.target[chosen]


def network() -> Any:
    """A small convolutional network: about ten milliseconds a step on two cores."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            L.Conv2D(32, 3, strides=2, activation="relu"),
            L.Conv2D(64, 3, strides=2, activation="relu"),
            L.Flatten(),
            L.Dense(256, activation="relu"),
            L.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Turn:
    """One training's turns: its clock runs only while it has one.

    Attributes:
      wall_s: of each turn: some steps, with what came before the first and after the last one.
      cpu_s: of each turn, of all threads; nothing else runs meanwhile.
    """

    def __init__(self) -> None:
        self.wall_s: list[float] = []
        self.cpu_s: list[float] = []
        self.error: BaseException | None = None
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._began = math.nan
        self._total = self._cpu_began = 0.0

    def clock(self) -> float:
        """Seconds of all turns so far."""
        running = 0.0 if math.isnan(self._began) else time.perf_counter() - self._began
        return self._total + running

    def take(self) -> None:
        """Waits for the next turn, in the training's thread."""
        self._go.acquire()
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    def pass_on(self) -> None:
        """Ends the turn, in the training's thread."""
        seconds, self._began = time.perf_counter() - self._began, math.nan
        self._total += seconds
        self.wall_s.append(seconds)
        self.cpu_s.append(time.process_time() - self._cpu_began)
        self._done.release()

    def give(self) -> None:
        """Gives the training a turn, and returns when it is over.

        Raises:
          BaseException: whatever ended the training.
        """
        self._go.release()
        self._done.acquire()
        if self.error is not None:
            raise self.error

    def fail(self, error: BaseException) -> None:
        """Ends the training with an error."""
        self.error = error
        self._done.release()


class _First(keras.callbacks.Callback):
    """Before the callback that is measured: waits for the turn."""

    async_safe = True

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn
        self._has_turn = False

    def on_train_begin(self, logs: Any = None) -> None:
        self._turn.take()
        self._has_turn = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not self._has_turn:
            self._turn.take()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch and batch % TURN_STEPS == 0:
            self._turn.take()
        self._has_turn = False

    def on_train_end(self, logs: Any = None) -> None:
        self._turn.take()


class _Last(keras.callbacks.Callback):
    """Behind the callback that is measured: passes the turn on."""

    async_safe = True

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (batch + 1) % TURN_STEPS == 0 and batch + 1 < self.params["steps"]:
            self._turn.pass_on()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._turn.pass_on()

    def on_train_end(self, logs: Any = None) -> None:
        self._turn.pass_on()


Make = Callable[[Turn], Any]


def ways(directory: Path, probe: np.ndarray) -> dict[str, Make]:
    """What makes each callback, by name; the first is none at all."""

    def ours(name: str, **options: Any) -> Make:
        def make(turn: Turn) -> Callback:
            callback = Callback(directory / name, **options)
            callback._cadence = Cadence(clock=turn.clock)
            return callback

        return make

    return {
        "no callback": lambda turn: None,
        "nnviz_tb, defaults": ours("nnviz_tb, defaults"),
        "nnviz_tb, inputs=256 samples": ours("nnviz_tb, inputs=256 samples", inputs=probe),
        "nnviz_tb, gradients": ours("nnviz_tb, gradients", gradients=True),
        "Keras TensorBoard, histogram_freq=1": lambda turn: keras.callbacks.TensorBoard(
            str(directory / "keras"), histogram_freq=1
        ),
    }


def train(turn: Turn, make: Make, data: tuple[np.ndarray, np.ndarray], epochs: int) -> None:
    """One whole training, in a thread of its own."""
    try:
        callback = make(turn)
        middle = [] if callback is None else [callback]
        network().fit(
            *data,
            batch_size=BATCH,
            epochs=epochs,
            verbose=0,
            shuffle=False,
            callbacks=[_First(turn), *middle, _Last(turn)],
        )
    except BaseException as error:
        turn.fail(error)


def told_by_itself(directory: Path) -> tuple[list[int], float]:
    """Logged steps, and the seconds that they took together, from ``nnviz/run``."""
    place = list(RUN_FIELDS).index("cost_seconds")
    accumulator = EventAccumulator(str(directory), {"tensors": 0}).Reload()
    events = accumulator.Tensors("nnviz/run")
    rows = [tensor_util.make_ndarray(event.tensor_proto) for event in events]
    return [event.step for event in events], float(sum(row[place] for row in rows))


def seconds_of_epoch(data: tuple[np.ndarray, np.ndarray]) -> float:
    """What an epoch takes without a callback, once all is compiled."""
    model = network()
    model.fit(*data, batch_size=BATCH, verbose=0, shuffle=False)
    began = time.perf_counter()
    model.fit(*data, batch_size=BATCH, verbose=0, shuffle=False)
    return time.perf_counter() - began


def table(directory: Path, steps: int, epochs: int, chosen: int | None = None) -> list[str]:
    """A line for each callback: what it adds to a training of so many epochs without one.

    Args:
      directory: for what the callbacks write.
      steps: of an epoch.
      epochs: of each training.
      chosen: how many of the ways take part, all by default.
    """
    data = digits(steps * BATCH)
    probe, _ = digits(256)
    makes = dict(list(ways(directory, probe).items())[:chosen])
    turns = {name: Turn() for name in makes}
    threads = [
        threading.Thread(target=train, args=(turns[name], make, data, epochs), daemon=True)
        for name, make in makes.items()
    ]
    for thread in threads:
        thread.start()
    of_epoch = math.ceil(steps / TURN_STEPS)
    for _ in range(of_epoch * epochs + 1):  # and what comes after the last
        for turn in turns.values():
            turn.give()
    for thread in threads:
        thread.join()
    plain = next(iter(turns.values()))
    lines = [
        f"{'callback':<38}{'s':>8}{'ms/step':>9}{'wall +%':>9}{'CPU +%':>8}{'between: wall +%':>18}"
        f"{'half of them':>16}{'CPU +%':>8}{'half of them':>16}{'logged':>8}{'its own %':>11}"
    ]
    for name, turn in turns.items():
        whole, base = sum(turn.wall_s), sum(plain.wall_s)
        logged, seconds = [], 0.0
        if name.startswith("nnviz_tb"):
            logged, seconds = told_by_itself(directory / name)
        # The first epoch compiles; the ends of epochs are when others log. Kernels are copied
        # before a logged step, and gradients come from it.
        near = {max(0, step + shift) for step in logged for shift in (-1, 0, 1)}
        busy = {(step // steps) * of_epoch + step % steps // TURN_STEPS for step in near}
        quiet = [
            number
            for number in range(of_epoch, of_epoch * epochs)
            if number not in busy and (number + 1) % of_epoch
        ]
        between = ""
        for mine, without in ((turn.wall_s, plain.wall_s), (turn.cpu_s, plain.cpu_s)):
            added = sorted(100.0 * (mine[number] / without[number] - 1.0) for number in quiet)
            low, middle, high = statistics.quantiles(added) if len(added) > 1 else [math.nan] * 3
            width = 8 if between else 18
            between += f"{middle:>{width}.2f}{f'{low:+.1f} … {high:+.1f}':>16}"
        lines.append(
            f"{name:<38}{whole:>8.1f}{whole / (steps * epochs) * 1e3:>9.2f}"
            f"{100.0 * (whole / base - 1.0):>9.2f}"
            f"{100.0 * (sum(turn.cpu_s) / sum(plain.cpu_s) - 1.0):>8.2f}{between}"
            f"{len(logged) or '':>8}{f'{100.0 * seconds / whole:.2f}' if logged else '':>11}"
        )
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=120.0, help="of each training")
    parser.add_argument("--steps", type=int, default=200, help="of each epoch")
    parser.add_argument("--ways", type=int, help="how many of them, in the order of the table")
    given = parser.parse_args()
    epochs = max(2, math.ceil(given.seconds / seconds_of_epoch(digits(given.steps * BATCH))))
    with tempfile.TemporaryDirectory() as place:
        print(f"{epochs} epochs of {given.steps} steps of {BATCH} digits")
        print("\n".join(table(Path(place), given.steps, epochs, given.ways)))
