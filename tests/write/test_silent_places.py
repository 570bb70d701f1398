"""Places that stop answering while a run is written: the training goes on, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fuse_mount import served
from logs import rows, scalars
from mounting import mounts

import nnviz_tb
from nnviz_tb.definitions import RUN_FIELDS
from nnviz_tb.errors import LoggingWarning
from nnviz_tb.recording import patience
from nnviz_tb.recording.mounts import file_system_of, may_hang

MODEL = {"dense/kernel": np.ones((3, 2), "f4"), "dense/bias": np.zeros(2, "f4")}


def log(writer: nnviz_tb.SummaryWriter, steps: range) -> None:
    for step in steps:
        writer.add_scalar("loss", float(step), step)


# None of these tests measures time: one that waited for the place would wait for ever, since it
# answers again only after the training has gone on.


@mounts
@pytest.mark.timeout(180)
def test_training_goes_on_while_a_server_is_silent_and_nothing_is_lost(tmp_path):
    backing = tmp_path / "backing"
    with served(tmp_path / "mount", backing) as server:
        writer = nnviz_tb.SummaryWriter(tmp_path / "mount" / "run")
        writer.add_scalar("loss", 0.0, 0)
        assert scalars(backing / "run", "loss") == [(0, 0.0)]  # the server had it on return
        server.send_signal(signal.SIGSTOP)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for step in range(1, 300):
                writer.add_scalar("loss", float(step), step)
                if step % 50 == 0:
                    writer.log_model(MODEL, step)
        assert [str(w.message).partition(". ")[0] for w in caught] == [
            f"'{tmp_path}/mount/run' does not answer"
        ]
        assert writer.dropped_count == 0
        server.send_signal(signal.SIGCONT)
        writer.flush()
        assert scalars(backing / "run", "loss") == [(step, float(step)) for step in range(300)]
        figures = rows(backing / "run", "nnviz/layer/dense")
        assert [step for step, _ in figures] == [50, 100, 150, 200, 250]
        writer.add_scalar("loss", 300.0, 300)
        assert scalars(backing / "run", "loss")[-1] == (300, 300.0)
        writer.close()


@mounts
@pytest.mark.timeout(180)
def test_arrays_that_the_training_changes_meanwhile_are_stored_as_they_were(tmp_path):
    backing = tmp_path / "backing"
    with served(tmp_path / "mount", backing) as server:
        with nnviz_tb.SummaryWriter(tmp_path / "mount" / "run") as writer:
            writer.log_model(MODEL, 0)
            server.send_signal(signal.SIGSTOP)
            weights = {"dense/kernel": np.full((3, 2), 2.0, "f4")}
            with pytest.warns(LoggingWarning, match="does not answer"):
                writer.log_model(weights, 1)
            weights["dense/kernel"][:] = -1.0
            server.send_signal(signal.SIGCONT)
        (_, _), (step, stored) = rows(backing / "run", "nnviz/weights/dense")
        assert step == 1
        np.testing.assert_array_equal(stored, np.full((2, 3), 2.0))


@mounts
@pytest.mark.timeout(180)
def test_what_does_not_fit_in_memory_is_dropped_counted_and_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(patience, "WAITING_BYTES", 40 * patience._RECORD_BYTES)
    backing = tmp_path / "backing"
    with served(tmp_path / "mount", backing) as server:
        with nnviz_tb.SummaryWriter(tmp_path / "mount" / "run") as writer:
            server.send_signal(signal.SIGSTOP)
            with pytest.warns(LoggingWarning, match="does not answer"):
                log(writer, range(100))
            assert writer.dropped_count == 60
            server.send_signal(signal.SIGCONT)
            writer.flush()
            writer.log_model(MODEL, 100)
        assert scalars(backing / "run", "loss") == [(step, float(step)) for step in range(40)]
        ((_, row),) = rows(backing / "run", "nnviz/run")
        assert row[list(RUN_FIELDS).index("dropped_count")] == 60.0


@mounts
@pytest.mark.timeout(180)
def test_a_server_that_dies_while_silent_costs_what_it_did_not_take(tmp_path):
    backing, mount = tmp_path / "backing", tmp_path / "mount"
    with served(mount, backing) as server:
        writer = nnviz_tb.SummaryWriter(mount / "run")
        writer.add_scalar("loss", 0.0, 0)
        server.send_signal(signal.SIGSTOP)
        with pytest.warns(LoggingWarning, match="does not answer"):
            log(writer, range(1, 10))
        server.kill()
        with pytest.warns(LoggingWarning, match="dropped and counted"):
            writer.flush()
        assert writer.dropped_count == 9
        subprocess.run(["umount", "-l", mount], check=True)
        time.sleep(1.1)  # a lost file is tried again once a second
        writer.add_scalar("loss", 10.0, 10)
        assert writer.dropped_count == 9
        writer.close()
    assert scalars(backing / "run", "loss") == [(0, 0.0)]
    assert scalars(mount / "run", "loss") == [(10, 10.0)]  # where the path leads now


@mounts
@pytest.mark.timeout(180)
def test_a_child_forked_in_a_silence_is_not_stuck_and_repeats_nothing(tmp_path):
    backing = tmp_path / "backing"
    code = """
        import os, signal, sys, warnings
        import nnviz_tb
        warnings.simplefilter("ignore", nnviz_tb.errors.LoggingWarning)
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
        os.kill(int(sys.argv[2]), signal.SIGSTOP)
        for step in range(5):
            writer.add_scalar("parent", step, step)
        child = os.fork()
        if child == 0:
            writer.add_scalar("child", 1, 1)
            os.kill(int(sys.argv[2]), signal.SIGCONT)
            writer.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        writer.close()
    """
    with served(tmp_path / "mount", backing) as server:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), tmp_path / "mount", str(server.pid)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert scalars(backing, "child") == [(1, 1.0)]
    assert scalars(backing, "parent") == [(step, float(step)) for step in range(5)]


@mounts
@pytest.mark.timeout(180)
def test_closing_waits_for_a_silent_place_for_a_while_and_no_longer(tmp_path, monkeypatch):
    monkeypatch.setattr(patience, "END_SECONDS", 0.5)
    backing = tmp_path / "backing"
    with served(tmp_path / "mount", backing) as server:
        writer = nnviz_tb.SummaryWriter(tmp_path / "mount" / "run")
        writer.add_scalar("loss", 0.0, 0)
        server.send_signal(signal.SIGSTOP)
        with pytest.warns(LoggingWarning, match="does not answer"):
            writer.close()  # everything is written, but the server is told of the closing too
        server.send_signal(signal.SIGCONT)
        writer.add_scalar("loss", 1.0, 1)
        writer.close()
        assert scalars(backing / "run", "loss") == [(0, 0.0), (1, 1.0)]


@mounts
@pytest.mark.timeout(180)
def test_a_process_that_ends_in_a_silence_waits_for_a_while_and_no_longer(tmp_path):
    backing = tmp_path / "backing"
    code = """
        import atexit, os, signal, sys, warnings
        atexit.register(print, "has ended", flush=True)  # registered first, called last
        import nnviz_tb
        from nnviz_tb.recording import patience
        patience.END_SECONDS = 0.5
        warnings.simplefilter("ignore", nnviz_tb.errors.LoggingWarning)
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
        writer.add_scalar("loss", 0, 0)
        os.kill(int(sys.argv[2]), signal.SIGSTOP)
        writer.add_scalar("loss", 1, 1)
    """
    with served(tmp_path / "mount", backing) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), tmp_path / "mount", str(server.pid)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "has ended\n"
        # From here on it is the kernel that keeps the process, until its file is closed there.
        server.send_signal(signal.SIGCONT)
        assert process.wait() == 0
        process.stdout.close()
    assert scalars(backing, "loss")[0] == (0, 0.0)


def superusers(command: str) -> str:
    """Where a command of the superuser's is; their folders need not be on the path."""
    return shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or command


