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


def write_faulty_run(logdir: Path, fault: str, monitor: HealthMonitor) -> None:
    """Three layers with one fault from the start, or ``none``, watched by the monitor.

    Args:
      fault: ``dead`` units of the first; ``twins`` among its neurons; inputs ``beyond`` the tanh
        of the second; infinite ``outputs`` of the first.
    """
    draw = np.random.default_rng(5)
    kernels = {
        name: draw.normal(0, 0.25, (FAN_IN, NEURONS)).astype(np.float32)
        for name in ("hidden", "bounded", "out")
    }
    if fault == "twins":
        kernels["hidden"][:, 1::2] = kernels["hidden"][:, ::2]
    with nnviz_tb.SummaryWriter(logdir) as writer:
        writer.monitor = monitor
        for step in range(0, 200, 10):
            for kernel in kernels.values():
                kernel *= np.float32(1.0 + 1e-3)
            x = draw.normal(0.2, 1.0, (SAMPLES, NEURONS)).astype(np.float32)
            if fault == "dead":
                x[:, SICK_NEURONS] = -np.abs(x[:, SICK_NEURONS]) - 0.1
            outputs = relu(x)
            if fault == "outputs":
                outputs[3, 2] = np.inf
            far = x + np.where(x > 0, 6, -6) if fault == "beyond" else x
            activations = {
                "hidden": Activation("relu", relu, inputs=x, outputs=outputs),
                "bounded": Activation("tanh", np.tanh, inputs=far, outputs=np.tanh(far)),
            }
            layers = [
                Layer(
                    name,
                    "Dense",
                    kernel=kernel,
                    kernel_shape=kernel.shape,
                    gradient=kernel * np.float32(0.01),
                    update=kernel * np.float32(1e-3),
                    parameters=kernel.size,
                    activation=activations.get(name),
                )
                for name, kernel in kernels.items()
            ]
            loss = 2.0 * float(np.exp(-step / 80)) + 0.1
            writer.log_layers(layers, step, scalars={"loss": loss})
