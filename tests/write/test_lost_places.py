"""Run directories that are lost while a run is written: what is lost with them, and what is not."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from logs import rows, scalars
from mounting import mounts

import nnviz_tb
from nnviz_tb.definitions import RUN_FIELDS
from nnviz_tb.errors import LoggingWarning
from nnviz_tb.layers import Activation, Layer

MODEL = {"dense/kernel": np.ones((3, 2), "f4"), "dense/bias": np.zeros(2, "f4")}


@contextlib.contextmanager
def mounted(directory: Path) -> Iterator[None]:
    """A file system of its own at the directory; it may be gone when the block ends."""
    directory.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory])
    if done.returncode:
        pytest.fail("this machine does not allow mounts, so a lost one cannot be tried")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", directory], stderr=subprocess.DEVNULL, check=False)


def run_python(code: str, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@mounts
def test_after_a_mount_vanished_records_go_where_the_path_leads_now(tmp_path):
    mount = tmp_path / "mount"
    with mounted(mount), nnviz_tb.SummaryWriter(mount / "run") as writer:
        writer.add_scalar("loss", 0.0, 0)
        subprocess.run(["umount", "-l", mount], check=True)
        writer.log_model(MODEL, 1, scalars={"loss": 1.0})
        time.sleep(0.11)  # scalars look after their file ten times a second
        writer.add_scalar("loss", 2.0, 2)
        assert writer.dropped_count == 0
        assert scalars(mount / "run", "loss") == [(1, 1.0), (2, 2.0)]


LOSE_PERMISSION = """
        import os, shutil, sys, time, warnings
        from nnviz_tb.errors import LoggingWarning
        from nnviz_tb.recording.writer import SummaryWriter
        from nnviz_tb.version import version
        version()  # read while this process may still read its own packages
        if os.geteuid() == 0:  # who may write anywhere
            os.setgid(65534); os.setuid(65534)
        place = sys.argv[1]
        run = os.path.join(place, "run")
        writer = SummaryWriter(run)
        writer.add_scalar("loss", 0.0, 0)
        shutil.rmtree(run)
        os.chmod(place, 0o500)
        time.sleep(0.11)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for step in range(1, 6):
                writer.add_scalar("loss", float(step), step)
        assert writer.dropped_count == 5, writer.dropped_count
        assert [w.category for w in caught] == [LoggingWarning], caught
        assert "Permission denied" in str(caught[0].message)
        os.chmod(place, 0o700)
        time.sleep(1.1)
        writer.add_scalar("loss", 6.0, 6)
        assert writer.dropped_count == 5
    """


def test_lost_permission_costs_records_until_it_is_back():
    # The superuser may write anywhere, so the run is another user's, outside of pytest's own
    # directories, which are closed to others.
    with tempfile.TemporaryDirectory() as open_to_all:
        os.chmod(open_to_all, 0o755)
        place = Path(open_to_all) / "place"
        place.mkdir()
        if os.geteuid() == 0:
            os.chown(place, 65534, 65534)
        run_python(LOSE_PERMISSION, place)
        assert scalars(place / "run", "loss") == [(6, 6.0)]


def test_dropped_steps_are_told_by_the_next_one_that_is_stored(tmp_path):
    run = tmp_path / "run"
    with nnviz_tb.SummaryWriter(run) as writer:
        writer.log_model(MODEL, 0)
        for path in run.iterdir():
            path.unlink()
        run.rmdir()
        run.write_text("in the way")

        def log() -> None:
            for step in range(1, 4):
                writer.log_model(MODEL, step)

        with pytest.warns(LoggingWarning, match="dropped and counted"):
            log()
        run.unlink()
        time.sleep(1.1)
        writer.log_model(MODEL, 4)
    ((step, row),) = rows(run, "nnviz/run")
    assert step == 4
    assert row[list(RUN_FIELDS).index("dropped_count")] == 3.0


def test_processes_that_share_a_logdir_lose_nothing_and_are_told(tmp_path):
    code = """
        import sys, warnings
        import nnviz_tb
        from nnviz_tb.errors import LoggingWarning
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            writer = nnviz_tb.SummaryWriter(sys.argv[1])
            print("ready", flush=True); sys.stdin.readline()
            for step in range(300):
                writer.add_scalar(sys.argv[2], step, step)
            writer.add_histogram("h" + sys.argv[2], [1.0], 0)
        print(sum(issubclass(w.category, LoggingWarning) for w in caught), flush=True)
        sys.stdin.readline()
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), f"p{n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    told = [int(process.stdout.readline()) for process in processes]
    for process in processes:
        process.communicate("\n", timeout=30)
    assert told == [1, 1, 1]
    assert len(list(tmp_path.iterdir())) == 3
    for n in range(3):
        assert scalars(tmp_path, f"p{n}") == [(step, float(step)) for step in range(300)]


def test_an_exception_in_a_users_activation_costs_its_curve_and_nothing_else(tmp_path):
    calls = 0

    def moody(x):
        nonlocal calls
        calls += 1
        raise RuntimeError("not today")

    inputs = np.random.default_rng(0).normal(size=(20, 2))
    activation = Activation("moody", moody, inputs=inputs, outputs=inputs)
    layer = Layer("dense", "Dense", kernel=np.ones((3, 2), "f4"), activation=activation)
    with nnviz_tb.SummaryWriter(tmp_path) as writer:
        with pytest.warns(LoggingWarning, match="not today"):
            writer.log_layers([layer], 0)
        for step in range(1, 5):  # as an error, a second warning would end the test
            writer.log_layers([layer], step)
        assert writer.dropped_count == 0
    for tag in ("nnviz/weight_norm/dense", "nnviz/density/dense"):
        assert [step for step, _ in rows(tmp_path, tag)] == list(range(5)), tag
    assert calls == 1  # it is not asked again at every step