@contextlib.contextmanager
def own_disk(directory: Path, image: Path) -> Iterator[None]:
    """A real ext4 file system in a file; only the superuser may mount one, and freeze it."""
    directory.mkdir()
    with open(image, "wb") as file:
        file.truncate(8 << 20)
    subprocess.run([superusers("mkfs.ext4"), "-q", "-F", image], check=True)
    done = subprocess.run(["mount", "-o", "loop", image, directory], stderr=subprocess.PIPE)
    if done.returncode:
        pytest.fail(f"a disk that hangs cannot be tried here: {done.stderr.decode()}")
    try:
        yield
    finally:
        freeze(directory, "--unfreeze", check=False)
        subprocess.run(["umount", "-l", directory], check=False)


def freeze(directory: Path, how: str = "--freeze", check: bool = True) -> None:
    subprocess.run([superusers("fsfreeze"), how, directory], check=check, stderr=subprocess.DEVNULL)


@pytest.mark.timeout(180)
def test_a_disk_that_hung_once_does_not_hold_the_training_up_again(tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    with own_disk(disk, tmp_path / "image"):
        writer = nnviz_tb.SummaryWriter(disk / "run")
        writer.add_scalar("loss", 0.0, 0)
        freeze(disk)
        thaw = threading.Timer(patience.PATIENCE_SECONDS + 0.3, freeze, [disk, "--unfreeze"])
        thaw.start()
        writer.add_scalar("loss", 1.0, 1)  # waits for the disk: it was quick until now
        thaw.join()
        writer.add_scalar("loss", 2.0, 2)
        freeze(disk)
        with pytest.warns(LoggingWarning, match="does not answer"):
            log(writer, range(3, 100))
        freeze(disk, "--unfreeze")
        writer.flush()
        assert writer.dropped_count == 0
        assert scalars(disk / "run", "loss") == [(step, float(step)) for step in range(100)]
        # After a while of quick answers no thread is left that a fork could meet.
        monkeypatch.setattr(patience, "CALM_SECONDS", 0.0)
        writer.add_scalar("loss", 100.0, 100)
        assert scalars(disk / "run", "loss")[-1] == (100, 100.0)
        for thread in threading.enumerate():
            if thread.name == "nnviz_tb write":
                thread.join(10)
                assert not thread.is_alive()
        writer.close()


MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:25 / /tmp rw - tmpfs tmpfs rw
40 21 0:40 / /home rw - autofs systemd-1 rw,fd=5
41 40 0:41 / /home rw,relatime - nfs4 server:/home rw,vers=4.2
50 21 0:50 / /data\\040sets rw - fuse.sshfs host:/data rw
60 21 0:60 / /datab rw - cifs //server/share rw
70 21 0:70 / /home/me/scratch rw shared:9 master:1 - xfs /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/runs", "ext4"),
        ("/tmp", "tmpfs"),
        ("/tmpfiles", "ext4"),
        ("/home/me/runs", "nfs4"),
        ("/home/me/scratch/run", "xfs"),
        ("/data sets/run", "fuse.sshfs"),
        ("/data", "ext4"),
        ("/datab/run", "cifs"),
    ],
)
def test_the_mount_that_a_path_leads_to_is_found(path, kind):
    assert file_system_of(path, MOUNTS) == kind


def test_what_the_kernel_says_of_a_path_is_what_stat_says(tmp_path):
    with open("/proc/self/mountinfo") as file:
        listed = file.read()
    for path in ("/proc", "/sys", "/dev", os.path.realpath(tmp_path)):
        told = subprocess.run(
            ["findmnt", "-n", "-o", "FSTYPE", "-T", path], stdout=subprocess.PIPE, text=True
        )
        assert file_system_of(path, listed) == told.stdout.strip().splitlines()[-1], path


def test_a_disk_of_this_machine_is_written_to_directly(tmp_path):
    assert not may_hang(str(tmp_path))
    with nnviz_tb.SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", 0.0, 0)
        assert not [t for t in threading.enumerate() if t.name == "nnviz_tb write"]
