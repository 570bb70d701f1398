"""Runs in remote stores, written through fsspec and read back by TensorBoard from a copy."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from logs import accumulated, scalars

import nnviz_tb
from nnviz_tb.errors import ArgumentError, LoggingWarning
from nnviz_tb.recording import remote
from nnviz_tb.recording.events import scalar
from nnviz_tb.recording.remote import RemoteEvents


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store():
    """The memory of this process as a store, emptied, with every upload noted."""
    found = fsspec.filesystem("memory")
    found.store.clear()
    found.pseudo_dirs[:] = [""]
    yield found
    found.store.clear()


@pytest.fixture
def uploads(monkeypatch):
    """Paths and sizes of all uploads, as they were begun."""
    seen: list[tuple[str, int]] = []
    whole = MemoryFileSystem.pipe_file

    def pipe_file(self, path, value, *rest, **options):
        seen.append((path, len(value)))
        return whole(self, path, value, *rest, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", pipe_file)
    return seen


def copied_out(store, root: str, to: Path) -> Path:
    """The remote run as local files, as anybody would fetch them."""
    store.get(root, str(to), recursive=True)
    return to


def settle(sink: RemoteEvents) -> None:
    if sink._upload is not None:
        sink._upload.join(10)


def test_tensorboard_reads_a_run_that_was_written_to_a_remote_store(store, tmp_path):
    weights = {"dense/kernel": np.ones((3, 2), "f4"), "dense/bias": np.zeros(2, "f4")}
    with nnviz_tb.SummaryWriter("memory://bucket/run") as writer:
        assert writer.log_dir == "memory://bucket/run"
        for step in range(20):
            writer.add_scalar("loss", step, step)
        writer.flush()
        writer.log_model(weights, 20, scalars={"loss": 20.0})
        writer.add_scalars("both", {"a": 1.0, "b": 2.0}, 3)
    run = copied_out(store, "/bucket/run", tmp_path / "run")
    assert scalars(run, "loss") == [(step, float(step)) for step in range(21)]
    assert "nnviz/weight_norm/dense" in accumulated(run).Tags()["tensors"]
    assert scalars(run / "both_a", "both") == [(3, 1.0)]


def test_no_event_costs_a_call_to_the_store(store, uploads):
    clock = Clock()
    sink = RemoteEvents("memory://run", "test", clock)
    for step in range(10_000):
        sink.write_scalar("loss", step, 1.0, 1.0)
    assert len(uploads) == 1  # the empty file that asks whether the store takes any
    clock.now = remote.FIRST_SECONDS
    sink.write_scalar("loss", 10_000, 1.0, 1.0)
    settle(sink)
    assert len(uploads) == 2


def test_no_byte_is_sent_twice_and_a_long_run_has_few_parts(store, uploads):
    clock = Clock()
    sink = RemoteEvents("memory://run", "test", clock)
    record = 0
    for _ in range(24 * 3600):  # a day, a record a second
        clock.now += 1.0
        sink.write_scalar("loss", int(clock.now), 1.0, 1.0)
        record = sink.record_bytes
        settle(sink)
    sink.close()
    assert len(uploads) < 700
    assert len({path for path, _ in uploads}) == len(uploads)
    sent = sum(size for _, size in uploads)
    assert sent <= 24 * 3600 * record + 200 * len(uploads)
    # Readers go through the files of a run in the order of their names.
    names = [path.rpartition("/")[2] for path, _ in uploads]
    assert names == sorted(names)


def test_a_part_is_uploaded_early_when_it_is_large(store, uploads, monkeypatch):
    monkeypatch.setattr(remote, "PART_BYTES", 3000)
    sink = RemoteEvents("memory://run", "test", Clock())
    for step in range(100):
        sink.write_scalar("loss", step, 1.0, 1.0)
        settle(sink)
    assert len(uploads) == 2


def test_while_the_store_is_down_records_wait_and_are_all_there_later(store, tmp_path, monkeypatch):
    clock = Clock()
    sink = RemoteEvents("memory://run", "test", clock)
    whole = MemoryFileSystem.pipe_file

    def fail(self, path, value, *rest, **options):
        raise ConnectionError("the store is down")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", fail)

    def log() -> None:
        for step in range(100):
            clock.now += 1.0
            sink.write_scalar("loss", step, 1.0, float(step))
            settle(sink)

    with pytest.warns(LoggingWarning, match="the store is down.*Training goes on") as caught:
        log()
    assert len(caught) == 1
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", whole)
    sink.close()
    assert sink.dropped_count == 0
    run = copied_out(store, "/run", tmp_path / "run")
    assert scalars(run, "loss") == [(step, float(step)) for step in range(100)]


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(store, tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "WAITING_BYTES", 10_000)
    sink = RemoteEvents("memory://run", "test", Clock())
    with pytest.warns(LoggingWarning, match="dropped and counted"):
        taken = [sink.write_scalar("loss", step, 1.0, float(step)) for step in range(1000)]
    assert 0 < sum(taken) < 1000
    assert sink.dropped_count == 1000 - sum(taken)
    sink.close()
    run = copied_out(store, "/run", tmp_path / "run")
    assert [step for step, _ in scalars(run, "loss")] == [s for s, ok in enumerate(taken) if ok]


def test_a_store_that_never_answers_holds_up_nothing(store, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE_SECONDS", 0.3)
    clock = Clock()
    sink = RemoteEvents("memory://run", "test", clock)
    answer = threading.Event()

    def hang(self, path, value, *rest, **options):
        answer.wait(20)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", hang)
    began = time.monotonic()
    for step in range(1000):
        clock.now += 1.0
        sink.write_scalar("loss", step, 1.0, 1.0)
    assert time.monotonic() - began < 5.0
    with pytest.warns(LoggingWarning, match="does not answer"):
        sink.close()
    assert time.monotonic() - began < 8.0
    answer.set()
    settle(sink)


def test_several_threads_share_a_remote_writer(store, tmp_path):
    with nnviz_tb.SummaryWriter("memory://run") as writer:

        def log(name: str) -> None:
            for step in range(300):
                writer.add_scalar(name, step, step)
                if step % 100 == 0:
                    writer.flush()

        threads = [threading.Thread(target=log, args=(f"t{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    run = copied_out(store, "/run", tmp_path / "run")
    for n in range(4):
        assert scalars(run, f"t{n}") == [(step, float(step)) for step in range(300)]


def test_a_resumed_run_comes_after_the_one_it_resumes(store, tmp_path):
    for start in (0, 5):
        with nnviz_tb.SummaryWriter("memory://run") as writer:
            for step in range(start, start + 5):
                writer.add_scalar("loss", step, step)
    run = copied_out(store, "/run", tmp_path / "run")
    assert scalars(run, "loss") == [(step, float(step)) for step in range(10)]


IN_A_PROCESS = """
    import os, sys
    import fsspec, nnviz_tb
    from fsspec.implementations.local import LocalFileSystem

    # A store on disk, which outlives this process.
    class Store(LocalFileSystem):
        protocol = "shelf"
        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.removeprefix("shelf://"))
    fsspec.register_implementation("shelf", Store)
    writer = nnviz_tb.SummaryWriter("shelf://" + sys.argv[1])
