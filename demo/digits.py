"""Small convolutional networks on scikit-learn's digits: 1,347 images of 8×8 pixels.

A sound training, one whose learning rate kills the ReLUs of every layer, and a stack of sigmoids
driven into saturation, behind which no gradient arrives.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import sets
from fitting import fit

EPOCHS = 15
BATCH_SIZE = 32
LOGGED_STEPS = 210


def train(run: str, folder: Path, epochs: int | None) -> str:
    """Trains one of the runs in runs.py into ``folder``; returns its result in words."""
    x_train, y_train, x_val, y_val = sets.digits()
    data = x_train[..., np.newaxis], y_train, x_val[..., np.newaxis], y_val
    epochs = EPOCHS if epochs is None else epochs
    keras.utils.set_random_seed(1)
    stack = run == "digits/sigmoid-stack"
    model = _network("sigmoid" if stack else "relu", dense_layers=4 if stack else 1)
    rates = {"digits/adam": 1e-3, "digits/adam-too-fast": 1e-1, "digits/sigmoid-stack": 3e-2}
    model.compile(
        optimizer=keras.optimizers.Adam(rates[run]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return fit(model, data, folder, epochs=epochs, batch_size=BATCH_SIZE, logged=LOGGED_STEPS)


def _network(activation: str, dense_layers: int) -> keras.Model:
    layers = keras.layers
    hidden = [
        layers.Dense(32, activation=activation, name=f"dense_{number + 1}")
        for number in range(dense_layers)
    ]
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation=activation, name="conv_1"),
            layers.Conv2D(32, 3, activation=activation, name="conv_2"),
            layers.Flatten(name="flatten"),
            *hidden,
            layers.Dense(10, activation="softmax", name="output"),
        ]
    )
