"""Small logs with known contents, the same on every machine, for the browser's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nnviz_tb

STEPS = tuple(range(0, 400, 10))
SAMPLES = 400
START = 1_700_000_000.0

HEALTHY, SICK, WIDE = "runs/healthy", "runs/sick", "wide"
"""Names of the runs. The sick one lacks ``extra`` and has ``late`` instead."""

DEAD, SATURATED = "encoder/dense_1", "encoder/dense_2"
"""Layers of the sick run with two thirds of dead units, and with saturated ones."""
LAYERS = ("conv", "encoder/dense_1", "encoder/dense_2", "head")
WIDE_LAYERS = 1000
FILTERS = "wide_filters"
"""A run with one convolution of ``FILTER_COUNT`` filters."""
FILTER_COUNT = 300
OTHER = "wide_other"
"""A run whose ``encoder/dense_1`` has a tanh where the others have a ReLU."""

KINDS = "wide_kinds"
"""A run of PyTorch with functions that are learnt, learnt per channel, and not elementwise."""
KIND_STEPS = (0, 10, 20)

Array = NDArray[Any]


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return np.maximum(x, 0.0)


def kernels(run: str) -> dict[str, Array]:
    """The kernels at the first step, ``[fan_in, neurons]``; the convolution's as Keras has it."""
    rng = np.random.default_rng(7 if run == HEALTHY else 8)
    shapes = {
        "conv/kernel": (3, 3, 1, 8),
        "encoder/dense_1/kernel": (72, 12),
        "encoder/dense_2/kernel": (12, 12),
        "head/kernel": (12, 4),
        ("extra" if run == HEALTHY else "late") + "/kernel": (12, 6),
    }
    return {name: rng.normal(0, 0.3, shape) for name, shape in shapes.items()}


def weights_at(run: str, step: int) -> dict[str, Array]:
    """The kernels at a step: each weight on its own way, none at rest."""
    drift = np.random.default_rng(9)
    return {
        name: kernel * (1 + step / 2000)
        + 0.1 * np.sin(step / 90 + drift.normal(0, 2, kernel.shape))
        for name, kernel in kernels(run).items()
    }


def inputs_at(run: str, step: int) -> dict[str, tuple[Any, Array]]:
    """Each activation with what reaches it."""
    rng = np.random.default_rng(step)
    plain = rng.normal(0, 1, (SAMPLES, 12))
    dead = np.where(np.arange(12) < 8, -6.0, 0.5)
    sick = run == SICK
    return {
        "conv": (relu, rng.normal(0.2, 1, (SAMPLES, 8))),
        "encoder/dense_1": (relu, plain + (dead if sick else 0.3)),
        "encoder/dense_2": (np.tanh, plain * (12 if sick else 0.8) + step / 400),
    }


def write(logdir: Path) -> None:
    """Both runs."""
    for run in (HEALTHY, SICK):
        with nnviz_tb.SummaryWriter(logdir / run) as writer:
            for step in STEPS:
                rng = np.random.default_rng(step)
                weights = weights_at(run, step)
                gradients = {
                    name: rng.normal(0, 0.01, value.shape) for name, value in weights.items()
                }
                writer.log_model(
                    weights,
                    step,
                    gradients=gradients,
                    activations=inputs_at(run, step),
                    scalars={
                        "loss": 2.0 * 0.99**step + 0.1,
                        "accuracy": 1 - 0.99**step,
                        "val_loss": 2.0 * 0.99**step + 0.2,
                    },
                    walltime=START + step,
                )


def write_wide(logdir: Path) -> None:
    """A run of a thousand layers in fifty blocks."""
    rng = np.random.default_rng(0)
    start = {
        f"block_{n // 20:02d}/layer_{n % 20:02d}/kernel": rng.normal(0, 0.3, (4, 2))
        for n in range(WIDE_LAYERS)
    }
    with nnviz_tb.SummaryWriter(logdir / WIDE) as writer:
        for step in range(6):
            moved = {name: kernel + step / 100 for name, kernel in start.items()}
            writer.log_model(moved, step, walltime=START + step)


def write_filters(logdir: Path) -> None:
    """A run whose one layer has hundreds of kernels to be looked at."""
    kernel = np.random.default_rng(3).normal(0, 0.2, (5, 5, 1, FILTER_COUNT))
    with nnviz_tb.SummaryWriter(logdir / FILTERS) as writer:
        for step in (0, 10):
            scaled = {"conv/kernel": kernel * (1 + step)}
            writer.log_model(scaled, step, walltime=START + step)


def write_other(logdir: Path) -> None:
    """A run with another function in a layer's place."""
    inputs = np.random.default_rng(4).normal(0, 1, (SAMPLES, 12))
    with nnviz_tb.SummaryWriter(logdir / OTHER) as writer:
        for step in (0, 10):
            weights = {"encoder/dense_1/kernel": weights_at(SICK, step)["encoder/dense_1/kernel"]}
            given = {"encoder/dense_1": (np.tanh, inputs)}
            writer.log_model(weights, step, activations=given, walltime=START + step)


def slopes_at(step: int) -> Array:
    """What the eight channels of the run of kinds multiply a negative number with."""
    return np.linspace(0.0, 0.35, 8) + step / 100


def kinds_inputs() -> Array:
    """The batch that the run of kinds was logged with, ``[samples, 6]``."""
    return np.random.default_rng(5).normal(0, 1, (SAMPLES, 6)).astype(np.float32)


def write_kinds(logdir: Path) -> Any:
    """A run whose functions are of several kinds; the network as it was at the last step."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    network = nn.Sequential()
    network.add_module("first", nn.Linear(6, 8))
    network.add_module("channels", nn.PReLU(8))
    network.add_module("second", nn.Linear(8, 8))
    network.add_module("slope", nn.PReLU(1))
    network.add_module("head", nn.Linear(8, 4))
    network.add_module("classes", nn.Softmax(-1))
    with nnviz_tb.SummaryWriter(logdir / KINDS) as writer, torch.no_grad():
        for step in KIND_STEPS:
            network.channels.weight.copy_(torch.from_numpy(slopes_at(step)))
            network.slope.weight.fill_(0.1 + step / 100)
            batch = torch.from_numpy(kinds_inputs())
            writer.log_model(network, step, inputs=batch, walltime=START + step)
    return network
