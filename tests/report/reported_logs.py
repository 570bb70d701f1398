"""Small logs of a sound and of a sick network, written by the package's own writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import nnviz_tb
from nnviz_tb.health import HealthMonitor
from nnviz_tb.layers import Activation, Layer

STEPS = range(0, 300, 10)
FAN_IN, NEURONS, SAMPLES = 16, 12, 400
SICK_NEURONS = (1, 3, 4, 6, 7, 9, 11)
"""Dead in the sick run from step 100 on."""


def relu(x: Any) -> Any:
    """The function itself."""
    return np.maximum(x, 0.0)


def kernel_at(step: int) -> np.ndarray[Any, Any]:
    """``float32[FAN_IN, NEURONS]``, drifting slowly."""
    start = np.random.default_rng(0).normal(0, 0.25, (FAN_IN, NEURONS))
    return (start * (1 + step / 2000)).astype(np.float32)


def inputs_at(step: int, sick: bool) -> np.ndarray[Any, Any]:
    """``float32[SAMPLES, NEURONS]`` pre-activations."""
    x = np.random.default_rng(step).normal(0.2, 1.0, (SAMPLES, NEURONS))
    if sick and step >= 100:
        x[:, SICK_NEURONS] = -np.abs(x[:, SICK_NEURONS]) - 0.1
    return x.astype(np.float32)


def write_run(logdir: Path, sick: bool, monitor: HealthMonitor | None = None) -> None:
    """One hidden ReLU layer and an output layer, at every tenth step, the loss at every step."""
    with nnviz_tb.SummaryWriter(logdir) as writer:
        writer.monitor = monitor
        for step in range(STEPS.stop):
            loss = 2.0 * float(np.exp(-step / 80)) + 0.1
            if step not in STEPS:
                writer.add_scalar("loss", loss, step)
                continue
            kernel = kernel_at(step)
            x = inputs_at(step, sick)
            hidden = Layer(
                "hidden",
                "Dense",
                kernel=kernel,
                kernel_shape=kernel.shape,
                bias=np.linspace(-0.1, 0.1, NEURONS, dtype=np.float32) * step / 100,
                gradient=kernel * np.float32(0.01),
                update=kernel * np.float32(1e-3),
                parameters=kernel.size + NEURONS,
                activation=Activation("relu", relu, inputs=x, outputs=relu(x)),
            )
            out = Layer(
                "out",
                "Dense",
                kernel=kernel[:, :4],
                kernel_shape=(FAN_IN, 4),
                gradient=kernel[:, :4] * np.float32(0.01),
                update=kernel[:, :4] * np.float32(1e-3),
                parameters=FAN_IN * 4,
            )
            writer.log_layers([hidden, out], step, scalars={"loss": loss})
