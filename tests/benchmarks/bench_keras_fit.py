"""What a callback adds to a real Keras ``fit``, beside Keras's own TensorBoard callback.

Timed: ``python tests/benchmarks/bench_keras_fit.py``, about 15 minutes on two cores, or with
``--seconds 20`` about three, when a young run's allowance still shows. As a test
(``test_bench_keras_fit.py``) the same code runs once on a few steps, untimed.

Every way is one ``fit`` from beginning to end, in a thread of its own, and they take turns: five
steps of one, then five of the next, in another order each round. So a busy moment of the machine
hits all of them, and a turn can be compared with the same ones of two trainings without a callback.
Our callback is given a clock that stands still while the others have their turns; else all is as
users have it. How the two without a callback differ shows what differs for no reason.

Sums over a whole fit are the machine's: two fits of one kind differ by a fifth. So the time added
is put together from medians over turns: ``between``, of those in which nothing was logged, and
``a logged step``, of those in which one was, less what is between. ``the clock`` is both over the
whole training, with the interval in which 95 of 100 draws of the turns put it; ``the processor``
the same of processor time in all threads. ``its own`` is what the callback itself accounts for in
``nnviz/run``. The first turn, in which all compile, is not compared.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from nnviz_tb.recording.step_times import CostsBetween

BATCH = 128
TURN_STEPS = 5


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
            callback._costs = CostsBetween(clock=turn.clock)
            return callback

        return make

    return {
        "no callback": lambda turn: None,
        "no callback, again": lambda turn: None,
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


def told_by_itself(directory: Path) -> tuple[list[int], list[float]]:
    """Logged steps, and the seconds that each of them took, from ``nnviz/run``."""
    place = list(RUN_FIELDS).index("cost_seconds")
    accumulator = EventAccumulator(str(directory), {"tensors": 0}).Reload()
    events = accumulator.Tensors("nnviz/run")
    rows = [tensor_util.make_ndarray(event.tensor_proto) for event in events]
    return [event.step for event in events], [float(row[place]) for row in rows]


def seconds_of_epoch(data: tuple[np.ndarray, np.ndarray]) -> float:
    """What an epoch takes without a callback, once all is compiled."""
    model = network()
    model.fit(*data, batch_size=BATCH, verbose=0, shuffle=False)
    began = time.perf_counter()
    model.fit(*data, batch_size=BATCH, verbose=0, shuffle=False)
    return time.perf_counter() - began


@dataclass
class Added:
    """What a callback adds to a training, by one clock.

    Attributes:
      between: of the time of turns in which nothing was logged, as a share.
      logged_s: to a step that is logged alone in its turn, in seconds.
      share: of the whole training.
      low, high: 95 of 100 draws of the turns put the share between these.
    """

    between: float
    logged_s: float
    share: float
    low: float
    high: float


def added(
    mine: np.ndarray,
    without: np.ndarray,
    quiet: np.ndarray,
    busy: np.ndarray,
    weights: np.ndarray,
    all_weights: float,
) -> Added:
    """Put together from medians over turns.

    Args:
      mine, without: seconds of each turn with and without the callback, float64 ``[turns]``.
      quiet: the turns in which nothing was logged, int ``[count]``, one or more.
      busy: those in which one step was logged, int ``[count]``, one or more.
      weights: how much that step had to do, float64 ``[count]``: not all cost the same.
      all_weights: of all logged steps together.
    """
    excess, usual, whole = mine - without, float(np.median(without)), float(without.sum())

    def put_together(quiet: np.ndarray, busy: np.ndarray) -> tuple[float, float, float]:
        between = float(np.median(excess[quiet]))
        for_weight = float(np.median((excess[busy_turns[busy]] - between) / weights[busy]))
        share = (between * len(mine) + for_weight * all_weights) / whole
        return between, for_weight * float(np.median(weights)), share

    busy_turns, every = busy, np.arange(len(busy))
    between, of_logged, share = put_together(quiet, every)
    draws = np.random.default_rng(0)
    shares = [
        put_together(draws.choice(quiet, len(quiet)), draws.choice(every, len(every)))[2]
        for _ in range(1000)
    ]
    low, high = np.quantile(shares, (0.025, 0.975))
    return Added(between / usual, of_logged, share, float(low), float(high))


def turns_of(
    logged: Sequence[int], steps: int, epochs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The turns after the first in which no step was logged, and in which just one was.

    Args:
      logged: counts of steps made: work is done around the last of them, and shows in the next.
      steps: of an epoch.
      epochs: of the training.

    Returns:
      turns without a logged step; turns with one; and which of ``logged`` that is.
    """
    of_epoch = math.ceil(steps / TURN_STEPS)
    touched: list[set[int]] = [set() for _ in range(of_epoch * epochs)]
    own_turn = {}

    def turn_of(step: int) -> int:
        epoch, batch = divmod(min(max(step, 0), steps * epochs - 1), steps)
        return epoch * of_epoch + batch // TURN_STEPS

    for place, step in enumerate(logged):
        for near in (step - 1, step, step + 1):
            touched[turn_of(near)].add(place)
        # A step that is an epoch's last is logged at the epoch's end, others before the next batch.
        own_turn[place] = turn_of(step - 1 if step % steps == 0 else step)
    quiet = [turn for turn, places in enumerate(touched) if turn and not places]
    busy = [
        (turn, place)
        for place, turn in own_turn.items()
        # What was prepared before the step's batch must be of the same turn.
        if turn and turn == turn_of(logged[place] - 1) and touched[turn] == {place}
    ]
    turns, places = np.array(busy, int).reshape(-1, 2).T
    return np.array(quiet, int), turns, places


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
    orders = random.Random(0)
    for _ in range(math.ceil(steps / TURN_STEPS) * epochs + 1):  # and what comes after the last
        for turn in orders.sample([*turns.values()], len(turns)):
            turn.give()
    for thread in threads:
        thread.join()
    lines = [
        f"{'callback':<36}{'s':>7}{'ms/step':>9}{'logged':>8}"
        + "".join(
            f"{name + ': %':>18}{'95 of 100':>16}{'between %':>11}{'a logged step, ms':>19}"
            for name in ("the clock", "the processor")
        )
        + f"{'its own: %':>12}{'ms':>7}"
    ]
    for name, turn in turns.items():
        whole = sum(turn.wall_s)
        ours = name.startswith("nnviz_tb")
        line = f"{name:<36}{whole:>7.1f}{whole / (steps * epochs) * 1e3:>9.2f}"
        if ours:
            logged, seconds = told_by_itself(directory / name)
        else:  # at the end of each epoch, which is as good for no callback
            logged, seconds = [steps * (epoch + 1) for epoch in range(epochs)], [1.0] * epochs
        line += f"{len(logged) if name != 'no callback' else '':>8}"
        quiet, busy, places = turns_of(logged, steps, epochs)
        weights = np.array(seconds)[places]
        # A way is held against the mean of the trainings without a callback, of which it is none.
        plain = [others for others in list(turns.values())[:2] if others is not turn]
        for clock in ("wall_s", "cpu_s"):
            taken = np.array(getattr(turn, clock)[:-1])
            base = np.mean([getattr(others, clock)[:-1] for others in plain], axis=0)
            if name == "no callback":
                continue
            if not len(quiet) or not len(busy):
                line += f"{'too few turns':>64}"
                continue
            found = added(taken, base, quiet, busy, weights, sum(seconds))
            interval = f"{100.0 * found.low:+.2f} … {100.0 * found.high:+.2f}"
            line += (
                f"{100.0 * found.share:>18.2f}{interval:>16}"
                f"{100.0 * found.between:>11.2f}{1e3 * found.logged_s:>19.1f}"
            )
        if ours:
            line += f"{100.0 * sum(seconds) / whole:>12.2f}"
            line += f"{1e3 * float(np.median(weights)) if len(busy) else math.nan:>7.1f}"
        lines.append(line)
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
