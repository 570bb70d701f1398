"""A real TensorBoard in a process of its own, asked over HTTP."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnviz_tb.reading import wire

START_LIMIT_S = 60.0
WITHOUT_TENSORFLOW = Path(__file__).resolve().parent / "without_tensorflow"
LOADERS = {"rust": ("--load_fast=true",), "python": ("--load_fast=false",)}
_ADDRESS = re.compile(r"TensorBoard \S+ at (http://\S+)")


@dataclass(frozen=True)
class Reply:
    """An HTTP response, body decompressed."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The body as ``(meta, arrays)``."""
        return wire.decode(self.body)


class TensorBoard:
    """``tensorboard`` as a user starts it, on a free port of 127.0.0.1.

    Where TensorFlow is installed, TensorBoard imports it, which takes most of its start and changes
    nothing of what it answers; ``test_built_in_dashboards`` sees to that. So a process here has
    none unless it is asked for.
    """

    def __init__(self, *arguments: str, prefix: str = "", tensorflow: bool = False) -> None:
        command = [sys.executable, "-m", "tensorboard.main", "--port=0", "--host=127.0.0.1"]
        command += ["--reload_interval=1", *arguments]
        if prefix:
            command.append(f"--path_prefix={prefix}")
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **({} if tensorflow else _no_tensorflow())},
        )
        self._output: list[str] = []
        self._ready = threading.Event()
        self.address = ""
        self.logdir = Path()
        self._pump = threading.Thread(target=self._read_output, daemon=True)
        self._pump.start()
        if not self._ready.wait(START_LIMIT_S) or not self.address:
            self.close()
            raise RuntimeError("tensorboard did not start:\n" + "".join(self._output))

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._output.append(line)
            found = _ADDRESS.search(line)
            if found:
                self.address = found[1].rstrip("/")
                self._ready.set()
        self._ready.set()

    @property
    def output(self) -> str:
        """What it printed so far."""
        return "".join(self._output)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def url(self, route: str, **parameters: Any) -> str:
        """Address of one of our routes."""
        query = urllib.parse.urlencode(parameters)
        return f"{self.address}/data/plugin/nnviz/{route}" + (f"?{query}" if query else "")

    def get(self, route: str, **parameters: Any) -> Reply:
        """One of our routes, as a browser asks for it."""
        return self.fetch(self.url(route, **parameters), headers={"Accept-Encoding": "gzip"})

    def fetch(
        self,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Any address of this server."""
        request = urllib.request.Request(url, body, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                status, found, answer = reply.status, dict(reply.headers), reply.read()
        except urllib.error.HTTPError as error:
            with error:
                status, found, answer = error.code, dict(error.headers), error.read()
        if found.get("Content-Encoding") == "gzip" and method != "HEAD":
            answer = gzip.decompress(answer)
        return Reply(status, found, answer)

    def wait(self, until: Callable[[], bool], limit_s: float = 30.0) -> None:
        """Until TensorBoard has loaded what the test needs."""
        deadline = time.monotonic() + limit_s
        while not until():
            if time.monotonic() > deadline:
                raise TimeoutError("not loaded in time:\n" + self.output)
            time.sleep(0.1)

    def run_entry(self, run: str) -> dict[str, Any] | None:
        """What a run contains; None as long as there is no such run."""
        reply = self.get("contents", run=run)
        return reply.json if reply.status == 200 else None

    def wait_for_step(self, run: str, step: int) -> None:
        """Until the run's last step is loaded."""

        def loaded() -> bool:
            entry = self.run_entry(run)
            return entry is not None and entry["last_step"] == step

        self.wait(loaded)

    def close(self) -> None:
        """Ends the process and waits for it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pump.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()


def start(
    loader: str, logdir: Path, *arguments: str, prefix: str = "", tensorflow: bool = False
) -> TensorBoard:
    """A TensorBoard over ``logdir`` with the ``rust`` or the ``python`` reader."""
    options = (f"--logdir={logdir}", *LOADERS[loader], *arguments)
    return TensorBoard(*options, prefix=prefix, tensorflow=tensorflow)


def _no_tensorflow() -> dict[str, str]:
    paths = [str(WITHOUT_TENSORFLOW), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}
