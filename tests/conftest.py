"""What the tests of several folders share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_process import DemoProcess

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-images",
        action="store_true",
        help="write the pictures that the README shows anew, from the panel as it is",
    )


def pytest_configure() -> None:
    # A shell starts background jobs with SIGINT ignored, and every process below inherits that:
    # the tests of Ctrl-C would wait for ever.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def has_accelerator() -> bool:
    """Whether this machine has a device that torch could reduce on."""
    return any(Path("/dev", name).exists() for name in ("nvidiactl", "kfd"))


def pytest_report_header() -> str:
    return (
        "accelerator: found, tests marked gpu run"
        if has_accelerator()
        else "accelerator: none here, so tests marked gpu are DESELECTED and show nothing"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Says which tests have to run in one process, when there are several.

    The demo is trained once, for whoever looks at it. The other tests in a browser share one, and
    come in the order of their files: a benchmark starts Playwright itself, which a process can do
    only while no other runs. Elsewhere a file's tests share what is slow to set up.
    """
    if not has_accelerator():
        left_out = [item for item in items if item.get_closest_marker("gpu")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]
    for item in items:
        together = "browser" if item.get_closest_marker("browser") else str(item.path)
        if "demo" in getattr(item, "fixturenames", ()):
            together = "demo"
        item.add_marker(pytest.mark.xdist_group(together))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stops where the groups have no effect: then several processes would make the same demo.

    With pytest 9.2, pytest-xdist 3.8 leaves them out without a word (pytest-xdist#1386).
    """
    if session.config.getoption("loadgroup", False):
        lost = [item.nodeid for item in session.items if "@" not in item.nodeid]
        if lost:
            raise pytest.UsageError(f"pytest-xdist did not group {len(lost)} tests: {lost[0]}")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser. Without one the test fails: run.py installs it, nothing is skipped."""
    names = ("chromium", "chromium-browser", "google-chrome")
    named = os.environ.get("NNVIZ_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if named is None:
        pytest.fail("no Chromium: apt-get install chromium, or set NNVIZ_CHROMIUM to its path")
    return named


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """The demo as the README's first command leaves it: trained, and serving."""
    process = DemoProcess(tmp_path_factory.mktemp("demo"))
    yield process
    process.close()
