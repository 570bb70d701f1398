"""Runs that grow, restart and vanish while TensorBoard serves them, and flags that users give."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import synthetic_log as synthetic
import tensorboard_process
from board_log import bias_row
from synthetic_log import Log
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext
from tensorboard_process import TensorBoard
from test_routes import assert_fault
from test_stored import SCOPE, multiplexed

import nnviz_tb
from nnviz_tb.reading import queries
from nnviz_tb.reading.catalogue import contents_json
from nnviz_tb.reading.faults import NotFoundError
from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.reader import Reader
from nnviz_tb.reading.source import Scope

QUESTION = {"layer": "dense", "statistic": "bias"}


def test_a_growing_run_is_followed_step_by_step(board: TensorBoard) -> None:
    log = Log(board.logdir / "growing")
    for step in range(5):
        log.step(step, bias_row(step, 0.0))
    board.wait_for_step("growing", 4)
    meta, arrays = board.get("neurons", run="growing", **QUESTION).arrays
    held = list(arrays["steps"])
    for last in (6, 9):
        for step in range(int(held[-1]) + 1, last + 1):
            log.step(step, bias_row(step, 0.0))
        board.wait_for_step("growing", last)
        follow = {"after": int(held[-1]), "have": meta["key"]}
        meta, arrays = board.get("neurons", run="growing", **QUESTION, **follow).arrays
        assert meta["delta"] is True
        held += list(arrays["steps"])
        np.testing.assert_array_equal(arrays["values"][0], arrays["steps"])
    assert held == list(range(10))


def test_a_run_that_restarts_while_it_is_watched_shows_the_new_steps(board: TensorBoard) -> None:
    log = Log(board.logdir / "watched", 1)
    for step in range(10):
        log.step(step, bias_row(step, 0.0))
    board.wait_for_step("watched", 9)
    meta, _ = board.get("neurons", run="watched", **QUESTION).arrays
    again = Log(board.logdir / "watched", 2)
    for step in range(5, 12):
        again.step(step, bias_row(step, 100.0), wall_time=1790005000.0 + step)
    board.wait_for_step("watched", 11)
    follow = {"after": 9, "have": meta["key"]}
    meta, arrays = board.get("neurons", run="watched", **QUESTION, **follow).arrays
    assert meta["delta"] is False
    np.testing.assert_array_equal(arrays["steps"], np.arange(12))
    np.testing.assert_array_equal(
        arrays["values"][0], [0, 1, 2, 3, 4, *(step + 100 for step in range(5, 12))]
    )


def test_a_run_that_is_deleted_while_it_is_watched_is_not_found(board: TensorBoard) -> None:
    Log(board.logdir / "deleted").step(0, bias_row(0, 0.0))
    board.wait_for_step("deleted", 0)
    meta, _ = board.get("neurons", run="deleted", **QUESTION).arrays
    shutil.rmtree(board.logdir / "deleted")
    board.wait(lambda: board.run_entry("deleted") is None)
    follow = {"after": 0, "have": meta["key"]}
    assert_fault(board.get("neurons", run="deleted", **QUESTION, **follow), 404, "not_found")
    for route in ("contents", "overview", "findings"):
        assert_fault(board.get(route, run="deleted"), 404, "not_found")
    board.wait(lambda: "deleted" not in names_of(board))  # the catalogue may be a second old


def test_a_run_that_is_moved_while_it_is_watched_goes_on_under_its_new_name(
    board: TensorBoard,
) -> None:
    log = Log(board.logdir / "moved")
    for step in range(3):
        log.step(step, bias_row(step, 0.0))
    board.wait_for_step("moved", 2)
    (board.logdir / "moved").rename(board.logdir / "elsewhere")
    log.path = board.logdir / "elsewhere" / log.path.name
    log.step(3, bias_row(3, 0.0))
    board.wait_for_step("elsewhere", 3)
    _, arrays = board.get("neurons", run="elsewhere", **QUESTION).arrays
    np.testing.assert_array_equal(arrays["steps"], np.arange(4))
    board.wait(lambda: board.run_entry("moved") is None)
    assert_fault(board.get("neurons", run="moved", **QUESTION), 404, "not_found")


def test_until_tensorboard_looks_for_a_deleted_folder_it_holds_what_it_has_read(
    tmp_path: Path,
) -> None:
    """Both readers look with every reload; here it is known that there was none."""
    Log(tmp_path / "run").step(0, bias_row(0, 0.0))
    provider = multiplexed(tmp_path)
    reader = Reader(provider)
    reader.series(SCOPE, "run", "bias", "dense")
    shutil.rmtree(tmp_path / "run")
    assert Reader(provider).series(SCOPE, "run", "bias", "dense").steps.tolist() == [0]
    assert reader.heads(SCOPE).runs.keys() == {"run"}
    provider._multiplexer.Reload()
    for one in (reader, Reader(provider)):
        with pytest.raises(NotFoundError):
            one.series(SCOPE, "run", "bias", "dense")
        assert one.heads(SCOPE).runs == {}


def names_of(board: TensorBoard) -> set[str]:
    return {entry["name"] for entry in board.get("catalogue").json["runs"]}


def test_a_record_cut_short_hides_nothing_that_came_before_it(board: TensorBoard) -> None:
    log = Log(board.logdir / "cut")
    log.step(0, bias_row(0, 0.0))
    whole = log.path.stat().st_size
    log.step(1, bias_row(1, 0.0))
    with log.path.open("r+b") as file:
        file.truncate(whole + 40)
    board.wait_for_step("cut", 0)
    meta, arrays = board.get("neurons", run="cut", **QUESTION).arrays
    assert meta["skipped"] == []
    np.testing.assert_array_equal(arrays["steps"], [0])


@pytest.fixture(scope="module")
def flagged(loader: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """Under a path prefix, with the user's own number of samples; two logdirs for ``python``."""
    first = tmp_path_factory.mktemp("first")
    log = Log(first / "run")
    for step in range(40):
        log.step(step, bias_row(step, 0.0), {"loss": step})
    where = f"--logdir={first}"
    if loader == "python":  # only this reader knows --logdir_spec
        second = tmp_path_factory.mktemp("second")
        Log(second).step(0, bias_row(0, 0.0))
        where = f"--logdir_spec=one:{first},two:{second}"
    server = TensorBoard(
        where,
        "--samples_per_plugin=nnviz=7,scalars=5",
        *tensorboard_process.LOADERS[loader],
        prefix="/some/where",
    )
    try:
        server.wait_for_step("one/run" if loader == "python" else "run", 39)
        yield server
    finally:
        server.close()


