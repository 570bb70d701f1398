"""A virtual environment that holds this package, made once and mended when it is out of date.

Standard library only: it runs before anything is installed. The demo and the tests share it.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 10)
_HEARTBEAT_SECONDS = 15.0
_WORTH_SAYING_MB = 5.0

sys.path.insert(0, str(ROOT / "_build"))
import nnviz_panel  # noqa: E402 - the build's own rule for when the panel is out of date


class SetupError(Exception):
    """The environment could not be made; the message says why and what to do."""


class Progress:
    """Prints plain lines, each with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, message: str) -> None:
        print(f"[{time.monotonic() - self._start:4.0f} s] {message}", flush=True)


class Environment:
    """A virtual environment with what requirement files name and with this package, editable."""

    def __init__(self, directory: Path, requirements: list[Path], progress: Progress) -> None:
        self.directory = directory
        self.requirements = requirements
        self.progress = progress
        windows = os.name == "nt"
        self.scripts = directory / ("Scripts" if windows else "bin")
        self.python = self.scripts / ("python.exe" if windows else "python")
        self._stamp = directory / "made-from.json"

    @property
    def variables(self) -> dict[str, str]:
        """What a process of this environment runs with: this process's variables, all but one.

        Containers often set PYTHONDONTWRITEBYTECODE, and pip was told to compile nothing. Together
        every process would compile all that it imports, TensorFlow's sources in eight seconds.
        """
        return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def prepare(self) -> None:
        """Make the environment, or return at once when it is as its sources say.

        Raises:
          SetupError: Python is too old or lacks venv, or pip failed.
        """
        if sys.version_info < OLDEST_PYTHON:
            found, wanted = (".".join(map(str, v[:2])) for v in (sys.version_info, OLDEST_PYTHON))
            raise SetupError(f"Python {wanted} or newer is needed; this is {found}")
        made_from, stamp = self._made_from(), self._read_stamp()
        if stamp == made_from and nnviz_panel.is_current():
            self.progress(f"the environment {self._shown(self.directory)} is up to date")
            return
        # Without a stamp the last attempt was stopped half way: begin anew.
        if stamp.get("interpreter") != made_from["interpreter"]:
            self._create()
        self._stamp.unlink(missing_ok=True)
        if stamp.get("requirements") == made_from["requirements"]:
            self._build()
        else:
            self._install()
        self._stamp.write_text(json.dumps(made_from))

    def _create(self) -> None:
        self.progress(f"making the environment {self._shown(self.directory)}")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(self.directory)],
            capture_output=True,
            text=True,
        )
        if made.returncode != 0:
            raise SetupError(
                f"{sys.executable} cannot make a virtual environment:\n"
                f"{(made.stdout + made.stderr).strip()}\n"
                "On Debian and Ubuntu this helps: apt-get install python3-venv"
            )

    def _install(self) -> None:
        # Python 3.10 to 3.12 bring ones that take twice as long to find what fits together.
        self._run_pip(["pip>=25.1"])
        names = ", ".join(self._shown(path) for path in self.requirements)
        self.progress(f"installing this package and what {names} asks for")
        files = [part for path in self.requirements for part in ("-r", str(path))]
        self._run_pip([*files, "-e", "."])

    def _build(self) -> None:
        """Makes anew what is built of this package; all that it requires is here."""
        self.progress("what this package is built from has changed")
        self._run_pip(["--no-deps", "-e", "."])

    def _run_pip(self, arguments: list[str]) -> None:
        """Run ``pip install`` from the repository's root, tell what it is at, keep what it says."""
        command = [str(self.python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        # pip would compile every file of every package, which takes longer than all the rest;
        # Python compiles the few that are imported, when they are.
        command += ["install", "--no-compile", "--progress-bar", "off", *arguments]
        log = self.directory / "install.log"
        said: list[str] = []
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        last_told = time.monotonic()
        for line in _lines(process):
            if line is not None:
                said.append(line)
            told = _plain(line) if line is not None else None
            if told is None and time.monotonic() - last_told >= _HEARTBEAT_SECONDS:
                told = f"  still at it: {said[-1].strip()[:60] if said else 'starting pip'}"
            if told is not None:
                self.progress(told)
                last_told = time.monotonic()
        log.write_text("\n".join(said) + "\n")
        if process.wait() != 0:
            end = "\n".join(said[-40:])
            raise SetupError(f"pip failed:\n{end}\n{_advice(end)}All of it: {log}")

    def _made_from(self) -> dict[str, object]:
        """What it depends on: the interpreter, what is to be installed, and what is built of us.

        Python files of ours are no part of it: the install is editable.
        """
        wanted = [*self.requirements, ROOT / "pyproject.toml", ROOT / "setup.py"]
        sources = sorted((ROOT / "_build").glob("*.py"))
        for suffix in "ch":
            sources += sorted((ROOT / "nnviz_tb").rglob(f"*.{suffix}"))
        return {
            "interpreter": [sys.version, sys.base_prefix, str(self.directory)],
            "requirements": _digest(wanted),
            "sources": _digest(sources, nnviz_panel.digest()),
        }

    def _read_stamp(self) -> dict[str, object]:
        try:
            stamp = json.loads(self._stamp.read_text())
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) and self.python.exists() else {}

    @staticmethod
    def _shown(path: Path) -> str:
        return os.path.relpath(path)


def _digest(paths: list[Path], first: str = "") -> str:
    digest = hashlib.sha256(first.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _lines(process: subprocess.Popen[str]) -> Iterator[str | None]:
    """Lines of the process as they come, and None whenever it was silent for a second."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=1.0)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def _plain(line: str) -> str | None:
    """What a line of pip's means for somebody who waits; None when it is not worth a line."""
    line = line.strip()
    fetched = re.match(
        r"(Downloading|Using cached) (\S+?)-(\d\S*?)-\S+ \((\d+(?:\.\d+)?) MB\)", line
    )
    if fetched and float(fetched[4]) >= _WORTH_SAYING_MB:
        verb = "downloading" if fetched[1] == "Downloading" else "have"
        return f"  {verb} {fetched[2].rpartition('/')[2]} {fetched[3]} ({fetched[4]} MB)"
    if re.match(r"Building editable for nnviz_tb .*started", line):
        return "  building nnviz_tb and its panel"
    if line.startswith("Installing collected packages:"):
        return f"  unpacking {line.count(',') + 1} packages"
    return None


def _advice(end: str) -> str:
    """What usually helps against a failure that is known."""
    if "No matching distribution found for torch" in end:
        return (
            "PyTorch has no build for this Python on this machine, as on Macs with an Intel "
            "processor, or the package index cannot be reached.\n"
        )
    if "No matching distribution found for tensorflow" in end:
        version = ".".join(map(str, sys.version_info[:2]))
        return (
            f"TensorFlow has no build for Python {version} on this machine, or the package index "
            "cannot be reached. Another Python may do: python3.12 demo/run.py\n"
        )
    if "No space left on device" in end:
        return "About 3 GB of free disk are needed, 8 GB where PyTorch's package brings CUDA.\n"
    return ""
