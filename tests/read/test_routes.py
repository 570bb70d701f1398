"""Every route over HTTP, from a real TensorBoard, through both of its readers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import synthetic_log as synthetic
from board_log import LONG_STEPS, MANY_LAYERS, STEPS
from hostile_log import BAD_ROWS, LYING_METADATA, LYING_TENSORS, NAMES, UNBACKED_METADATA
from tensorboard_process import Reply, TensorBoard

import nnviz_tb
from nnviz_tb import buckets
from nnviz_tb.definitions import LAYER_FIELDS, QUANTILES, RUN_FIELDS, SUMMARY_FIELDS
from nnviz_tb.health import KINDS, Thresholds
from nnviz_tb.reading.faults import FAULTS
from nnviz_tb.reading.overview import FIELDS
from nnviz_tb.reading.plugin import ROUTE_PARAMETERS

RUN = "digits/adam"
DOCUMENT = (Path(nnviz_tb.__file__).parent / "http_api.md").read_text(encoding="utf-8")

EXAMPLES: dict[str, dict[str, object]] = {
    "definitions": {},
    "catalogue": {},
    "contents": {"run": RUN},
    "scalars": {"run": RUN, "tag": "loss"},
    "neurons": {"run": RUN, "layer": "dense", "statistic": "weight_norm"},
    "weights": {"run": RUN, "layer": "dense", "neuron": 3},
    "kernels": {"run": RUN, "layer": "dense", "step": 4},
    "density": {"run": RUN, "layer": "dense", "of": "input"},
    "curve": {"run": RUN, "layer": "dense"},
    "layer": {"run": RUN, "layer": "dense"},
    "summary": {"run": RUN, "layer": "dense", "array": "bias"},
    "run": {"run": RUN},
    "path": {"run": RUN, "layer": "dense"},
    "overview": {"run": RUN},
    "findings": {"run": RUN, "thresholds": "window:3,dead_units:0.3"},
}
OVER_STEPS = sorted(set(EXAMPLES) - {"definitions", "catalogue", "contents", "kernels", "findings"})


def documented_parameters(route: str) -> set[str]:
    """Names in the query string of the route's own line in ``http_api.md``."""
    found = re.search(rf"`GET \./{route}(?:\?([^`]*))?`", DOCUMENT)
    assert found, f"http_api.md does not describe {route}"
    return set(re.findall(r"([a-z]+)=", found[1] or ""))


@pytest.mark.parametrize("route", ROUTE_PARAMETERS)
def test_every_route_and_every_parameter_of_it_is_documented(route: str) -> None:
    assert documented_parameters(route) == set(ROUTE_PARAMETERS[route])
    assert f"### {route}\n" in DOCUMENT


def test_every_documented_route_exists() -> None:
    assert set(re.findall(r"^### (\w+)$", DOCUMENT, re.MULTILINE)) == set(ROUTE_PARAMETERS)
    assert set(EXAMPLES) == set(ROUTE_PARAMETERS)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_error_code_is_documented(fault: type) -> None:
    assert f"{fault.status} `{fault.code}`" in DOCUMENT


@pytest.mark.parametrize("route", OVER_STEPS)
def test_every_answer_over_steps_says_what_is_kept(board: TensorBoard, route: str) -> None:
    reply = board.get(route, **EXAMPLES[route])
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/octet-stream"
    meta, arrays = reply.arrays
    assert meta["kept_steps"] == STEPS
    assert (meta["first_step"], meta["last_step"]) == (0, STEPS - 1)
    assert meta["delta"] is False
    assert meta["skipped"] == []
    np.testing.assert_array_equal(arrays["steps"], np.arange(STEPS))
    np.testing.assert_array_equal(arrays["wall_times"], 1790000000.0 + np.arange(STEPS))


@pytest.mark.parametrize("route", [r for r in OVER_STEPS if "have" in ROUTE_PARAMETERS[r]])
def test_every_answer_that_can_be_followed_brings_deltas(board: TensorBoard, route: str) -> None:
    question = EXAMPLES[route]
    full = board.get(route, **question).arrays[0]
    meta, arrays = board.get(route, **question, after=STEPS - 1, have=full["key"]).arrays
    assert meta["delta"] is True
    assert meta["key"] == full["key"]
    assert arrays["steps"].size == 0
    meta, arrays = board.get(route, **question, after=STEPS - 1, have="0123").arrays
    assert meta["delta"] is False
    assert arrays["steps"].size == STEPS


