"""The tutorial network, ``Dense(10, relu) → Dense(1, sigmoid)``, on the breast-cancer set.

Three trainings of the same network on the same 426 cases of 30 measurements each: a sound one, one
that forgot to scale the measurements, and one that did so with steps that are too long as well.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import nnviz_tb.keras

EPOCHS = 100
BATCH_SIZE = 10
LOGGED_STEPS = 300


def train(run: str, folder: Path, epochs: int | None) -> str:
    """Trains one of the runs in runs.py into ``folder``; returns its result in words."""
    x_train, y_train, x_val, y_val = _data(scaled=run == "tutorial/adam")
    epochs = EPOCHS if epochs is None else epochs
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.layers.Input((x_train.shape[1],)),
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
    steps = epochs * -(-len(x_train) // BATCH_SIZE)
    history = model.fit(
        x_train,
        y_train,
        validation_data=(x_val, y_val),
        batch_size=BATCH_SIZE,
        epochs=epochs,
        verbose=0,
        callbacks=[
            nnviz_tb.keras.Callback(
                folder,
                inputs=x_val[:256],
                every=max(1, steps // LOGGED_STEPS),
                gradients=True,
            )
        ],
    )
    return f"validation accuracy {history.history['val_accuracy'][-1]:.1%}"


def _data(scaled: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.25, random_state=0, stratify=y
    )
    if scaled:
        mean, std = x_train.mean(axis=0), x_train.std(axis=0)
        x_train, x_val = (x_train - mean) / std, (x_val - mean) / std
    return x_train.astype("float32"), y_train, x_val.astype("float32"), y_val
