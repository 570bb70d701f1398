"""scikit-learn's small data sets for the demo, a quarter of each kept for validation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

Split = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]
"""Inputs and labels to train on, then those of the validation."""


def digits() -> Split:
    """Images ``[samples, 8, 8]`` of ten digits, 0 to 1."""
    x, y = load_digits(return_X_y=True)
    split: Split = _split((x / 16).astype("float32").reshape(-1, 8, 8), y)
    return split


def breast_cancer(scaled: bool) -> Split:
    """Cases of 30 measurements each; scaled by mean and deviation of those to train on."""
    x_train, y_train, x_val, y_val = _split(*load_breast_cancer(return_X_y=True))
    if scaled:
        mean, std = x_train.mean(axis=0), x_train.std(axis=0)
        x_train, x_val = (x_train - mean) / std, (x_val - mean) / std
    return x_train.astype("float32"), y_train, x_val.astype("float32"), y_val


def _split(x: NDArray[Any], y: NDArray[Any]) -> Any:
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.25, random_state=0, stratify=y
    )
    return x_train, y_train, x_val, y_val