def test_the_catalogue_lists_runs_and_when_they_were_written(board: TensorBoard) -> None:
    runs = {entry["name"]: entry for entry in board.get("catalogue").json["runs"]}
    assert runs[RUN] == {
        "name": RUN,
        "recorded": True,
        "last_step": STEPS - 1,
        "last_wall_time": 1790000000.0 + STEPS - 1,
        "writer": "nnviz_tb test",
        "frameworks": {"numpy": np.__version__},
        "notes": ["a note"],
        "problems": [],
        "start_time": 1790000000.0,
    }
    assert runs["plain"]["recorded"] is False
    assert runs["plain"]["last_wall_time"] == 1790000000.0
    # Of another writer, which logs no row of the run itself.
    assert runs["long"]["recorded"] is True
    assert runs["long"]["last_step"] == LONG_STEPS - 1


def test_the_contents_of_a_run_are_its_entry_and_its_layers_and_series(board: TensorBoard) -> None:
    entry = board.run_entry(RUN)
    assert entry is not None
    last = {"last_step": STEPS - 1, "last_wall_time": 1790000000.0 + STEPS - 1}
    assert entry["scalars"] == [{"tag": "loss", **last}]
    listed = next(one for one in board.get("catalogue").json["runs"] if one["name"] == RUN)
    del listed["start_time"]  # which is told with all runs only
    assert listed.items() <= entry.items()
    assert [layer["name"] for layer in entry["layers"]] == ["dense", "encoder/wide"]
    dense, wide = entry["layers"]
    assert dense["activation"]["function"] == "relu"
    assert dense["kernel_shape"] == [synthetic.FAN_IN, synthetic.NEURONS]
    assert dense["summaries"] == ["bias"]
    assert last.items() <= dense.items()
    assert dense["series"]["bias"] == {"tracked": synthetic.NEURONS, **last}
    assert wide["series"] == {"weight_norm": {"tracked": synthetic.TRACKED, **last}}


