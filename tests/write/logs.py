"""Logs as readers that are not ours see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util


def accumulated(directory: Path | str) -> EventAccumulator:
    """TensorBoard's own reader after it has read everything there is."""
    return EventAccumulator(str(directory), {"tensors": 0}).Reload()


def rows(directory: Path | str, tag: str) -> list[tuple[int, Any]]:
    """Steps and arrays of a tag, in the order in which TensorBoard reads them."""
    return [
        (event.step, tensor_util.make_ndarray(event.tensor_proto))
        for event in accumulated(directory).Tensors(tag)
    ]


def scalars(directory: Path | str, tag: str) -> list[tuple[int, float]]:
    """Steps and numbers of a scalar tag."""
    return [(step, float(value)) for step, value in rows(directory, tag)]


def array(directory: Path | str, tag: str) -> np.ndarray:
    """The last array of a tag."""
    return rows(directory, tag)[-1][1]
