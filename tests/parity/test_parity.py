"""The same weights and the same batch give the same figures in every framework.

Every log is written by a process of its own, in which no other framework can be imported: so these
also show that everything works where one framework is installed alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from nnviz_tb.definitions import LAYER_FIELDS
from nnviz_tb.reading.densities import aligned, frame_of

HERE = Path(__file__).resolve().parent
LAYERS = ("conv", "hidden", "head")
FRAMEWORKS = (
    "numpy", "keras_tensorflow", "keras_torch", "keras_jax", "torch", "jax", "flax", "equinox",
)  # fmt: skip
OTHERS = FRAMEWORKS[1:]
ACTIVATIONS = (("conv", "relu"), ("hidden", "tanh"))
"""Names under which the two activations may stand: of their layer, or of the function."""

pytestmark = pytest.mark.slow


class Log:
    """A log as TensorBoard reads it."""

    def __init__(self, directory: Path, imported: set[str]) -> None:
        self.imported = imported
        self._events = EventAccumulator(str(directory), {"tensors": 0}).Reload()
        self.tags = set(self._events.Tags()["tensors"])

    def row(self, *tags: str) -> Any:
        """The array of the first of these tags that there is."""
        tag = next((tag for tag in tags if tag in self.tags), None)
        assert tag is not None, f"none of {tags} among {sorted(self.tags)}"
        (event,) = self._events.Tensors(tag)
        return tensor_util.make_ndarray(event.tensor_proto)

    def figure(self, name: str, *layers: str) -> float:
        """One figure of the first of these layers for which it is known."""
        rows = [self.row(f"nnviz/layer/{layer}") for layer in layers if self.has(layer)]
        known = [float(row[list(LAYER_FIELDS).index(name)]) for row in rows]
        return next(value for value in known if not np.isnan(value))

    def has(self, layer: str) -> bool:
        return f"nnviz/layer/{layer}" in self.tags


def write(framework: str, directory: Path) -> Log:
    done = subprocess.run(
        [sys.executable, str(HERE / "networks.py"), framework, str(directory)],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return Log(directory, set(done.stdout.split()))


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Log]]:
    directory = tmp_path_factory.mktemp("parity")
    with ThreadPoolExecutor(2) as pool:
        written = pool.map(lambda name: write(name, directory / name), FRAMEWORKS)
        yield dict(zip(FRAMEWORKS, written, strict=True))


@pytest.mark.parametrize(
    ("framework", "needed"),
    [
        ("numpy", set()),
        ("keras_tensorflow", {"keras", "tensorflow"}),
        ("keras_torch", {"keras", "torch"}),
        ("keras_jax", {"keras", "jax", "jaxlib"}),
        ("torch", {"torch"}),
        ("jax", {"jax", "jaxlib"}),
        ("flax", {"jax", "jaxlib", "flax", "optax"}),
        ("equinox", {"jax", "jaxlib", "equinox"}),
    ],
)
def test_a_model_is_logged_where_its_framework_is_the_only_one(
    logs: dict[str, Log], framework: str, needed: set[str]
) -> None:
    assert logs[framework].imported <= needed
    assert logs[framework].imported >= needed - {"optax"}
    assert all(logs[framework].has(layer) for layer in LAYERS)


@pytest.mark.parametrize("framework", OTHERS)
@pytest.mark.parametrize("layer", LAYERS)
def test_histograms_are_equal_exactly(logs: dict[str, Log], framework: str, layer: str) -> None:
    for names in (("kernel", "weight"), ("bias",)):
        rows = [
            log.row(*(f"{layer}/{name}" for name in names))
            for log in (logs["numpy"], logs[framework])
        ]
        np.testing.assert_array_equal(*rows)
        assert rows[0][:, 2].sum() > 0


@pytest.mark.parametrize("framework", OTHERS)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    "statistic",
    ["weight_norm", "weight_mean", "weight_std", "weight_min", "weight_max", "bias", "distance"],
)
def test_statistics_of_neurons_are_equal(
    logs: dict[str, Log], framework: str, layer: str, statistic: str
) -> None:
    tag = f"nnviz/{statistic}/{layer}"
    expected = logs["numpy"].row(tag)
    np.testing.assert_allclose(logs[framework].row(tag), expected, rtol=1e-6, atol=1e-7)
    assert expected.shape == ({"conv": 8, "hidden": 12, "head": 4}[layer],)


@pytest.mark.parametrize("framework", OTHERS)
@pytest.mark.parametrize("names", ACTIVATIONS)
def test_curves_are_equal(logs: dict[str, Log], framework: str, names: tuple[str, ...]) -> None:
    tags = [f"nnviz/curve/{name}" for name in names]
    expected = logs["numpy"].row(*tags)
    found = logs[framework].row(*tags)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6, atol=1e-6)
    # The slope is a difference quotient, of a function that the framework computes in float32.
    np.testing.assert_allclose(found[2], expected[2], atol=2e-4)


@pytest.mark.parametrize("framework", OTHERS)
@pytest.mark.parametrize("names", ACTIVATIONS)
@pytest.mark.parametrize("series", ["density", "output"])
def test_densities_are_equal_but_for_samples_at_a_border(
    logs: dict[str, Log], framework: str, names: tuple[str, ...], series: str
) -> None:
    tags = [f"nnviz/{series}/{name}" for name in names]
    rows = [logs["numpy"].row(*tags), logs[framework].row(*tags)]
    width = max(row.size for row in rows)
    padded = np.stack([np.pad(row, (0, width - row.size)) for row in rows])
    counts = aligned(padded, frame_of(padded))
    assert counts[0].sum() == counts[1].sum() == {"conv": 16384, "hidden": 384}[names[0]]
    # Rounding may take a sample over the border to the next bucket, and no further.
    moved = np.abs(np.cumsum(counts[0] - counts[1], dtype=np.float64))
    assert moved.max() <= 2


@pytest.mark.parametrize("framework", OTHERS)
def test_what_the_probe_batch_shows_of_neurons_is_equal(
    logs: dict[str, Log], framework: str
) -> None:
    for statistic, names, samples in (
        ("activity", ACTIVATIONS[0], 2048),
        ("saturation", ACTIVATIONS[1], 32),
        ("dormancy", ACTIVATIONS[0], None),
        ("dormancy", ACTIVATIONS[1], None),
    ):
        tags = [f"nnviz/{statistic}/{name}" for name in names]
        expected, found = logs["numpy"].row(*tags), logs[framework].row(*tags)
        tolerance = 1e-4 if samples is None else 1.5 / samples
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("framework", OTHERS)
def test_figures_of_layers_are_equal(logs: dict[str, Log], framework: str) -> None:
    for name in ("weight_norm", "weight_mean", "weight_std"):
        for layer in LAYERS:
            assert logs[framework].figure(name, layer) == pytest.approx(
                logs["numpy"].figure(name, layer), rel=1e-6, abs=1e-7
            )
    for name in ("input_mean", "input_std", "sample_count"):
        for names in ACTIVATIONS:
            assert logs[framework].figure(name, *names) == pytest.approx(
                logs["numpy"].figure(name, *names), rel=1e-4, abs=1e-6
            )
