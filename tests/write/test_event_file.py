"""Event files under real kills, forks, threads and full disks, read back by TensorBoard."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from logs import accumulated, rows, scalars

from nnviz_tb.errors import LoggingWarning
from nnviz_tb.recording import appends
from nnviz_tb.recording.event_file import EventFile
from nnviz_tb.recording.writer import SummaryWriter


def run_python(code: str, *arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


@pytest.fixture(params=["compiled", "python"])
def way(request, monkeypatch):
    """Of appending; without a compiler there is Python's alone."""
    if request.param == "python":
        monkeypatch.setattr(appends, "compiled", None)
    return request.param


LOG_UNTIL_KILLED = """
    import ctypes, mmap, sys
    from nnviz_tb.recording.event_file import EventFile
    directory, returned, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    file = EventFile(directory, "test")
    with open(returned, "r+b") as handle:
        # One store of eight bytes: struct.pack_into clears them first, and a kill can fall between.
        returned_count = ctypes.c_int64.from_buffer(mmap.mmap(handle.fileno(), 8))
    for step in range(first, first + count):
        assert file.write_scalar("loss", step, 1.0 + step, float(step % 1000))
        returned_count.value = step + 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_no_event_whose_call_returned_is_lost_when_the_process_is_killed(tmp_path, seed):
    # Shared memory outlives the kill and tells which calls had returned.
    returned = tmp_path / "returned"
    returned.write_bytes(bytes(8))
    directory = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LOG_UNTIL_KILLED), directory, returned, "0", "10000"]
    )
    with open(returned, "r+b") as handle, mmap.mmap(handle.fileno(), 8) as shared:
        while process.poll() is None and struct.unpack_from("<q", shared)[0] == 0:
            time.sleep(0.0005)
        # 10,000 events take about 60 ms: somewhere among them, or right after the last.
        time.sleep(random.Random(seed).uniform(0.0, 0.06))
        process.send_signal(signal.SIGKILL)
        process.wait()
        count = struct.unpack_from("<q", shared)[0]
    assert count > 0
    read = scalars(directory, "loss")
    # One more may be on file than returned: the kill came between the write and the note of it.
    assert len(read) in (count, count + 1)
    assert read == [(step, float(step % 1000)) for step in range(len(read))]

    file = EventFile(str(directory), "test")
    for step in range(count, count + 100):
        assert file.write_scalar("loss", step, 1.0 + step, float(step % 1000))
    file.close()
    resumed = scalars(directory, "loss")
    assert resumed[: len(read)] == read
    assert [step for step, _ in resumed[len(read) :]] == list(range(count, count + 100))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_no_tensor_whose_call_returned_is_lost_when_the_process_is_killed(tmp_path, way, seed):
    code = """
        import itertools, sys
        import numpy as np
        from nnviz_tb.recording import appends
        from nnviz_tb.recording.event_file import EventFile
        from nnviz_tb.recording.events import Value
        if sys.argv[2] == "python":
            appends.compiled = None
        file = EventFile(sys.argv[1], "test")
        for step in itertools.count():
            small, large = np.full(9, step, np.float32), np.full((200, 200), step, np.float32)
            assert file.write(step, 1.0, [Value("s", small, "nnviz"), Value("l", large, "nnviz")])
            sys.stdout.buffer.write(b"." if step else b"!")
            sys.stdout.buffer.flush()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), tmp_path, way]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.read(1) == b"!"
        time.sleep(random.Random(seed).uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        count = 1 + len(process.stdout.read())
    small, large = rows(tmp_path, "s"), rows(tmp_path, "l")
    # One more may be on file than was told of.
    assert [step for step, _ in small] == [*range(len(small))] == [step for step, _ in large]
    assert len(small) in (count, count + 1)
    for step, tensor in small + large:
        np.testing.assert_array_equal(tensor, step)


def test_nothing_is_lost_when_the_process_leaves_without_cleaning_up(tmp_path):
    code = """
        import os, sys
        import nnviz_tb
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
        for step in range(200):
            writer.add_scalar("loss", step, step)
        os._exit(3)
    """
    assert run_python(code, str(tmp_path)).returncode == 3
    assert scalars(tmp_path, "loss") == [(step, float(step)) for step in range(200)]


def test_a_forked_child_writes_a_file_of_its_own_and_repeats_nothing(tmp_path):
    code = """
        import os, sys, warnings
        import nnviz_tb
        warnings.simplefilter("ignore", nnviz_tb.errors.LoggingWarning)
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
        for step in range(10):
            writer.add_scalar("parent", step, step)
        child = os.fork()
        if child == 0:
            for step in range(10, 15):
                writer.add_scalar("child", step, step)
            os._exit(0)
        os.waitpid(child, 0)
        for step in range(10, 20):
            writer.add_scalar("parent", step, step)
    """
    done = run_python(code, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.iterdir())) == 2
    assert sorted(scalars(tmp_path, "parent")) == [(step, float(step)) for step in range(20)]
    assert scalars(tmp_path, "child") == [(step, float(step)) for step in range(10, 15)]


