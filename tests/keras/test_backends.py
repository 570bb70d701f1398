"""Keras on the torch and the JAX backend, where TensorFlow cannot be imported."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

pytestmark = pytest.mark.slow
BACKENDS = {"torch": {"keras", "torch"}, "jax": {"keras", "jax", "jaxlib"}}


@dataclass
class Training:
    """A training in a process of its own."""

    backend: str
    directory: Path
    imported: set[str]
    losses: list[float]

    def rows(self, run: str, tag: str) -> list[tuple[int, Any]]:
        events = EventAccumulator(str(self.directory / run), {"tensors": 0}).Reload()
        return [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]


@pytest.fixture(scope="module", params=[*BACKENDS])
def training(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Training:
    directory = tmp_path_factory.mktemp(request.param)
    script = Path(__file__).with_name("fit_alone.py")
    done = subprocess.run(
        [sys.executable, str(script), request.param, str(directory)],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    imported, losses = done.stdout.splitlines()[-2:]
    return Training(
        request.param, directory, set(imported.split()), [float(loss) for loss in losses.split()]
    )


def test_logging_and_training_import_the_backend_and_nothing_else(training: Training) -> None:
    assert training.imported == BACKENDS[training.backend]


def test_every_layer_is_logged_with_what_reached_its_activation(training: Training) -> None:
    for run in ("once", "fit"):
        for layer in ("conv", "norm", "hidden", "head"):
            assert training.rows(run, f"nnviz/layer/{layer}")
        for layer in ("conv", "hidden", "head"):
            _, density = training.rows(run, f"nnviz/density/{layer}")[0]
            samples = {"conv": 16 * 36 * 4, "hidden": 16 * 6, "head": 16 * 2}[layer]
            assert density[5:].sum() == samples


def test_fit_logs_the_first_and_every_step_and_the_losses_that_keras_reports(
    training: Training,
) -> None:
    assert [step for step, _ in training.rows("fit", "nnviz/layer/conv")] == [*range(9)]
    losses = {step: float(row) for step, row in training.rows("fit", "loss")}
    np.testing.assert_allclose([losses[4], losses[8]], training.losses, rtol=1e-5)


def test_update_ratios_are_those_of_single_steps(training: Training) -> None:
    rows = training.rows("fit", "nnviz/update_ratio/hidden")
    assert [step for step, _ in rows] == [*range(1, 9)]
    # Adam moves each weight by about its learning rate of 1e-3 in a step.
    assert all(np.all((row > 1e-5) & (row < 1e-1)) for _, row in rows)


def test_steps_between_logged_ones_are_counted_and_the_rate_is_that_of_the_step(
    training: Training,
) -> None:
    assert [step for step, _ in training.rows("sparse", "nnviz/layer/conv")] == [0, 3, 6, 8]
    ratios = training.rows("sparse", "nnviz/update_ratio/hidden")
    assert [step for step, _ in ratios] == [3, 6, 8]
    rates = {step: float(row) for step, row in training.rows("sparse", "learning_rate")}
    assert rates == pytest.approx({step: 0.1 * 0.5**step for step in (0, 3, 4, 6, 8)}, rel=1e-5)
    assert [step for step, _ in training.rows("seldom", "nnviz/layer/conv")] == [8, 12]


def test_a_layer_inside_a_traced_function_costs_only_its_own_samples(training: Training) -> None:
    assert [step for step, _ in training.rows("rematted", "nnviz/layer/inner")] == [0, 2, 4]
    assert training.rows("rematted", "nnviz/density/outer")
    seen = contextlib.nullcontext() if training.backend == "torch" else pytest.raises(KeyError)
    with seen:
        assert training.rows("rematted", "nnviz/density/inner")
