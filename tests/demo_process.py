"""The first command of the README, run as a newcomer runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from nnviz_tb.reading import wire

ROOT = Path(__file__).resolve().parent.parent
READY_LIMIT_S = 900.0
LOADED_LIMIT_S = 60.0
EPOCHS = 5


def demo_command(logdir: Path, *more: str) -> list[str]:
    """``demo/run.py`` with fewer epochs than it takes by itself."""
    script = str(ROOT / "demo" / "run.py")
    return [sys.executable, script, "--logdir", str(logdir), "--epochs", str(EPOCHS), *more]


class DemoProcess:
    """``demo/run.py`` once it has trained and serves.

    Attributes:
      logdir: where its runs are.
      address: of its TensorBoard.
    """

    def __init__(self, logdir: Path) -> None:
        self.logdir = logdir
        self.address = ""
        self._lines: list[str] = []
        self._ready = threading.Event()
        self._process = subprocess.Popen(
            demo_command(logdir), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._pump = threading.Thread(target=self._read, daemon=True)
        self._pump.start()
        if not self._ready.wait(READY_LIMIT_S) or not self.address:
            self.close()
            raise RuntimeError(f"the demo did not get to serve:\n{self.output}")
        self._wait_until_loaded()

    @property
    def output(self) -> str:
        """What it printed so far."""
        return "".join(self._lines)

    def catalogue(self) -> list[dict[str, Any]]:
        """The runs, as its plugin lists them."""
        address = f"{self.address}/data/plugin/nnviz/catalogue"
        with urllib.request.urlopen(address, timeout=30) as answer:
            runs: list[dict[str, Any]] = json.load(answer)["runs"]
        return runs

    def contents(self, run: str) -> dict[str, Any]:
        """What a run contains, as its plugin lists it."""
        query = urllib.parse.urlencode({"run": run})
        address = f"{self.address}/data/plugin/nnviz/contents?{query}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def kept_steps(self, run: str, layer: str, statistic: str) -> int:
        """How many steps of a per-neuron series its TensorBoard holds."""
        query = urllib.parse.urlencode({"run": run, "layer": layer, "statistic": statistic})
        address = f"{self.address}/data/plugin/nnviz/neurons?{query}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            meta, _ = wire.decode(answer.read())
        return int(meta["kept_steps"])

    def close(self) -> None:
        """Ctrl-C, and the wait for its end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pump.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
            found = re.search(r"Open +(http://\S+)/#nnviz", line)
            if found:
                self.address = found[1]
                self._ready.set()
        self._ready.set()

    def _wait_until_loaded(self) -> None:
        """Until TensorBoard holds every run to its end, which it reads in its own time."""
        deadline = time.monotonic() + LOADED_LIMIT_S
        seen: list[object] = []
        while time.monotonic() < deadline:
            before, seen = seen, [(run["name"], run["last_step"]) for run in self.catalogue()]
            if len(seen) == 7 and seen == before:
                return
            time.sleep(3)
        self.close()
        raise TimeoutError(f"the demo's runs were not loaded in time: {seen}\n{self.output}")
