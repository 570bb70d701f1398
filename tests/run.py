"""Runs every check and every test, in an environment of its own; CI runs just this.

Needs Python 3.10 or newer and the network. Where it may (as root, with apt-get) it installs
Debian's Chromium; elsewhere it says what to install. Arguments go on to pytest: `tests/run.py -k
writer`. A second start takes seconds to get to the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
MAC_BROWSERS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
NO_CHROMIUM = (
    "The browser tests need Chromium, and no test is skipped. Install it with\n"
    "  sudo apt-get install chromium\n"
    "or set NNVIZ_CHROMIUM to the path of a Chromium or Chrome, and start again."
)

sys.path.insert(0, str(ROOT / "demo"))
from environment import Environment, Progress, SetupError  # noqa: E402


def main() -> int:
    """Environment, Chromium, checks, tests; returns the exit status."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__)
        return 0
    progress = Progress()
    requirements = [HERE / "requirements.txt", ROOT / "demo" / "requirements.txt"]
    environment = Environment(HERE / ".venv", requirements, progress)
    try:
        _check_chromium()
        with ThreadPoolExecutor(1) as beside:
            browser = beside.submit(_chromium, progress)
            environment.prepare()
            chromium = browser.result()
    except SetupError as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return subprocess.run(
        [str(environment.python), str(HERE / "checks.py"), *sys.argv[1:]],
        cwd=ROOT,
        env={**environment.variables, "NNVIZ_CHROMIUM": chromium},
    ).returncode


def _chromium(progress: Progress) -> str:
    """Where Chromium is, installed first where that is allowed.

    Raises:
      SetupError: it is missing and cannot be installed from here.
    """
    found = _installed_chromium()
    if found is None and _may_install():
        progress("installing Debian's chromium for the browser tests")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-q"],
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"],
        ):
            done = subprocess.run(command, env=quiet, capture_output=True, text=True)
            if done.returncode != 0:
                raise SetupError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        found = _installed_chromium()
    if found is None:
        raise SetupError(NO_CHROMIUM)
    return found


def _check_chromium() -> None:
    """Before anything is downloaded.

    Raises:
      SetupError: Chromium is missing and cannot be installed from here.
    """
    if _installed_chromium() is None and not _may_install():
        raise SetupError(NO_CHROMIUM)


def _may_install() -> bool:
    return bool(shutil.which("apt-get")) and hasattr(os, "geteuid") and os.geteuid() == 0


def _installed_chromium() -> str | None:
    named = os.environ.get("NNVIZ_CHROMIUM")
    if named:
        return named
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    return found or next((path for path in MAC_BROWSERS if os.access(path, os.X_OK)), None)


if __name__ == "__main__":
    sys.exit(main())
