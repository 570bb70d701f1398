"""The figures that findings rest on, read back from a real log, against loops over plain numbers.

Dead, saturated, dormant; update ratio, displacement, distance, norms; inputs outside the zones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnviz_tb
from nnviz_tb.health import LayerSeries
from nnviz_tb.layers import Activation, Layer
from nnviz_tb.offline.logdir import open_log

FAN_IN, NEURONS, SAMPLES, STEPS = 5, 7, 60, 14
WINDOW = 10
"""Logged steps over which units are called dead."""
Matrix = list[list[float]]


def relu(x: Any) -> Any:
    return np.maximum(x, 0.0)


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def slope_of_sigmoid(x: float) -> float:
    return math.exp(-x) / (1.0 + math.exp(-x)) ** 2


def slope_of_tanh(x: float) -> float:
    return 1.0 - math.tanh(x) ** 2


def training(seed: int) -> list[dict[str, Matrix]]:
    """Kernels, gradients, updates and inputs of each step, as float32 holds them."""
    draw = np.random.default_rng(seed)
    kernel = draw.normal(0, 0.5, (FAN_IN, NEURONS))
    # Some neurons fall silent on the way, some are rarely active.
    centre = np.linspace(-4.0, 3.0, NEURONS)
    steps = []
    for step in range(STEPS):
        update = draw.normal(0, 10.0 ** draw.uniform(-5, 0), (FAN_IN, NEURONS))
        inputs = draw.normal(centre - 0.1 * step, 1.5, (SAMPLES, NEURONS))
        gradient = draw.normal(0, 10.0 ** draw.uniform(-6, 1), (FAN_IN, NEURONS))
        arrays = {"kernel": kernel, "update": update, "inputs": inputs, "gradient": gradient}
        steps.append({name: array.astype(np.float32).tolist() for name, array in arrays.items()})
        kernel = kernel + update
    return steps


def logged(directory: Path, steps: list[dict[str, Matrix]], function: Any) -> LayerSeries:
    """The layer as it is read back from a log of these steps."""
    with nnviz_tb.SummaryWriter(directory) as writer:
        for step, of in enumerate(steps):
            arrays = {name: np.array(values, np.float32) for name, values in of.items()}
            activation = Activation(
                function.__name__,
                function,
                inputs=arrays["inputs"],
                outputs=function(arrays["inputs"]),
            )
            layer = Layer(
                "dense",
                "Dense",
                kernel=arrays["kernel"],
                kernel_shape=(FAN_IN, NEURONS),
                gradient=arrays["gradient"],
                update=arrays["update"],
                parameters=FAN_IN * NEURONS,
                activation=activation,
            )
            writer.log_layers([layer], step)
    (layers,) = open_log(directory).run_series(".").layers
    return layers


def norm(matrix: Matrix) -> float:
    total = 0.0
    for row in matrix:
        for value in row:
            total += value * value
    return math.sqrt(total)


def gap(after: Matrix, before: Matrix) -> float:
    rows = zip(after, before, strict=True)
    return norm([[a - b for a, b in zip(row, old, strict=True)] for row, old in rows])


@pytest.fixture(params=range(3))
def steps(request: pytest.FixtureRequest) -> list[dict[str, Matrix]]:
    return training(request.param)


def test_ratios_of_norms_are_those_of_a_double_loop(
    tmp_path: Path, steps: list[dict[str, Matrix]]
) -> None:
    series = logged(tmp_path, steps, relu)
    kernels = [of["kernel"] for of in steps]
    updates = []
    for of in steps:
        before = [
            [w - d for w, d in zip(row, change, strict=True)]
            for row, change in zip(of["kernel"], of["update"], strict=True)
        ]
        updates.append(norm(of["update"]) / norm(before))
    expected = {
        "weight_norm": [norm(kernel) for kernel in kernels],
        "gradient_norm": [norm(of["gradient"]) for of in steps],
        "displacement": [
            gap(kernels[place], kernels[place - 1]) / norm(kernels[place - 1])
            if place
            else math.nan
            for place in range(STEPS)
        ],
        "distance": [gap(kernel, kernels[0]) / norm(kernels[0]) for kernel in kernels],
        "update_ratio": updates,
    }
    for name, values in expected.items():
        read = series.values(name).tolist()
        assert read == pytest.approx(values, rel=2e-5, abs=1e-9, nan_ok=True), name


def test_dead_units_are_those_rarely_active_over_all_samples_of_the_window(
    tmp_path: Path, steps: list[dict[str, Matrix]]
) -> None:
    series = logged(tmp_path, steps, relu)
    seen_at = series.values("window_sample_count").tolist()
    for place, read in enumerate(series.values("dead_share").tolist()):
        rows = int(seen_at[place]) // SAMPLES
        dead = 0
        for neuron in range(NEURONS):
            active = 0
            for of in steps[place + 1 - rows : place + 1]:
                for sample in of["inputs"]:
                    active += max(sample[neuron], 0.0) > 0.0
            dead += active / (rows * SAMPLES) < 0.01
        assert read == pytest.approx(dead / NEURONS)
        assert rows == min(place + 1, WINDOW)
    shares = series.values("dead_share")
    assert 0.0 < shares.max() < 1.0


@pytest.mark.parametrize(
    ("function", "slope", "steepest"),
    [(np.tanh, slope_of_tanh, 1.0), (sigmoid, slope_of_sigmoid, 0.25)],
)
def test_saturated_samples_are_those_of_a_small_slope(
    tmp_path: Path,
    steps: list[dict[str, Matrix]],
    function: Any,
    slope: Callable[[float], float],
    steepest: float,
) -> None:
    series = logged(tmp_path, steps, function)
    near = 0
    for place, read in enumerate(series.values("saturated_share").tolist()):
        saturated = unsure = 0
        for sample in steps[place]["inputs"]:
            for x in sample:
                relative = slope(x) / (0.05 * steepest)
                saturated += relative < 1.0
                # The zones' borders are found on a grid; a sample on one may fall on either side.
                unsure += abs(relative - 1.0) < 0.02
        total = SAMPLES * NEURONS
        assert abs(read - saturated / total) <= unsure / total + 1e-6
        near += unsure
    assert near < 0.01 * STEPS * SAMPLES * NEURONS
    assert series.values("saturated_share").max() > 0.1


def test_dormant_neurons_put_out_a_fortieth_of_the_mean(
    tmp_path: Path, steps: list[dict[str, Matrix]]
) -> None:
    series = logged(tmp_path, steps, relu)
    for place, read in enumerate(series.values("dormant_share").tolist()):
        means = []
        for neuron in range(NEURONS):
            total = 0.0
            for sample in steps[place]["inputs"]:
                total += abs(max(sample[neuron], 0.0))
            means.append(total / SAMPLES)
        of_layer = sum(means) / NEURONS
        dormant = sum(mean / of_layer <= 0.025 for mean in means)
        assert read == pytest.approx(dormant / NEURONS)
    assert series.values("dormant_share").max() > 0.0


def test_inputs_outside_are_those_that_the_function_maps_flat(
    tmp_path: Path, steps: list[dict[str, Matrix]]
) -> None:
    series = logged(tmp_path, steps, relu)
    for place, read in enumerate(series.values("outside_share").tolist()):
        flat = 0
        for sample in steps[place]["inputs"]:
            for x in sample:
                flat += x <= 0.0
        assert read == pytest.approx(flat / (SAMPLES * NEURONS), abs=1e-6)