def test_what_the_user_said_about_samples_stands(flagged: TensorBoard, loader: str) -> None:
    run = "one/run" if loader == "python" else "run"
    meta, arrays = flagged.get("neurons", run=run, **QUESTION).arrays
    assert meta["kept_steps"] == 7
    assert meta["last_step"] == 39
    np.testing.assert_array_equal(arrays["values"][0], arrays["steps"])
    assert flagged.get("scalars", run=run, tag="loss").arrays[0]["kept_steps"] == 5


def test_everything_is_served_below_the_path_prefix(flagged: TensorBoard) -> None:
    assert flagged.address.endswith("/some/where")
    assert flagged.get("index.js").status == 200
    assert flagged.get("catalogue").status == 200


def test_runs_of_several_logdirs_are_listed_by_their_names(
    flagged: TensorBoard, loader: str
) -> None:
    assert names_of(flagged) == ({"one/run", "two/."} if loader == "python" else {"run"})


def test_the_reader_notices_a_reservoir_that_evicts_steps(tmp_path: Path) -> None:
    multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={"nnviz": 10})
    multiplexer.AddRunsFromDirectory(str(tmp_path))
    log = Log(tmp_path / "run")
    reader = Reader(data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path)))
    scope = Scope(RequestContext(), "")
    held: dict[float, float] = {}
    known = None
    for block in range(12):
        for step in range(block * 3, block * 3 + 3):
            log.step(step, {k: v for k, v in synthetic.rows_at(step).items() if "bias/d" in k})
        multiplexer.AddRunsFromDirectory(str(tmp_path))
        multiplexer.Reload()
        series = reader.series(scope, "run", "bias", "dense")
        assert series.steps.size == min(10, 3 * block + 3)
        selection = Selection()
        if known is not None:
            selection = Selection(after=int(max(held)), have=known.meta["key"])
        known = queries.neurons(series, selection)
        if not known.meta["delta"]:
            held = {}
        held.update(zip(known.arrays["steps"], known.arrays["values"][1], strict=True))
        fresh = queries.neurons(series, Selection()).arrays
        assert held == dict(zip(fresh["steps"], fresh["values"][1], strict=True))


def test_a_run_that_went_back_and_ended_early_shows_the_density_of_its_last_step(
    tmp_path: Path,
) -> None:
    """The row that was written last is not that of the last step."""
    with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:
        for step in (*range(10), *range(5)):
            arrays = {"dense/kernel": np.ones((2, 3), np.float32)}
            seen = np.full((16, 3), 0.5 + step)
            writer.log_model(arrays, step, activations={"dense": (np.tanh, seen)})
    reader = Reader(multiplexed(tmp_path))
    tags = reader.run_tags(SCOPE, "run")
    for _ in range(2):  # without and with what the listing has kept
        found = reader.series_of_layers(SCOPE, "run", "density", ["dense"], tags, last_only=True)
        assert found["dense"].steps.tolist() == [9]
        reader.heads(SCOPE)


def test_rows_of_another_width_take_the_place_of_none_that_can_be_read(tmp_path: Path) -> None:
    for width in (4, 6):
        with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:
            for step in range(3):
                writer.log_model({"dense/kernel": np.ones((2, width), np.float32)}, step)
    series = Reader(multiplexed(tmp_path)).series(SCOPE, "run", "weight_norm", "dense")

    assert series.values.shape == (3, 4)
    assert len(series.skipped) == 1


def test_of_more_scalars_than_are_listed_the_losses_are(tmp_path: Path) -> None:
    with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:
        for number in range(1000):
            writer.add_scalar(f"grad_norm/{number:04d}", 1.0, 0)
        writer.add_scalar("train/loss", 1.0, 0)
    held = Reader(multiplexed(tmp_path)).contents(SCOPE, "run")
    entry = json.loads(contents_json("run", *held))

    assert len(entry["scalars"]) == 1000
    assert "train/loss" in {scalar["tag"] for scalar in entry["scalars"]}
    assert any("beyond 1000" in problem for problem in entry["problems"])