@pytest.mark.parametrize("route", ["catalogue", "contents", "definitions", "findings"])
def test_who_has_the_answer_already_is_only_told_so(board: TensorBoard, route: str) -> None:
    url = board.url(route, **EXAMPLES[route])
    full = board.fetch(url)
    again = board.fetch(url, headers={"If-None-Match": full.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == full.headers["ETag"]
    assert again.headers["Cache-Control"] == "no-store"
    other = board.fetch(url, headers={"If-None-Match": 'W/"0123"'})
    assert (other.status, other.body) == (200, full.body)


def test_a_run_without_our_data_is_listed_without_layers(board: TensorBoard) -> None:
    entry = board.run_entry("plain")
    assert entry is not None
    assert entry["layers"] == []
    assert entry["scalars"] == [{"tag": "accuracy", "last_step": 0, "last_wall_time": 1790000000.0}]


def test_scalars_are_those_that_were_written(board: TensorBoard) -> None:
    _, arrays = board.get("scalars", run=RUN, tag="loss").arrays
    expected = np.array([1 / (step + 1) for step in range(STEPS)], np.float32)
    np.testing.assert_array_equal(arrays["values"], expected)


def test_neurons_and_quantiles_of_a_fully_tracked_layer(board: TensorBoard) -> None:
    meta, arrays = board.get("neurons", **EXAMPLES["neurons"]).arrays
    kernels = np.stack([synthetic.weights_at(step) for step in range(STEPS)]).astype(np.float64)
    norms = np.linalg.norm(kernels, axis=1).astype(np.float32)
    np.testing.assert_array_equal(arrays["values"], norms.T)
    np.testing.assert_array_equal(arrays["neurons"], np.arange(synthetic.NEURONS))
    expected = np.quantile(norms.astype(np.float64), QUANTILES, axis=1)
    np.testing.assert_allclose(arrays["quantiles"], expected, rtol=1e-6)
    assert meta["neurons"] == synthetic.NEURONS
    assert "extreme_neurons" not in arrays


def test_quantiles_and_extremes_of_a_sampled_layer_are_over_all_neurons(
    board: TensorBoard,
) -> None:
    question = {"run": RUN, "layer": "encoder/wide", "statistic": "weight_norm"}
    meta, arrays = board.get("neurons", **question).arrays
    assert meta["neurons"] == synthetic.WIDE_NEURONS
    for step in range(STEPS):
        _, values, _ = synthetic.wide_row(step)
        np.testing.assert_array_equal(arrays["values"][:, step], values[arrays["neurons"]])
        expected = np.quantile(values, QUANTILES).astype(np.float32)
        np.testing.assert_array_equal(arrays["quantiles"][:, step], expected)
        extremes = arrays["extreme_neurons"][:, step]
        np.testing.assert_array_equal(arrays["extreme_values"][:, step], values[extremes])
        assert values[extremes].min() == values.min()
        assert values[extremes].max() == values.max()


def test_raw_weights_of_one_neuron(board: TensorBoard) -> None:
    _, arrays = board.get("weights", **EXAMPLES["weights"]).arrays
    expected = np.stack([synthetic.weights_at(step)[:, 3] for step in range(STEPS)], axis=1)
    np.testing.assert_array_equal(arrays["values"], expected)


def test_raw_weights_of_a_whole_layer_at_one_step(board: TensorBoard) -> None:
    for asked, step in ((4, 4), (STEPS + 9, STEPS - 1), (None, STEPS - 1)):
        given = {} if asked is None else {"step": asked}
        _, arrays = board.get("kernels", run=RUN, layer="dense", **given).arrays
        np.testing.assert_array_equal(arrays["steps"], [step])
        np.testing.assert_array_equal(arrays["values"], synthetic.weights_at(step).T)
        np.testing.assert_array_equal(arrays["neurons"], np.arange(arrays["neurons"].size))


def test_densities_add_up_on_common_borders(board: TensorBoard) -> None:
    _, arrays = board.get("density", **EXAMPLES["density"]).arrays
    assert arrays["counts"].shape == (STEPS, arrays["edges"].size - 1)
    for step in range(STEPS):
        row = synthetic.rows_at(step)["nnviz/density/dense"][1]
        assert arrays["counts"][step].sum() == row[5:].sum()
        lowest = buckets.edges(int(row[4]), 1, int(row[0]))[0]
        filled = arrays["edges"][np.flatnonzero(arrays["counts"][step])[0]]
        assert filled <= lowest
        np.testing.assert_array_equal(arrays["nonfinite"][step], row[1:4])


def test_curves_come_with_their_derivative(board: TensorBoard) -> None:
    _, arrays = board.get("curve", **EXAMPLES["curve"]).arrays
    np.testing.assert_array_equal(arrays["f"][:, 0], np.maximum(arrays["x"], 0))
    np.testing.assert_array_equal(arrays["slope"][:, 0], arrays["x"] > 0)


def test_fields_are_named_in_order(board: TensorBoard) -> None:
    for route, names in (("layer", LAYER_FIELDS), ("summary", SUMMARY_FIELDS), ("run", RUN_FIELDS)):
        meta, arrays = board.get(route, **EXAMPLES[route]).arrays
        assert meta["fields"] == list(names)
        assert arrays["values"].shape == (len(names), STEPS)


def test_the_path_explains_variance_and_names_its_neurons(board: TensorBoard) -> None:
    meta, arrays = board.get("path", **EXAMPLES["path"]).arrays
    assert arrays["points"].shape == (synthetic.NEURONS, STEPS, 2)
    rows = np.stack([synthetic.sketch_at(step) for step in range(STEPS)]).reshape(-1, 8)
    eigenvalues = np.linalg.eigvalsh(np.cov(rows.astype(np.float64).T))
    expected = eigenvalues[[-1, -2]] / eigenvalues.sum()
    np.testing.assert_allclose(meta["explained"], expected, rtol=1e-6)


def test_the_overview_has_a_row_for_every_layer(board: TensorBoard) -> None:
    meta, arrays = board.get("overview", run=RUN).arrays
    assert meta["layers"] == ["dense", "encoder/wide"]
    assert meta["fields"] == list(FIELDS)
    _, layer = board.get("layer", **EXAMPLES["layer"]).arrays
    place = [list(LAYER_FIELDS).index(name) for name in FIELDS]
    np.testing.assert_array_equal(arrays["values"][0], layer["values"][place])
    assert arrays["density"].shape == (2, 64)
    assert arrays["density"].max(axis=1).tolist() == [1, 0]
    assert np.isnan(arrays["density_range"][1]).all()


def test_the_overview_shows_the_density_that_held_at_the_step_asked_for(
    board: TensorBoard,
) -> None:
    _, arrays = board.get("overview", run=RUN, step=7, steps=2).arrays
    row = synthetic.rows_at(7)["nnviz/density/dense"][1]
    low, high = arrays["density_range"][0]
    assert low == buckets.edges(int(row[4]), 1, int(row[0]))[0]
    np.testing.assert_array_equal(arrays["steps"], [0, STEPS - 1])
    assert high > low


@pytest.mark.parametrize("step", [7, STEPS - 1, None])
def test_the_overview_tells_what_held_at_the_step_asked_for(
    board: TensorBoard, step: int | None
) -> None:
    asked = {} if step is None else {"step": step}
    meta, arrays = board.get("overview", run=RUN, steps=2, **asked).arrays
    for place, layer in enumerate(meta["layers"]):
        told, series = board.get("layer", run=RUN, layer=layer, steps=10_000).arrays
        until = series["steps"] <= (STEPS if step is None else step)
        for number, field in enumerate(FIELDS):
            row = series["values"][told["fields"].index(field)][until]
            measured = row[~np.isnan(row)]
            expected = measured[-1] if measured.size else np.nan
            np.testing.assert_array_equal(arrays["at"][place, number], expected, f"{layer} {field}")


def test_a_zoomed_overview_has_the_steps_of_the_zoom(board: TensorBoard) -> None:
    _, arrays = board.get("overview", run=RUN, **{"from": 3, "to": 9}).arrays
    np.testing.assert_array_equal(arrays["steps"], np.arange(3, 10))


def test_fifteen_hundred_logged_steps_come_back_as_fifteen_hundred(board: TensorBoard) -> None:
    question = {"run": "long", "layer": "dense", "statistic": "bias"}
    meta, arrays = board.get("neurons", **question, steps=10_000).arrays
    assert meta["kept_steps"] == LONG_STEPS
    np.testing.assert_array_equal(arrays["steps"], np.arange(LONG_STEPS))
    _, reduced = board.get("neurons", **question).arrays
    assert reduced["steps"].size <= 1000
    _, zoomed = board.get("neurons", **question, **{"from": 700, "to": 720}).arrays
    np.testing.assert_array_equal(zoomed["values"], arrays["values"][:, 700:721])


def test_a_restarted_run_replaces_the_steps_it_repeats(board: TensorBoard) -> None:
    question = {"run": "restarted", "layer": "dense", "statistic": "bias"}
    _, arrays = board.get("neurons", **question).arrays
    np.testing.assert_array_equal(arrays["steps"], np.arange(25))
    expected = [*range(10), *range(11, 26)]
    np.testing.assert_array_equal(arrays["values"][0], expected)


def assert_fault(reply: Reply, status: int, code: str) -> str:
    assert reply.status == status, reply.body[:300]
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert list(reply.json) == ["error"]
    error = reply.json["error"]
    assert sorted(error) == ["code", "message", "status"]
    assert (error["status"], error["code"]) == (status, code)
    assert 10 < len(error["message"]) < 1000
    return str(error["message"])


@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_markup_is_only_ever_data(board: TensorBoard, name: str) -> None:
    entry = board.run_entry("names")
    assert entry is not None
    assert name in [layer["name"] for layer in entry["layers"]]
    reply = board.get("neurons", run="names", layer=name, statistic="bias")
    assert reply.arrays[1]["values"].shape == (6, 1)
    missing = board.get("neurons", run=name, layer=name, statistic="bias")
    assert_fault(missing, 404, "not_found")
    assert board.get("scalars", run="names", tag=name).status == 200


def test_bad_rows_are_left_out_and_said(board: TensorBoard) -> None:
    meta, arrays = board.get("neurons", run="rows", layer="dense", statistic="bias").arrays
    np.testing.assert_array_equal(arrays["steps"], [0, 20])
    told = " ".join(meta["skipped"])
    assert "float64" in told
    assert "int32" in told
    assert sum(int(sentence.split()[0]) for sentence in meta["skipped"]) == len(BAD_ROWS)
    np.testing.assert_array_equal(arrays["values"][:3, 1], [np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(arrays["quantiles"][[0, 4, 8], 1], [1, 2, 3])


@pytest.mark.parametrize("name", LYING_TENSORS)
def test_a_tensor_that_contradicts_itself_harms_no_other_series(
    board: TensorBoard, name: str
) -> None:
    reply = board.get("neurons", run="tensors", layer=name, statistic="bias")
    if reply.status == 200:
        meta, arrays = reply.arrays
        assert arrays["steps"].size == 0
        assert meta["skipped"]
    else:  # The Rust server itself drops a tensor without the type of a tensor.
        assert_fault(reply, 404, "not_found")
    good = board.get("neurons", run="tensors", layer="dense", statistic="bias")
    assert good.arrays[1]["steps"].size == 1


@pytest.mark.parametrize("name", LYING_METADATA)
def test_metadata_that_lies_is_refused_in_its_own_place(board: TensorBoard, name: str) -> None:
    reply = board.get("neurons", run="metadata", layer=name, statistic="bias")
    message = assert_fault(reply, 422, "bad_data")
    if name == "a newer schema":
        assert "upgrade nnviz_tb" in message


def test_of_a_tag_that_a_record_holds_twice_the_later_row_counts(board: TensorBoard) -> None:
    _, arrays = board.get("neurons", run="twice", layer="dense", statistic="bias").arrays
    np.testing.assert_array_equal(arrays["steps"], [0, 1, 3])
    np.testing.assert_array_equal(arrays["values"][0], [0, 1, 3])


def test_names_of_a_megabyte_are_counted_and_never_sent(board: TensorBoard) -> None:
    reply = board.get("contents", run="endless names")
    assert len(reply.body) < 10_000
    told = " ".join(reply.json["problems"])
    assert "a layer name of more than 512 characters" in told
    assert "a scalar's tag of more than 4096 characters" in told
    assert [layer["name"] for layer in reply.json["layers"]] == ["dense"]
    assert reply.json["scalars"] == []


def test_a_series_beyond_what_may_be_read_at_once_is_refused_with_what_to_do(
    board: TensorBoard,
) -> None:
    reply = board.get("neurons", run="large", layer="dense", statistic="bias")
    message = assert_fault(reply, 413, "too_large")
    assert "--samples_per_plugin nnviz=" in message
    assert board.get("layer", run="large", layer="dense").arrays[1]["steps"].size == 1


def test_a_run_of_a_thousand_layers_is_listed_drawn_and_judged_whole(board: TensorBoard) -> None:
    entry = board.run_entry("deep")
    assert entry is not None
    names = [layer["name"] for layer in entry["layers"]]
    assert len(set(names)) == MANY_LAYERS
    assert names[123] == "block_12/dense_3"
    meta, arrays = board.get("overview", run="deep").arrays
    assert meta["layers"] == names
    place = meta["fields"].index("displacement")
    np.testing.assert_array_equal(
        arrays["values"][:, place], np.tile(np.float32([0.001, 0.002]), (MANY_LAYERS, 1))
    )
    assert set(board.get("findings", run="deep").json["status"]) >= set(names)


@pytest.mark.parametrize("name", UNBACKED_METADATA)
def test_metadata_that_no_row_bears_out_allocates_nothing(board: TensorBoard, name: str) -> None:
    reply = board.get("neurons", run="metadata", layer=name, statistic="bias")
    meta, arrays = reply.arrays
    assert arrays["values"].shape == (0, 0)
    assert arrays["neurons"].size == 0
    assert "declared as" in meta["skipped"][0]


def test_a_runs_contents_say_what_could_not_be_read_and_show_the_rest(board: TensorBoard) -> None:
    entry = board.run_entry("metadata")
    assert entry is not None
    assert [layer["name"] for layer in entry["layers"]] == ["dense"]
    told = " ".join(entry["problems"])
    assert len(told) < 5000
    assert "upgrade nnviz_tb" in told
    assert "not of this schema" in told
    assert "512 characters" in told


def test_findings_are_those_of_the_rules_over_what_the_log_holds(board: TensorBoard) -> None:
    reply = board.get("findings", run=RUN)
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("application/json")
    content = reply.json
    assert set(content) == {"run", "findings", "not_measured", "judged", "status"}
    assert "frozen_layer" in content["judged"]["dense"]
    reasons = {(entry["kind"], entry["reason"]) for entry in content["not_measured"]}
    assert ("vanishing_gradient", "no_gradients") in reasons
    # One infinite output of an activation, in every row, is said and hides nothing else.
    assert {item["kind"] for item in content["findings"]} == {"nonfinite"}


def test_a_changed_threshold_changes_what_is_found(board: TensorBoard) -> None:
    kinds = [
        {item["kind"] for item in board.get("findings", run=RUN, thresholds=text).json["findings"]}
        for text in ("frozen_layer:1e-8", "frozen_layer:1e6")
    ]
    assert "frozen_layer" not in kinds[0]
    assert "frozen_layer" in kinds[1]


def test_every_kind_and_threshold_is_defined(board: TensorBoard) -> None:
    content = board.get("definitions").json
    assert set(content["findings"]) == set(KINDS)
    assert content["thresholds"]["dead_units"]["default"] == Thresholds().dead_units
