"""Arrays that are sharded over devices and hosts are recorded as if they were whole."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow
EXACT = ("first/", "second/", "nnviz/weight_min/", "nnviz/weight_max/", "nnviz/bias/")


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-4000:]
    return output


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of one network: ``whole``, ``sharded`` over one host, and ``sharded`` over two."""
    directory = tmp_path_factory.mktemp("sharded")
    finished(start("sharded.py", directory))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hosts = [start("sharded.py", directory / "hosts", rank, port) for rank in range(2)]
    try:
        for process in hosts:
            finished(process)
    finally:
        for process in hosts:
            process.kill()
    return directory


def rows_of(directory: Path) -> dict[tuple[str, int], Any]:
    events = EventAccumulator(str(directory), {"tensors": 0}).Reload()
    return {
        (tag, event.step): tensor_util.make_ndarray(event.tensor_proto)
        for tag in events.Tags()["tensors"]
        for event in events.Tensors(tag)
    }


@pytest.mark.parametrize("place", ["sharded", "hosts/sharded"])
def test_sharded_weights_give_the_record_of_whole_ones(logs: Path, place: str) -> None:
    whole, sharded = rows_of(logs / "whole"), rows_of(logs / place)
    whole = {key: row for key, row in whole.items() if key[0] != "nnviz/run"}
    assert whole.keys() == sharded.keys() - {("nnviz/run", step) for step in range(3)}
    for key, row in whole.items():
        if key[0].startswith(EXACT):
            np.testing.assert_array_equal(sharded[key], row, err_msg=str(key))
        else:
            np.testing.assert_allclose(sharded[key], row, 2e-6, 2e-6, err_msg=str(key))
    assert {("first/kernel", 0), ("second/kernel_gradient", 2), ("nnviz/weights/first", 1)} <= {
        *whole
    }
    assert {("nnviz/displacement/second", 1), ("nnviz/density/first", 2)} <= {*whole}


def test_one_process_writes_what_all_of_them_reduce(logs: Path) -> None:
    assert len([*(logs / "hosts" / "sharded").glob("events.*")]) == 1


def test_no_device_and_no_host_ever_holds_a_sharded_weight_whole(tmp_path: Path) -> None:
    told = json.loads(finished(start("shards_stay.py", tmp_path)))
    assert len(told["held"]) == 12
    assert max(told["held"].values()) <= told["weight"] // 4
    assert told["held when gathered"] == told["weight"]
    # What is recorded of it, and what Python needs to do so, in entries of four bytes.
    assert told["allocated"] < told["weight"] // 2
