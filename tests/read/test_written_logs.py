"""What our own writer records, read back through a real TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorboard_process
from tensorboard_process import TensorBoard

import nnviz_tb
from nnviz_tb.definitions import LAYER_FIELDS, QUANTILES

STEPS, FAN_IN, NEURONS = 8, 12, 300


def kernel_at(step: int) -> np.ndarray:
    """``float32[FAN_IN, NEURONS]``."""
    return np.random.default_rng(step).standard_normal((FAN_IN, NEURONS)).astype(np.float32)


def inputs_at(step: int) -> np.ndarray:
    """``float32[samples, 16]`` pre-activations."""
    return np.random.default_rng(1000 + step).standard_normal((128, 16)).astype(np.float32)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@pytest.fixture(scope="module")
def written(loader: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir: Path = tmp_path_factory.mktemp("written")
    with nnviz_tb.SummaryWriter(str(logdir / "run")) as writer:
        for step in range(STEPS):
            model = {"encoder/kernel": kernel_at(step), "encoder/bias": kernel_at(step)[0]}
            activations = {"relu": (relu, inputs_at(step))}
            writer.log_model(model, step, activations=activations, scalars={"loss": 1 / (step + 1)})
    server = tensorboard_process.start(loader, logdir)
    try:
        server.wait_for_step("run", STEPS - 1)
        yield server
    finally:
        server.close()


def test_nothing_that_we_write_is_left_out_when_we_read_it(written: TensorBoard) -> None:
    entry = written.run_entry("run")
    assert entry is not None
    assert entry["problems"] == []
    routes = {"weights": "weights", "sketch": "path", "curve": "curve"}
    asked = 0
    for layer in entry["layers"]:
        place = {"run": "run", "layer": layer["name"]}
        questions = [("layer", place)]
        questions += [("summary", {**place, "array": name}) for name in layer["summaries"]]
        for kind in layer["series"]:
            if kind in ("density", "output"):
                of = "input" if kind == "density" else "output"
                questions.append(("density", {**place, "of": of}))
            elif kind in routes:
                questions.append((routes[kind], place))
            else:
                questions.append(("neurons", {**place, "statistic": kind}))
        for route, question in questions:
            meta, arrays = written.get(route, **question).arrays
            assert meta["skipped"] == [], (route, question)
            assert arrays["steps"].size > 0, (route, question)
            asked += 1
    assert asked > 15


def test_weight_norms_are_those_of_numpy(written: TensorBoard) -> None:
    question = {"run": "run", "layer": "encoder", "statistic": "weight_norm"}
    _, arrays = written.get("neurons", **question).arrays
    norms = np.stack(
        [np.linalg.norm(kernel_at(step).astype(np.float64), axis=0) for step in range(STEPS)], 1
    )
    np.testing.assert_allclose(arrays["values"], norms[arrays["neurons"]], rtol=1e-6)
    expected = np.quantile(norms, QUANTILES, axis=0)
    np.testing.assert_allclose(arrays["quantiles"], expected, rtol=1e-6)


def test_raw_weights_are_those_of_the_kernel(written: TensorBoard) -> None:
    _, kept = written.get("weights", run="run", layer="encoder").arrays
    neuron = int(kept["neurons"][-1])
    _, arrays = written.get("weights", run="run", layer="encoder", neuron=neuron).arrays
    expected = np.stack([kernel_at(step)[kept["columns"], neuron] for step in range(STEPS)], 1)
    np.testing.assert_array_equal(arrays["values"], expected)


def test_densities_count_the_inputs_that_came(written: TensorBoard) -> None:
    _, arrays = written.get("density", run="run", layer="relu", of="input").arrays
    for step, counts in enumerate(arrays["counts"]):
        expected, _ = np.histogram(inputs_at(step), arrays["edges"].astype(np.float64))
        np.testing.assert_array_equal(counts, expected)


def test_the_layers_fields_arrive_under_their_names(written: TensorBoard) -> None:
    meta, arrays = written.get("layer", run="run", layer="encoder").arrays
    assert meta["fields"] == list(LAYER_FIELDS)
    row = arrays["values"][meta["fields"].index("weight_max")]
    np.testing.assert_array_equal(row, [kernel_at(step).max() for step in range(STEPS)])
