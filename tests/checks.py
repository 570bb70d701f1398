"""Every check and every test; run.py starts it in the tests' environment.

A failed check does not stop the others: one run tells all that is wrong. Those that take long run
beside the tests, which leave a quarter of the processors idle, waiting for browsers and servers;
what they say is printed after pytest's last line, and then what each phase took.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
MOST_PROCESSES = 4

sys.path.insert(0, str(ROOT / "_build"))
import nnviz_panel  # noqa: E402


@dataclass
class Phase:
    """One command.

    Attributes:
      environment: None for this process's own.
      seconds: how long it took.
      status: its exit status.
      output: what it said, where that is not shown as it comes.
    """

    name: str
    command: list[str]
    folder: Path = ROOT
    environment: dict[str, str] | None = None
    seconds: float = 0.0
    status: int = 1
    output: str = ""

    def run(self, quiet: bool = False) -> None:
        """Runs it to its end; ``quiet`` keeps what it says for later."""
        if not quiet:
            print(f"\n=== {self.name}", flush=True)
        started = time.monotonic()
        done = subprocess.run(
            self.command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            errors="replace",
        )
        self.seconds = time.monotonic() - started
        self.status, self.output = done.returncode, done.stdout or ""


def main(pytest_arguments: list[str]) -> int:
    """Runs all phases; returns 0 when none failed."""
    fetching = Phase("front-end packages", [])
    started = time.monotonic()
    try:
        node_environment = _front_end_packages()
    except nnviz_panel.PanelError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    fetching.seconds, fetching.status = time.monotonic() - started, 0
    node = nnviz_panel.node_and_npm()[0]
    python = [sys.executable, "-m"]
    modules = FRONTEND / "node_modules"
    before = [
        Phase("ruff check", [*python, "ruff", "check", "."]),
        Phase("ruff format", [*python, "ruff", "format", "--check", "."]),
    ]
    beside = [
        Phase("tsc", [*node, str(modules / "typescript/bin/tsc"), "--noEmit"], FRONTEND),
        Phase("vitest", [*node, str(modules / "vitest/vitest.mjs"), "run"], FRONTEND),
        Phase("mypy", [*python, "mypy"]),
    ]
    for phase in beside[:2]:
        phase.environment = node_environment
    tests = Phase("pytest", [*python, "pytest", *_side_by_side(), *pytest_arguments])

    for phase in before:
        phase.run()
    others = threading.Thread(target=lambda: [phase.run(quiet=True) for phase in beside])
    others.start()
    tests.run()
    others.join()
    for phase in beside:
        print(f"\n=== {phase.name}\n{phase.output.rstrip()}")
    print("\n=== phases")
    phases = [fetching, *before, *beside, tests]
    for phase in phases:
        failed = "" if phase.status == 0 else f"  FAILED ({phase.status})"
        print(f"{phase.seconds:7.1f} s  {phase.name}{failed}")
    return int(any(phase.status != 0 for phase in phases))


def _side_by_side() -> list[str]:
    """Options for a process more than there are cores; the tests' conftest says which stay whole.

    Those that drive a browser or a server often wait for it. Every process imports all frameworks,
    so more than a few would only fill the memory.
    """
    return ["-n", str(min(MOST_PROCESSES, 1 + (os.cpu_count() or 1))), "--dist", "loadgroup"]


def _front_end_packages() -> dict[str, str]:
    """Brings frontend/node_modules in step with the lockfile; the environment to run Node in.

    Raises:
      PanelError: npm failed.
    """
    stamp = FRONTEND / "node_modules" / ".nnviz-lockfile.sha256"
    lockfile = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == lockfile:
        return nnviz_panel.node_environment()
    environment = nnviz_panel.npm_ci(FRONTEND)
    stamp.write_text(lockfile)
    return environment


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
