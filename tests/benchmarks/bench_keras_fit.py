"""What a callback adds to a real Keras ``fit``, beside Keras's own TensorBoard callback.

Timed: ``python tests/benchmarks/bench_keras_fit.py [--steps N]``. As a test
(``test_bench_keras_fit.py``) the same code runs once on a few steps, untimed.

``fit`` runs in short stretches, with one callback or the other or none, in turns, so that a busy
moment of the machine hits all of them. A long run is needed for the share to show: a run of less
than 100 s may spend up to a second. What our callback says of itself (``nnviz/run``) is printed
beside what the clock says.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from nnviz_tb.definitions import RUN_FIELDS
from nnviz_tb.keras import Callback

BATCH = 128


def network() -> Any:
    """A small convolutional network: about ten milliseconds a step on two cores."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            L.Conv2D(32, 3, strides=2, activation="relu"),
            L.Conv2D(64, 3, strides=2, activation="relu"),
            L.Flatten(),
            L.Dense(256, activation="relu"),
            L.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class _Stretch:
    """One model that is trained on and on, with the same callback."""

    def __init__(self, callback: Any, steps: int) -> None:
        rng = np.random.default_rng(0)
        self._x = rng.standard_normal((steps * BATCH, 28, 28, 1), np.float32)
        self._y = rng.integers(0, 10, steps * BATCH)
        self._model = network()
        self._callbacks = [callback] if callback is not None else []
        self.wall_s: list[float] = []
        self.cpu_s: list[float] = []

    def train(self) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self._model.fit(
            self._x, self._y, batch_size=BATCH, verbose=0, shuffle=False, callbacks=self._callbacks
        )
        self.wall_s.append(time.perf_counter() - wall)
        self.cpu_s.append(time.process_time() - cpu)


def ways(directory: Path, probe: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Callbacks by name; the first is none at all."""
    return {
        "no callback": lambda: None,
        "nnviz_tb, defaults": lambda: Callback(directory / "ours"),
        "nnviz_tb, inputs=256 samples": lambda: Callback(directory / "probe", inputs=probe),
        "nnviz_tb, gradients": lambda: Callback(directory / "gradients", gradients=True),
        "Keras TensorBoard, histogram_freq=1": lambda: keras.callbacks.TensorBoard(
            str(directory / "keras"), histogram_freq=1
        ),
    }


def told_by_itself(directory: Path) -> tuple[int, float]:
    """Logged steps, and the seconds that they took together, from ``nnviz/run``."""
    place = list(RUN_FIELDS).index("cost_seconds")
    accumulator = EventAccumulator(str(directory), {"tensors": 0}).Reload()
    rows = [tensor_util.make_ndarray(e.tensor_proto) for e in accumulator.Tensors("nnviz/run")]
    return len(rows), float(sum(row[place] for row in rows))


def table(directory: Path, steps: int, rounds: int) -> list[str]:
    """A line for each callback: time per step, and what it adds to training without one."""
    probe = np.random.default_rng(1).standard_normal((256, 28, 28, 1), np.float32)
    stretches = {n: _Stretch(make(), steps) for n, make in ways(directory, probe).items()}
    for stretch in stretches.values():
        stretch.train()  # compiles
    for _ in range(rounds):
        for stretch in stretches.values():
            stretch.train()
    plain = next(iter(stretches.values()))
    lines = [
        f"{'callback':<38}{'ms/step':>9}{'wall +%':>9}{'CPU +%':>9}{'logged':>9}{'its own %':>11}"
    ]
    own = {"nnviz_tb, defaults": "ours", "nnviz_tb, inputs=256 samples": "probe",
           "nnviz_tb, gradients": "gradients"}  # fmt: skip
    for name, stretch in stretches.items():
        # The first stretch is part of the run, and of what the callback may spend.
        wall, cpu = (
            100.0 * (statistics.median(a / b for a, b in zip(ours[1:], base[1:], strict=True)) - 1)
            for ours, base in ((stretch.wall_s, plain.wall_s), (stretch.cpu_s, plain.cpu_s))
        )
        logged = share = ""
        if name in own:
            count, seconds = told_by_itself(directory / own[name])
            logged, share = str(count), f"{100.0 * seconds / sum(stretch.wall_s):.2f}"
        step_ms = statistics.median(stretch.wall_s[1:]) / steps * 1e3
        lines.append(f"{name:<38}{step_ms:>9.2f}{wall:>9.1f}{cpu:>9.1f}{logged:>9}{share:>11}")
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=80, help="of each stretch")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        print("\n".join(table(Path(place), given.steps, given.rounds)))
