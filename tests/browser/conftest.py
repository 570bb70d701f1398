"""The demo's runs, a real TensorBoard over them, and a real Chromium to look at both."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from panel_page import PanelPage
from playwright.sync_api import Browser, sync_playwright
from tensorboard_process import TensorBoard, start

DEMO_EPOCHS = 8
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The same pixels on every machine, and no fonts smoothed in three colours.
    "--force-color-profile=srgb",
    "--disable-lcd-text",
]


@pytest.fixture(scope="session")
def demo_logs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log directory of the demo, all runs, trained for fewer epochs."""
    logdir = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(root / "demo" / "train.py"), "--logdir", str(logdir)]
    trained = subprocess.run(
        [*command, "--epochs", str(DEMO_EPOCHS)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert trained.returncode == 0, trained.stdout + trained.stderr
    return logdir


@pytest.fixture(scope="session")
def demo_board(demo_logs: Path) -> Iterator[TensorBoard]:
    """A TensorBoard that has loaded the demo's runs."""
    board = start("rust", demo_logs)
    try:
        board.wait(lambda: len(shown_runs(board)) == 6)
        yield board
    finally:
        board.close()


def shown_runs(board: TensorBoard) -> list[str]:
    """Names of the runs that hold layers."""
    return [run["name"] for run in board.get("catalogue").json["runs"] if run["layers"]]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    """Of TensorBoard, which the panel follows."""
    return str(request.param)


@pytest.fixture
def panel(demo_board: TensorBoard, browser: Browser) -> Iterator[PanelPage]:
    """The panel over the demo's runs; fails the test for any complaint of the browser."""
    with PanelPage.opened(browser, demo_board.address) as page:
        yield page
        assert page.complaints == []
