"""Installs packages into a virtual environment: with uv, or with pip where uv does not serve.

uv fetches and unpacks with all cores, and a second environment shares the files of the first. It
does not read pip's configuration, so it is told what that says. Standard library only, since
nothing is installed yet.
"""

from __future__ import annotations

import ast
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_HEARTBEAT_SECONDS = 15.0
_WORTH_SAYING_MB = 5.0

_LISTS = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "constraint": "--constraints",
    "trusted-host": "--allow-insecure-host",
}
"""Of pip's options with one value or several, what uv calls them."""
_FLAGS = {"no-index": "--no-index", "no-cache-dir": "--no-cache", "pre": "--prerelease=allow"}
_VARIABLES = {"cert": "SSL_CERT_FILE", "proxy": "ALL_PROXY"}
"""Environment variables that uv has for an option of pip's."""
_NEEDLESS = {
    "break-system-packages", "cache-dir", "default-timeout", "disable-pip-version-check",
    "no-color", "no-compile", "no-input", "no-python-version-warning", "no-warn-script-location",
    "prefer-binary", "progress-bar", "quiet", "require-virtualenv", "retries", "root-user-action",
    "timeout", "verbose",
}  # fmt: skip
"""Options of pip's without which uv does the same."""


class InstallError(Exception):
    """Packages could not be installed; the message is the end of what the installer said."""


class Installer:
    """Installs into one virtual environment, telling what it is at."""

    def __init__(
        self, python: Path, variables: dict[str, str], log: Path, tell: Callable[[str], None]
    ) -> None:
        """
        Args:
          python: interpreter of the environment.
          variables: environment variables of the processes.
          log: what the installers say is kept here.
          tell: is given a line now and then.
        """
        self.python = python
        self.variables = variables
        self.log = log
        self.tell = tell

    def install(self, arguments: list[str], anew: str | None = None) -> None:
        """What ``pip install`` does.

        Args:
          arguments: as pip has them, and uv too: requirements, ``-r``, ``-e``, ``--no-deps``.
          anew: a package that is installed once more.

        Raises:
          InstallError: neither installer could.
        """
        self.log.write_text("")
        pip = [str(self.python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        # pip would compile every file of every package, which takes longer than all the rest;
        # Python compiles the few that are imported, when they are.
        pip += ["install", "--no-compile", "--progress-bar", "off"]
        means = self._uv_means()
        if means is not None and not self._run([*pip, "uv>=0.5"]):
            options, variables = means
            again = [] if anew is None else ["--reinstall-package", anew]
            uv = [str(self.python), "-m", "uv", "pip", "install", "--python", str(self.python)]
            if not self._run([*uv, *options, *again, *arguments], variables):
                return
            self.tell("  uv could not; trying pip")
        # Older ones cannot install this package editable; a newer one is left as it is.
        failed = self._run([*pip, "pip>=22"]) or self._run([*pip, *arguments])
        if failed:
            raise InstallError(f"pip failed:\n{failed}")

    def _uv_means(self) -> tuple[list[str], dict[str, str]] | None:
        asked = [str(self.python), "-m", "pip", "config", "list"]
        listed = subprocess.run(asked, env=self.variables, capture_output=True, text=True)
        return None if listed.returncode else uv_means(listed.stdout)

    def _run(self, command: list[str], variables: dict[str, str] | None = None) -> str:
        """Runs a command; empty when it did well, else the end of what it said."""
        said: list[str] = []
        last_told = time.monotonic()
        with subprocess.Popen(
            command,
            cwd=Path(__file__).resolve().parent.parent,
            env={**self.variables, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in _lines(process):
                if line is not None:
                    said.append(line)
                told = plain(line) if line is not None else None
                if told is None and time.monotonic() - last_told >= _HEARTBEAT_SECONDS:
                    told = f"  still at it: {said[-1].strip()[:60] if said else 'starting'}"
                if told is not None:
                    self.tell(told)
                    last_told = time.monotonic()
        with open(self.log, "a") as log:
            log.write("\n".join([f"$ {' '.join(command)}", *said]) + "\n")
        if not process.returncode:
            return ""
        return "\n".join(said[-40:]) or f"it said nothing and ended with {process.returncode}"


def uv_means(configuration: str) -> tuple[list[str], dict[str, str]] | None:
    """What uv must be told to do as pip would.

    Args:
      configuration: what ``pip config list`` prints.

    Returns:
      Options of ``uv pip install``, and environment variables; None where pip has options that uv
      has not.
    """
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in configuration.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in found:
            try:
                found[section][key] = str(ast.literal_eval(value))
            except (SyntaxError, ValueError):
                return None
    # A package may be in several indexes, of whose files pip takes the best.
    options, variables = ["--index-strategy", "unsafe-best-match"], {}
    for key, value in (found["global"] | found["install"] | found[":env:"]).items():
        if key in _LISTS:
            options += [part for item in value.split() for part in (_LISTS[key], item)]
        elif key in _FLAGS:
            options += [_FLAGS[key]] if value.lower() in ("1", "true", "yes", "on") else []
        elif key in _VARIABLES:
            variables[_VARIABLES[key]] = value
        elif key not in _NEEDLESS:
            return None
    return options, variables


def plain(line: str) -> str | None:
    """What a line of an installer's means for somebody who waits; None when it needs no line."""
    line = line.strip()
    fetched = re.match(
        r"(Downloading|Using cached) (\S+?)-(\d\S*?)-\S+ \((\d+(?:\.\d+)?) MB\)", line
    )
    if fetched and float(fetched[4]) >= _WORTH_SAYING_MB:
        verb = "downloading" if fetched[1] == "Downloading" else "have"
        return f"  {verb} {fetched[2].rpartition('/')[2]} {fetched[3]} ({fetched[4]} MB)"
    fetched = re.match(r"Downloading (\S+) \((\d+(?:\.\d+)?)([MG])iB\)", line)
    if fetched and (fetched[3] == "G" or float(fetched[2]) >= _WORTH_SAYING_MB):
        return f"  downloading {fetched[1]} ({fetched[2]} {fetched[3]}B)"
    if re.match(r"(Building editable for nnviz_tb .*started|Building nnviz[_-]tb\b)", line):
        return "  building nnviz_tb and its panel"
    if line.startswith("Installing collected packages:"):
        return f"  unpacking {line.count(',') + 1} packages"
    return None


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
