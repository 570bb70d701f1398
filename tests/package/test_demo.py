"""The demo: what the README's first command promises."""

from __future__ import annotations

import importlib
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from demo_process import DemoProcess, demo_command
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from nnviz_tb.definitions import LAYER_FIELDS
from nnviz_tb.schema import tag_of

pytestmark = pytest.mark.slow

SOUND = {"tutorial/adam": "hidden", "digits/adam": "dense_1", "digits_torch/adam": "relu_2"}


def last_figures(logdir: Path, run: str, layer: str) -> dict[str, float]:
    """A layer's figures at the last logged step, read by TensorBoard's own reader."""
    log = EventAccumulator(str(logdir / run), size_guidance={"tensors": 0})
    log.Reload()
    row = tensor_util.make_ndarray(log.Tensors(tag_of("layer", layer))[-1].tensor_proto)
    return dict(zip(LAYER_FIELDS, np.asarray(row, dtype=float).tolist(), strict=True))


def test_the_command_needs_nothing_but_the_standard_library(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(root / "demo" / "run.py"), "--help"],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert {"--no-serve", "--port", "--logdir", "--epochs"} <= set(done.stdout.split())


def test_seven_runs_are_trained_with_at_least_200_logged_steps_each(demo: DemoProcess) -> None:
    runs = [run["name"] for run in demo.catalogue()]

    assert len(runs) == 7
    for name in runs:
        kept = [
            demo.kept_steps(name, layer["name"], "weight_norm")
            for layer in demo.contents(name)["layers"]
            if "weight_norm" in layer["series"]
        ]
        assert kept
        assert min(kept) >= 200


def test_every_phase_and_what_to_click_is_told(demo: DemoProcess) -> None:
    assert re.search(r"^\[ *\d+ s\] training", demo.output, re.M)
    assert "7/7 digits_torch/adam" in demo.output
    assert "tutorial/sgd-too-fast" in demo.output.split("What to look at first")[1]


def test_the_sick_runs_are_sick_and_the_sound_ones_are_not(demo: DemoProcess) -> None:
    too_fast = last_figures(demo.logdir, "tutorial/sgd-too-fast", "hidden")
    killed = last_figures(demo.logdir, "digits/adam-too-fast", "dense_1")
    stack = last_figures(demo.logdir, "digits/sigmoid-stack", "dense_1")

    assert too_fast["dead_share"] > 0.5
    assert killed["dead_share"] > 0.5
    assert stack["saturated_share"] > 0.5
    for run, layer in SOUND.items():
        assert last_figures(demo.logdir, run, layer)["dead_share"] <= 0.2


def test_a_second_start_trains_nothing_again(demo: DemoProcess) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.logdir.rglob("events.out.*")}
    begun = time.monotonic()
    again = subprocess.run(
        demo_command(demo.logdir, "--no-serve"), capture_output=True, text=True, check=True
    )

    assert "is up to date" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in demo.logdir.rglob("events.out.*")} == before
    assert time.monotonic() - begun < 30


def test_kill_stops_tensorboard_as_ctrl_c_does(demo: DemoProcess) -> None:
    command = demo_command(demo.logdir)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        addresses = (re.search(r"Open +http://localhost:(\d+)/", line) for line in process.stdout)
        found = next(filter(None, addresses))
        socket.create_connection(("127.0.0.1", int(found[1]))).close()
        process.terminate()
        said = process.stdout.read()

    assert process.returncode == 130
    assert "stopped; start again with the same command" in said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(found[1])))


def test_a_busy_port_is_said_and_the_next_one_taken(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "demo"))
    run = importlib.import_module("run")
    told: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        port = run._free_port(busy, told.append)

    assert port > busy
    assert told == [f"port {busy} is in use by another program; taking {port}"]


@pytest.mark.parametrize("bad", [["--epochs", "0"], ["--port", "70000"], ["--epochs", "many"]])
def test_a_bad_option_is_refused_before_anything_is_installed(root: Path, bad: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(root / "demo" / "run.py"), *bad], capture_output=True, text=True
    )

    assert done.returncode == 2
    assert bad[0] in done.stderr
    assert done.stdout == ""
