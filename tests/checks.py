"""Every check and every test, one after another; run.py starts it in the tests' environment.

A failed check does not stop the next ones: one run tells all that is wrong. The tests come last, so
that pytest's closing line is near the end of the output; after it, what each phase took.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
MOST_PROCESSES = 4

sys.path.insert(0, str(ROOT / "_build"))
import nnviz_panel  # noqa: E402


def main(pytest_arguments: list[str]) -> int:
    """Runs all phases; returns 0 when none failed."""
    fetched = time.monotonic()
    try:
        node_environment = _front_end_packages()
    except nnviz_panel.PanelError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    took = [("front-end packages", time.monotonic() - fetched, 0)]
    node = nnviz_panel.node_and_npm()[0]
    python = [sys.executable, "-m"]
    modules = FRONTEND / "node_modules"
    phases = [
        ("ruff check", [*python, "ruff", "check", "."], ROOT, None),
        ("ruff format", [*python, "ruff", "format", "--check", "."], ROOT, None),
        ("mypy", [*python, "mypy"], ROOT, None),
        ("tsc", [*node, str(modules / "typescript/bin/tsc"), "--noEmit"], FRONTEND, 1),
        ("vitest", [*node, str(modules / "vitest/vitest.mjs"), "run"], FRONTEND, 1),
        ("pytest", [*python, "pytest", *_side_by_side(), *pytest_arguments], ROOT, None),
    ]
    for name, command, folder, with_node in phases:
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env=node_environment if with_node else None,
            stdin=subprocess.DEVNULL,
        )
        took.append((name, time.monotonic() - started, done.returncode))
    print("\n=== phases")
    for name, seconds, status in took:
        print(f"{seconds:7.1f} s  {name}{'' if status == 0 else f'  FAILED ({status})'}")
    return int(any(status != 0 for _, _, status in took))


def _side_by_side() -> list[str]:
    """Options for as many processes as there are cores; the tests' conftest says which stay whole.

    Half of the time is waiting, for a browser, a server or a kill to be read back. Every process
    imports all frameworks, so more than a few would only fill the memory.
    """
    return ["-n", str(min(MOST_PROCESSES, os.cpu_count() or 1)), "--dist", "loadgroup"]


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
