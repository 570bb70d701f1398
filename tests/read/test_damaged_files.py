"""Event files cut at every byte and with a bit of every byte flipped, through both readers.

What TensorBoard itself makes of a damaged file differs: its Python reader checks every checksum and
stops at the first that is wrong, its Rust server does not look at those of the data. So what a
flipped bit does to a number may be seen; it must not reach another run, step or series.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import synthetic_log as synthetic
import tensorboard_process
from board_log import bias_row
from google.protobuf.message import DecodeError
from synthetic_log import Log, framed
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins import base_plugin
from tensorboard_process import Reply, TensorBoard
from test_stored import SCOPE, multiplexed

from nnviz_tb.reading.faults import BadDataError, NotFoundError
from nnviz_tb.reading.plugin import Plugin

QUESTION = {"layer": "dense", "statistic": "bias"}
FIRST = np.zeros(synthetic.NEURONS, np.float32)


def two_steps(folder: Path) -> tuple[bytes, int]:
    """``(an event file of two steps, where the last record begins)``."""
    log = Log(folder)
    log.step(0, bias_row(0, 0.0))
    start = log.path.stat().st_size
    bias = bias_row(1, 0.0)["nnviz/bias/dense"]
    log.step(1, {"nnviz/bias/dense": bias})
    return log.path.read_bytes(), start


def put(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1790000000.host").write_bytes(content)


def flipped(content: bytes, place: int) -> bytes:
    """With one bit of the byte at ``place`` the other way round, another bit in every byte."""
    changed = bytearray(content)
    changed[place] ^= 1 << place % 8
    return bytes(changed)


@pytest.fixture(scope="module")
def damaged(loader: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """A run ``cut/N`` for every length, a run ``flip/N`` for every byte, and ``good``."""
    whole, start = two_steps(tmp_path_factory.mktemp("whole"))
    logdir = tmp_path_factory.mktemp("damaged")
    for length in range(start, len(whole) + 1):
        put(logdir / "cut" / str(length), whole[:length])
    for place in range(len(whole)):
        put(logdir / "flip" / str(place), flipped(whole, place))
    put(logdir / "good", whole)
    server = tensorboard_process.start(loader, logdir)
    server.logdir = logdir
    try:
        server.wait_for_step("good", 1)
        server.wait_for_step(f"cut/{len(whole)}", 1)
        server.wait_for_step(f"cut/{start}", 0)
        yield server
    finally:
        server.close()


def runs(board: TensorBoard, kind: str) -> list[int]:
    return sorted(int(path.name) for path in (board.logdir / kind).iterdir())


def ask(board: TensorBoard, run: str) -> Reply:
    return board.get("neurons", run=run, **QUESTION)


def test_a_file_cut_at_any_byte_of_its_last_record_keeps_all_before_it(
    damaged: TensorBoard,
) -> None:
    lengths = runs(damaged, "cut")
    assert len(lengths) > 60
    for length in lengths:
        reply = ask(damaged, f"cut/{length}")
        assert reply.status == 200, (length, reply.body)
        meta, arrays = reply.arrays
        assert meta["skipped"] == [], length
        # Without its checksum the last record is all there: a reader may take it.
        steps = [0, 1] if arrays["steps"].size == 2 else [0]
        assert steps == [0] or length >= lengths[-1] - 4, length
        assert steps == [0, 1] or length < lengths[-1], length
        np.testing.assert_array_equal(arrays["steps"], steps, str(length))
        np.testing.assert_array_equal(arrays["values"].T, [FIRST + step for step in steps])


def test_a_flipped_bit_anywhere_is_an_answer_or_a_fault_and_nothing_worse(
    damaged: TensorBoard,
) -> None:
    places = runs(damaged, "flip")
    statuses = set()
    for place in places:
        reply = ask(damaged, f"flip/{place}")
        statuses.add(reply.status)
        if reply.status == 200:
            meta, arrays = reply.arrays
            assert arrays["values"].shape[1] == arrays["steps"].size <= 2, place
            assert all(sentence.isprintable() for sentence in meta["skipped"])
        else:
            assert reply.status in (404, 422), (place, reply.body)
            assert sorted(reply.json["error"]) == ["code", "message", "status"]
    assert statuses >= {200, 404}


def test_the_catalogue_of_more_than_500_runs_is_sound_and_good_runs_are_whole(
    damaged: TensorBoard,
) -> None:
    reply = damaged.get("catalogue")
    assert reply.status == 200
    entries = {entry["name"]: entry for entry in reply.json["runs"]}
    assert len(entries) > 500
    assert set(entries) >= {f"cut/{length}" for length in runs(damaged, "cut")}
    assert len(json.dumps(entries)) < 4_000_000
    assert entries["good"]["problems"] == []
    np.testing.assert_array_equal(
        ask(damaged, "good").arrays[1]["values"].T, np.stack([FIRST, FIRST + 1])
    )


def test_the_overview_and_the_findings_of_damaged_runs_are_answers_or_faults(
    damaged: TensorBoard,
) -> None:
    for place in runs(damaged, "flip")[::5]:
        assert damaged.get("overview", run=f"flip/{place}").status in (200, 404, 422), place
    assert damaged.get("findings", run="flip/90").status in (200, 404, 422)


def test_a_flipped_bit_under_a_right_checksum_is_an_answer_or_a_fault(tmp_path: Path) -> None:
    """As a faulty writer or disk cache leaves it: here the Python reader takes it too."""
    whole, _ = two_steps(tmp_path / "whole")
    spans = list(records(whole))
    runs = []
    for place in range(len(whole)):
        if any(start <= place < end for start, end in spans):
            damaged = flipped(whole, place)
            contents = [damaged[start:end] for start, end in spans]
            if all(map(is_event, contents)):
                put(tmp_path / "flip" / str(place), b"".join(map(framed, contents)))
                runs.append(str(place))
    assert len(runs) > 500
    plugin = Plugin(base_plugin.TBContext(data_provider=multiplexed(tmp_path / "flip")))
    answered = 0
    for run in runs:
        # Findings look at the listing of all runs each time: those of a few.
        for route in ("overview", "neurons", *(["findings"] if run.endswith("50") else [])):
            place = QUESTION if route == "neurons" else {}
            with suppress(NotFoundError, BadDataError):
                getattr(plugin, f"_{route}")(SCOPE, {"run": run, **place})
                answered += 1
    assert answered > len(runs)


def records(content: bytes) -> Iterator[tuple[int, int]]:
    """Where each TFRecord's own bytes begin and end."""
    start = 12
    while start < len(content):
        (length,) = struct.unpack_from("<Q", content, start - 12)
        yield start, start + length
        start += length + 16


def is_event(content: bytes) -> bool:
    """Whether protobuf parses it; the reader of TensorBoard itself ends where it does not."""
    try:
        event_pb2.Event.FromString(content)
    except DecodeError:
        return False
    return True
