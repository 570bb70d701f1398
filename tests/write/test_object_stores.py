"""Runs at ``s3://`` and ``gs://`` addresses, on real servers of those protocols on this machine."""

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
from dataclasses import dataclass
from pathlib import Path

import pytest
from logs import accumulated, scalars

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@dataclass(frozen=True)
class Kind:
    """A kind of store.

    Attributes:
      scheme: of its addresses.
      command: starts a server of it; ``PORT`` stands for the port.
      environment: what its clients are told; ``PORT`` likewise.
      connect: Python that opens it as ``store``.
    """

    scheme: str
    command: tuple[str, ...]
    environment: dict[str, str]
    connect: str


KINDS = [
    Kind(
        "s3",
        ("-m", "moto.server", "-H", "127.0.0.1", "-p", "PORT"),
        {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:PORT",
        },
        "import sys, s3fs; store = s3fs.S3FileSystem();",
    ),
    Kind(
        "gs",
        ("-m", "gcp_storage_emulator", "start", "--host=127.0.0.1", "--port=PORT", "--in-memory"),
        {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:PORT"},
        "import sys, gcsfs; store = gcsfs.GCSFileSystem();",
    ),
]


class Server:
    """A server with one bucket."""

    def __init__(self, kind: Kind, process: subprocess.Popen, port: int) -> None:
        self.kind = kind
        self.process = process
        told = {name: value.replace("PORT", str(port)) for name, value in kind.environment.items()}
        self.environment = {**os.environ, **told}

    def address(self, run: str) -> str:
        return f"{self.kind.scheme}://bucket/{run}"

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
        self.run_python(self.kind.connect + get, f"bucket/{run}", to)
        return to


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.scheme)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    kind: Kind = request.param
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *(part.replace("PORT", str(port)) for part in kind.command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        server = Server(kind, process, port)
        server.run_python(kind.connect + "store.mkdir('bucket')")
        yield server
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def test_tensorboard_reads_a_run_that_was_written_to_a_store(server, tmp_path):
    server.run_python(
        """
        import sys, numpy as np, nnviz_tb
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
        for step in range(50):
            writer.add_scalar("loss", step, step)
        writer.flush()
        for step in range(50, 60):
            writer.add_scalar("loss", step, step)
        writer.log_model({"dense/kernel": np.ones((3, 2), "f4")}, 60)
        """,  # and ends without a close
        server.address("whole"),
    )
    run = server.copied_out("whole", tmp_path / "run")
    assert scalars(run, "loss") == [(step, float(step)) for step in range(60)]
    assert "nnviz/weight_norm/dense" in accumulated(run).Tags()["tensors"]


def test_a_forked_child_uploads_its_own_records(server, tmp_path):
    server.run_python(
        """
        import os, sys, nnviz_tb
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
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
        """,
        server.address("forked"),
    )
    run = server.copied_out("forked", tmp_path / "run")
    assert scalars(run, "parent") == [(step, float(step)) for step in range(20)]
    assert scalars(run, "child") == [(step, float(step)) for step in range(5)]


def test_training_goes_on_while_a_store_does_not_answer(server, tmp_path):
    told = server.run_python(
        """
        import os, signal, sys, warnings
        import nnviz_tb
        from nnviz_tb.recording import remote
        patience, remote.PATIENCE_SECONDS = remote.PATIENCE_SECONDS, 0.5
        writer = nnviz_tb.SummaryWriter(sys.argv[1])
        os.kill(int(sys.argv[2]), signal.SIGSTOP)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for step in range(100):
                writer.add_scalar("loss", step, step)
            writer.flush()
        print([str(w.message) for w in caught if w.category is nnviz_tb.errors.LoggingWarning])
        os.kill(int(sys.argv[2]), signal.SIGCONT)
        remote.PATIENCE_SECONDS = patience
        writer.close()
        assert writer.dropped_count == 0
        """,
        server.address("silent"),
        server.process.pid,
    )
    address = server.address("silent")
    assert told.strip() == f"[\"'{address}' does not answer; records wait in memory\"]"
    run = server.copied_out("silent", tmp_path / "run")
    assert scalars(run, "loss") == [(step, float(step)) for step in range(100)]
