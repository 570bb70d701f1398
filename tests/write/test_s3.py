"""Runs at ``s3://`` addresses, on a real server of that protocol on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from logs import accumulated, scalars

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}

CONNECT = """
    import os, signal, sys, warnings
    import s3fs
    store = s3fs.S3FileSystem()
"""


class Server:
    """A server with one bucket."""

    def __init__(self, process: subprocess.Popen, port: int) -> None:
        self.process = process
        self.environment = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}

    def run_python(self, code: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def copied_out(self, run: str, to: Path) -> Path:
        """The run as local files, as anybody would fetch them."""
        get = "store.get(sys.argv[1], sys.argv[2], recursive=True)"
        self.run_python(textwrap.dedent(CONNECT) + get, f"bucket/{run}", to)
        return to


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        server = Server(process, port)
        server.run_python(textwrap.dedent(CONNECT) + "store.mkdir('bucket')")
        yield server
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def test_tensorboard_reads_a_run_that_was_written_to_s3(server, tmp_path):
    server.run_python(
        """
        import numpy as np, nnviz_tb
        writer = nnviz_tb.SummaryWriter("s3://bucket/whole")
        for step in range(50):
            writer.add_scalar("loss", step, step)
        writer.flush()
        for step in range(50, 60):
            writer.add_scalar("loss", step, step)
        writer.log_model({"dense/kernel": np.ones((3, 2), "f4")}, 60)
        """  # and ends without a close
    )
    run = server.copied_out("whole", tmp_path / "run")
    assert scalars(run, "loss") == [(step, float(step)) for step in range(60)]
    assert "nnviz/weight_norm/dense" in accumulated(run).Tags()["tensors"]


def test_a_forked_child_uploads_its_own_records_to_s3(server, tmp_path):
    server.run_python(
        """
        import os, nnviz_tb
        writer = nnviz_tb.SummaryWriter("s3://bucket/forked")
        for step in range(10):
            writer.add_scalar("parent", step, step)
        child = os.fork()
        if child == 0:
            for step in range(5):
                writer.add_scalar("child", step, step)
            writer.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        for step in range(10, 20):
            writer.add_scalar("parent", step, step)
        """
    )
    run = server.copied_out("forked", tmp_path / "run")
    assert scalars(run, "parent") == [(step, float(step)) for step in range(20)]
    assert scalars(run, "child") == [(step, float(step)) for step in range(5)]


def test_training_goes_on_while_s3_does_not_answer(server, tmp_path):
    told = server.run_python(
        """
        import os, signal, sys, warnings
        import nnviz_tb
        from nnviz_tb.recording import remote
        patience, remote.PATIENCE_SECONDS = remote.PATIENCE_SECONDS, 0.5
        writer = nnviz_tb.SummaryWriter("s3://bucket/silent")
        os.kill(int(sys.argv[1]), signal.SIGSTOP)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for step in range(100):
                writer.add_scalar("loss", step, step)
            writer.flush()
        print([str(w.message) for w in caught if w.category is nnviz_tb.errors.LoggingWarning])
        os.kill(int(sys.argv[1]), signal.SIGCONT)
        remote.PATIENCE_SECONDS = patience
        writer.close()
        assert writer.dropped_count == 0
        """,
        server.process.pid,
    )
    assert told.strip() == "[\"'s3://bucket/silent' does not answer; records wait in memory\"]"
    run = server.copied_out("silent", tmp_path / "run")
    assert scalars(run, "loss") == [(step, float(step)) for step in range(100)]