"""


def run_python(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(IN_A_PROCESS) + textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_an_end_without_close_uploads_the_rest(tmp_path):
    run_python(
        "for step in range(50): writer.add_scalar('loss', step, step)", str(tmp_path / "run")
    )
    assert scalars(tmp_path / "run", "loss") == [(step, float(step)) for step in range(50)]


def test_a_forked_child_uploads_its_own_records_and_none_of_its_parents(tmp_path):
    code = """
        for step in range(10): writer.add_scalar("parent", step, step)
        child = os.fork()
        if child == 0:
            for step in range(5): writer.add_scalar("child", step, step)
            writer.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        for step in range(10, 20): writer.add_scalar("parent", step, step)
    """
    run_python(code, str(tmp_path / "run"))
    assert scalars(tmp_path / "run", "parent") == [(step, float(step)) for step in range(20)]
    assert scalars(tmp_path / "run", "child") == [(step, float(step)) for step in range(5)]


def test_an_address_of_a_file_is_a_local_directory(tmp_path):
    writer = nnviz_tb.SummaryWriter(f"file://{tmp_path}/run")
    writer.add_scalar("loss", 1.0, 1)
    assert writer.log_dir == f"{tmp_path}/run"
    assert scalars(tmp_path / "run", "loss") == [(1, 1.0)]  # at once, without a flush
    writer.close()


@pytest.mark.parametrize("logdir", ["nowhere://bucket/run", "hdfs+x://bucket/run"])
def test_a_store_without_a_driver_is_refused_with_what_is_missing(logdir):
    with pytest.raises(ArgumentError, match=r"logdir '.*://bucket/run"):
        nnviz_tb.SummaryWriter(logdir)


def test_a_store_that_refuses_is_noticed_at_once(store, monkeypatch):
    def refuse(self, path, value, *rest, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    with pytest.raises(ArgumentError, match="can be written to, got 'memory://run': Permission"):
        nnviz_tb.SummaryWriter("memory://run")


def test_a_writer_that_nobody_holds_any_more_is_not_kept_alive(store):
    sink = RemoteEvents("memory://run", "test")
    sink.write(0, 1.0, [scalar("a", 1.0)])
    sink.close()
    assert len(gc.get_referrers(sink)) <= 2


def test_importing_the_writer_does_not_import_fsspec():
    code = "import sys, nnviz_tb; nnviz_tb.SummaryWriter; print('fsspec' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}
    )
    assert done.stdout.strip() == "False", done.stderr
