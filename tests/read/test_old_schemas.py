"""Runs of every schema version that was ever written, kept for ever, through both readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard_process import TensorBoard

from nnviz_tb import schema
from nnviz_tb.definitions import LAYER_FIELDS, NEURON_STATISTICS, RUN_FIELDS, SUMMARY_FIELDS

GOLDEN = Path(__file__).parents[1] / "golden"
VERSIONS = sorted(path.name for path in GOLDEN.glob("schema-*"))
LAYERS = ("encoder/dense", "encoder/relu")


def expected(version: str) -> dict[str, Any]:
    """``{run: {"stored": {tag: …}, "computed": {step: …}}}``."""
    loaded: dict[str, Any] = json.loads((GOLDEN / version / "expected.json").read_text())
    return loaded


CASES = [(version, run) for version in VERSIONS for run in sorted(expected(version))]
TAGS = [(*case, tag) for case in CASES for tag in expected(case[0])[case[1]]["stored"]]


def numbers(stored: Any) -> np.ndarray:
    """Nested lists, in which ``NaN`` and the infinities are words, as float64."""
    return np.vectorize(float, otypes=[np.float64])(np.array(stored, dtype=object))


def question(tag: str) -> tuple[str, dict[str, str]]:
    """The route and the parameters that ask for what a tag holds."""
    kind, layer = schema.parse_tag(tag) or ("run", "")
    if kind == "run":
        return "run", {}
    if kind == "summary":
        array = next(layer[len(name) + 1 :] for name in LAYERS if layer.startswith(name + "/"))
        return "summary", {"layer": layer[: -len(array) - 1], "array": array}
    if kind in ("density", "output"):
        return "density", {"layer": layer, "of": "input" if kind == "density" else "output"}
    if kind in NEURON_STATISTICS:
        return "neurons", {"layer": layer, "statistic": kind}
    return {"sketch": "path"}.get(kind, kind), {"layer": layer}


def test_there_are_files_of_every_version_up_to_the_present_one() -> None:
    wanted = [f"schema-{version}" for version in range(1, schema.SCHEMA_VERSION + 1)]
    assert wanted == VERSIONS


@pytest.mark.parametrize(("version", "run", "tag"), TAGS)
def test_every_tag_is_answered_with_the_numbers_that_were_stored(
    board: TensorBoard, version: str, run: str, tag: str
) -> None:
    stored = expected(version)[run]["stored"][tag]
    route, parameters = question(tag)
    reply = board.get(route, run=f"{version}/{run}", **parameters)
    assert reply.status == 200, reply.body
    meta, arrays = reply.arrays
    assert meta["skipped"] == []
    np.testing.assert_array_equal(arrays["steps"], stored["steps"])
    np.testing.assert_array_equal(arrays["wall_times"], stored["wall_times"])
    if route in ("layer", "summary", "run"):
        fields = {"layer": LAYER_FIELDS, "summary": SUMMARY_FIELDS, "run": RUN_FIELDS}[route]
        rows = numbers(stored["values"])
        assert meta["fields"] == list(fields)
        np.testing.assert_array_equal(arrays["values"][: rows.shape[1]].T, rows)
    elif route == "neurons":
        rows, tracked = numbers(stored["values"]), arrays["neurons"].size
        np.testing.assert_array_equal(arrays["values"].T, rows[:, :tracked])
        if rows.shape[1] > tracked:
            np.testing.assert_array_equal(arrays["quantiles"].T, rows[:, tracked : tracked + 9])
    elif route == "curve":
        rows = numbers(stored["values"])
        np.testing.assert_array_equal(arrays["x"], rows[:, 0])
        np.testing.assert_array_equal(arrays["f"][:, 0], rows[:, 1])
        np.testing.assert_array_equal(arrays["slope"][:, 0], rows[:, 2])
    elif route == "density":
        np.testing.assert_array_equal(
            arrays["counts"].sum(axis=1), [sum(row[5:]) for row in stored["values"]]
        )
        np.testing.assert_array_equal(arrays["nonfinite"], [row[1:4] for row in stored["values"]])


@pytest.mark.parametrize(("version", "run"), CASES)
def test_the_figures_are_those_of_the_weights_that_were_logged(
    board: TensorBoard, version: str, run: str
) -> None:
    name = f"{version}/{run}"
    computed = expected(version)[run]["computed"].values()
    for statistic in ("weight_norm", "bias"):
        ask = {"run": name, "layer": "encoder/dense", "statistic": statistic}
        arrays = board.get("neurons", **ask).arrays[1]
        neurons = np.array([step[statistic] for step in computed])[:, arrays["neurons"]]
        np.testing.assert_allclose(arrays["values"].T, neurons, rtol=1e-5)
    layer = board.get("layer", run=name, layer="encoder/dense").arrays[1]
    quantiles = np.array([step["kernel_quantiles"] for step in computed])
    # Of more numbers than a few they come from float-bit buckets, an eighth of their value wide.
    np.testing.assert_allclose(layer["values"][:9].T, quantiles, rtol=1 / 8)
    np.testing.assert_allclose(layer["values"][[0, 8]].T, quantiles[:, [0, 8]], rtol=1e-6)
    density = board.get("density", run=name, layer="encoder/relu", of="input").arrays[1]
    np.testing.assert_array_equal(
        density["counts"].sum(axis=1), [step["finite_inputs"] for step in computed]
    )
    np.testing.assert_array_equal(
        density["nonfinite"], [step["nonfinite_inputs"] for step in computed]
    )
    loss = board.get("scalars", run=name, tag="loss").arrays[1]
    np.testing.assert_allclose(loss["values"], [step["loss"] for step in computed], rtol=1e-6)
    entry = board.run_entry(name)
    assert entry is not None
    assert entry["problems"] == []
    assert [found["name"] for found in entry["layers"]] == list(LAYERS)
    if run == "small":
        for neuron in (0, 19):
            ask = {"run": name, "layer": "encoder/dense", "neuron": neuron}
            kept = board.get("weights", **ask).arrays[1]["values"].T
            weights = [np.float32(step["weights"][neuron]) for step in computed]
            np.testing.assert_array_equal(kept, weights)
