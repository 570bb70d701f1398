"""``fit`` of a Keras model with the callback, as the demo's Keras runs use it."""

from __future__ import annotations

from pathlib import Path

import keras
from sets import Split

import nnviz_tb.keras


def fit(
    model: keras.Model, data: Split, folder: Path, *, epochs: int, batch_size: int, logged: int
) -> str:
    """Trains the model; returns its result in words.

    Args:
      model: compiled, with ``accuracy`` among its metrics.
      data: what to train on and to validate with.
      folder: of the run.
      epochs, batch_size: as of ``fit``.
      logged: about how many steps are logged.
    """
    x_train, y_train, x_val, y_val = data
    steps = epochs * -(-len(x_train) // batch_size)
    history = model.fit(
        x_train,
        y_train,
        validation_data=(x_val, y_val),
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[
            nnviz_tb.keras.Callback(
                folder, inputs=x_val[:256], every=max(1, steps // logged), gradients=True
            )
        ],
    )
    return f"validation accuracy {history.history['val_accuracy'][-1]:.1%}"
