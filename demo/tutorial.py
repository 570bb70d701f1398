"""The tutorial network, ``Dense(10, relu) → Dense(1, sigmoid)``, on the breast-cancer set.

Three trainings of the same network on the same 426 cases of 30 measurements each: a sound one, one
that forgot to scale the measurements, and one that did so with steps that are too long as well.
"""

from __future__ import annotations

from pathlib import Path

import keras
import sets
from fitting import fit

EPOCHS = 100
BATCH_SIZE = 10
LOGGED_STEPS = 300


def train(run: str, folder: Path, epochs: int | None) -> str:
    """Trains one of the runs in runs.py into ``folder``; returns its result in words."""
    data = sets.breast_cancer(scaled=run == "tutorial/adam")
    epochs = EPOCHS if epochs is None else epochs
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.layers.Input((data[0].shape[1],)),
            keras.layers.Dense(10, activation="relu", name="hidden"),
            keras.layers.Dense(1, activation="sigmoid", name="output"),
        ]
    )
    slow, fast = keras.optimizers.Adam(1e-3), keras.optimizers.SGD(1e-2)
    model.compile(
        optimizer=fast if run == "tutorial/sgd-too-fast" else slow,
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return fit(model, data, folder, epochs=epochs, batch_size=BATCH_SIZE, logged=LOGGED_STEPS)