def test_a_child_that_python_did_not_fork_writes_a_file_of_its_own_too(tmp_path, way):
    code = """
        import ctypes, os, sys, time, warnings
        import nnviz_tb
        from nnviz_tb.recording import appends
        if sys.argv[2] == "python":
            appends.compiled = None
        warnings.simplefilter("ignore", nnviz_tb.errors.LoggingWarning)
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
        writer.add_scalar("parent", 0, 0)
        writer.add_histogram("h", [0.0], 0)
        child = ctypes.PyDLL(None).fork()  # as a C library would, which tells nobody
        if child == 0:
            if sys.argv[3] == "scalar":
                time.sleep(0.11)  # scalars look after their file ten times a second
                writer.add_scalar("child", 1, 1)
            else:
                writer.add_histogram("h", [1.0], 1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        writer.add_scalar("parent", 1, 1)
    """
    for kind in ("scalar", "histogram"):
        folder = tmp_path / kind
        done = run_python(code, str(folder), way, kind)
        assert done.returncode == 0, done.stderr
        written = {len(accumulated(file).Tags()["tensors"]): file for file in folder.iterdir()}
        assert sorted(written) == [1, 2]
        assert scalars(written[2], "parent") == [(0, 0.0), (1, 1.0)]
        if kind == "scalar":
            assert scalars(written[1], "child") == [(1, 1.0)]
        else:
            assert [step for step, _ in rows(written[1], "h")] == [1]


def test_a_child_forked_while_another_thread_writes_is_not_stuck(tmp_path):
    code = """
        import os, sys, threading, warnings
        import nnviz_tb
        warnings.simplefilter("ignore")
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
        go = True
        def write():
            step = 0
            while go:
                writer.add_scalar("thread", 1.0, step)
                step += 1
        thread = threading.Thread(target=write)
        thread.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                writer.add_scalar("child", 1.0, 0)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        go = False
        thread.join()
    """
    done = run_python(code, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert len(scalars(tmp_path, "child")) == 20


def test_several_threads_share_a_writer(tmp_path):
    with SummaryWriter(tmp_path) as writer:

        def log(name: str) -> None:
            for step in range(500):
                writer.add_scalar(name, step, step)

        threads = [threading.Thread(target=log, args=(f"t{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(list(tmp_path.iterdir())) == 1
    for n in range(4):
        assert scalars(tmp_path, f"t{n}") == [(step, float(step)) for step in range(500)]


@contextlib.contextmanager
def small_disk(directory: Path, size: str):
    """A real file system of that size; needs root, which the check machines have."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    probe = run_python(
        """
        import subprocess, sys, tempfile
        with tempfile.TemporaryDirectory() as place:
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", place])
            if done.returncode == 0:
                subprocess.run(["umount", place], check=True)
            sys.exit(done.returncode)
        """
    )
    return probe.returncode == 0


@contextlib.contextmanager
def full_disk(directory: Path):
    """Yields ``(fill, free)``: a disk that is really full, or where mounting is not allowed, a
    limit of this process on the size of files, which fails writes halfway just so."""
    if may_mount():
        with small_disk(directory, "128k"):
            ballast = directory / "ballast"

            def fill() -> None:
                with contextlib.suppress(OSError), open(ballast, "ab", buffering=0) as file:
                    while True:
                        file.write(bytes(4096))

            yield fill, ballast.unlink
        return
    directory.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))

    try:
        yield limit, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_costs_records_and_not_the_training_nor_the_file(tmp_path, way):
    directory = tmp_path / "disk"
    with full_disk(directory) as (fill, free):
        with SummaryWriter(directory) as writer:
            writer.add_scalar("loss", 0, 0)
            fill()

            def log() -> None:
                for step in range(1, 1000):
                    writer.add_histogram("h", np.arange(1000.0), step)

            with pytest.warns(LoggingWarning, match="records are dropped and counted") as caught:
                log()
            assert len(caught) == 1
            dropped = writer.dropped_count
            stored_before = len(accumulated(directory).Tensors("h")) if dropped < 999 else 0
            assert stored_before + dropped == 999
            assert dropped > 0
            free()
            time.sleep(1.1)  # where the file was lost, a new one is tried once a second
            writer.add_histogram("h", np.arange(1000.0), 1000)
            writer.add_scalar("loss", 1, 1001)
            assert writer.dropped_count == dropped
        assert scalars(directory, "loss") == [(0, 0.0), (1001, 1.0)]
        assert accumulated(directory).Tensors("h")[-1].step == 1000


def test_half_a_record_is_taken_back_when_the_file_may_not_grow(tmp_path, way):
    code = """
        import resource, sys, warnings
        from pathlib import Path
        import numpy as np
        import nnviz_tb
        from nnviz_tb.recording import appends
        if sys.argv[2] == "python":
            appends.compiled = None
        warnings.simplefilter("ignore", nnviz_tb.errors.LoggingWarning)
        directory = Path(sys.argv[1])
        writer = nnviz_tb.SummaryWriter(directory)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
        for step in range(40):
            writer.add_scalar("loss", step, step)
            writer.add_histogram("h", np.arange(50.0) * step, step)
        assert writer.dropped_count == 0, writer.dropped_count
        assert len(list(directory.iterdir())) > 5
        assert max(file.stat().st_size for file in directory.iterdir()) <= 3000
    """
    done = run_python(code, str(tmp_path), way)
    assert done.returncode == 0, done.stderr
    assert scalars(tmp_path, "loss") == [(step, float(step)) for step in range(40)]
    assert [event.step for event in accumulated(tmp_path).Tensors("h")] == list(range(40))


def test_a_removed_directory_is_made_again(tmp_path, way):
    directory = tmp_path / "run"
    with SummaryWriter(directory) as writer:
        for step in (1, 2):
            writer.add_histogram("h", [1.0, 2.0], step)
            writer.add_scalar("loss", step, step)
        shutil.rmtree(directory)
        writer.add_histogram("h", [1.0, 2.0], 3)
        writer.add_scalar("loss", 4, 4)
        assert writer.dropped_count == 0
    assert scalars(directory, "loss") == [(4, 4.0)]
    assert [step for step, _ in rows(directory, "h")] == [3]


def test_scalars_of_the_past_find_out_too_that_their_directory_is_gone(tmp_path):
    directory = tmp_path / "run"
    with SummaryWriter(directory) as writer:
        writer.add_scalar("loss", 1, 1, walltime=1000.0)
        writer.add_scalar("loss", 2, 2, walltime=1000.0)
        shutil.rmtree(directory)
        time.sleep(0.11)  # scalars look after their file ten times a second
        writer.add_scalar("loss", 3, 3, walltime=1000.0)
    assert scalars(directory, "loss") == [(3, 3.0)]


def test_a_file_in_the_place_of_the_directory_costs_records_until_it_goes(tmp_path):
    directory = tmp_path / "run"
    with SummaryWriter(directory) as writer:
        writer.add_scalar("loss", 1, 1)
        shutil.rmtree(directory)
        directory.write_text("in the way")
        time.sleep(0.11)  # scalars look after their file ten times a second

        def log() -> None:
            for step in range(2, 12):
                writer.add_scalar("loss", step, step)

        with pytest.warns(LoggingWarning, match=r"cannot write to .*run"):
            log()
        assert writer.dropped_count == 10
        directory.unlink()
        time.sleep(1.1)
        writer.add_scalar("loss", 12, 12)
        assert writer.dropped_count == 10
    assert scalars(directory, "loss") == [(12, 12.0)]


def test_a_descriptor_that_others_closed_is_not_written_to(tmp_path, way):
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_histogram("h", [1.0], 1)
        os.close(writer._sink._file._fd)
        stolen = os.open(tmp_path / "somebody_elses", os.O_RDWR | os.O_CREAT)
        assert stolen == writer._sink._file._fd
        writer.add_histogram("h", [1.0], 2)
        os.close(stolen)
    assert (tmp_path / "somebody_elses").read_bytes() == b""
    assert [step for step, _ in rows(tmp_path / "run", "h")] == [1, 2]


def test_two_live_writers_in_one_directory_are_warned_of(tmp_path, way):
    with SummaryWriter(tmp_path) as first:
        first.add_scalar("a", 1, 1)
        with pytest.warns(LoggingWarning, match="is being written too"):
            second = SummaryWriter(tmp_path)
        with pytest.warns(LoggingWarning, match="is being written too"):
            first.add_histogram("h", [1.0], 2)
        second.close()


def test_a_second_writer_is_told_of_at_the_end_when_nothing_is_written_after_it(tmp_path):
    with SummaryWriter(tmp_path) as first:
        first.add_scalar("a", 1, 1)
        with pytest.warns(LoggingWarning, match="is being written too"):
            second = SummaryWriter(tmp_path)
        with pytest.warns(LoggingWarning, match="is being written too"):
            first.close()
        second.close()


def test_scalars_alone_tell_of_a_second_writer_within_a_tenth_of_a_second(tmp_path):
    with SummaryWriter(tmp_path) as first:
        first.add_scalar("a", 1, 1)
        with pytest.warns(LoggingWarning, match="is being written too"):
            second = SummaryWriter(tmp_path)
        time.sleep(0.11)
        with pytest.warns(LoggingWarning, match="is being written too"):
            first.add_scalar("a", 2, 2)
        second.close()


def test_somebody_who_reads_an_event_file_is_no_second_writer(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("a", 1, 1)
    (file,) = tmp_path.iterdir()
    with open(file, "rb"), SummaryWriter(tmp_path) as writer:
        writer.add_scalar("a", 2, 2)
    # Only Linux tells what a process has its own files open for; elsewhere there is no warning.
    told = Path("/proc/self/fdinfo").is_dir()
    warned = pytest.warns(LoggingWarning, match="is being written too")
    with open(file, "ab"), warned if told else contextlib.nullcontext():
        SummaryWriter(tmp_path).close()


def test_tags_of_a_record_that_was_interrupted_are_described_again(tmp_path, monkeypatch):
    class Interrupted(dict):
        """Of a file's tags, when Ctrl-C comes between the record and what is noted of it."""

        def update(self, *args):
            super().update(*args)
            raise KeyboardInterrupt

    monkeypatch.setattr(appends, "compiled", None)
    with SummaryWriter(tmp_path) as writer:
        file = writer._sink._file
        while hasattr(file, "_file"):
            file = file._file
        plugins, file._plugins = file._plugins, Interrupted()
        with pytest.raises(KeyboardInterrupt):
            writer.add_histogram("h", [1.0, 2.0], 1)
        plugins.update(file._plugins)
        file._plugins = plugins
        writer.add_histogram("h", [1.0, 2.0], 2)
    assert [step for step, _ in rows(tmp_path, "h")] == [2]


def test_writers_one_after_the_other_are_not_warned_of(tmp_path):
    for step in range(3):
        with SummaryWriter(tmp_path) as writer:
            writer.add_scalar("a", step, step)
    assert scalars(tmp_path, "a") == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_a_live_writer_in_another_process_is_warned_of(tmp_path):
    code = (
        "import sys, tensorboard.summary as s; w = s.Writer(sys.argv[1]); w.add_scalar('a', 1, 1)\n"
    )
    code += "w.flush(); print('ready', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert other.stdout.readline() == "ready\n"
        with pytest.warns(LoggingWarning, match="is being written too"):
            SummaryWriter(tmp_path).close()
    finally:
        other.communicate("")


def test_a_closed_writer_writes_on_in_a_new_file(tmp_path):
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("a", 1, 1)
    writer.close()
    writer.add_scalar("a", 2, 2)
    writer.close()
    writer.close()
    assert scalars(tmp_path, "a") == [(1, 1.0), (2, 2.0)]


def test_a_warning_names_the_line_of_the_caller(tmp_path):
    with SummaryWriter(tmp_path), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SummaryWriter(tmp_path).close()
    assert [Path(warning.filename).name for warning in caught] == [Path(__file__).name]
