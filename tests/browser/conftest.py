"""A real Chromium, and in it the panel over the demo's runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import made_logs
import pytest
from demo_process import DemoProcess
from panel_page import Open, PanelPage
from playwright.sync_api import Browser, sync_playwright
from shells import Shells
from tensorboard_process import TensorBoard, start

from nnviz_tb.errors import LoggingWarning

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
def browser(chromium: str) -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shells(browser: Browser) -> Iterator[Shells]:
    """TensorBoard's pages in it."""
    shells = Shells(browser)
    yield shells
    shells.close()


@pytest.fixture
def panel(demo: DemoProcess, shells: Shells) -> Iterator[PanelPage]:
    """The panel over the demo's runs; fails the test for any complaint of the browser."""
    with PanelPage.opened(shells, demo.address, kept=True) as page:
        yield page
        assert page.complaints == []


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """A TensorBoard over :mod:`made_logs`: a healthy run, a sick one, one of a thousand layers."""
    logdir = tmp_path_factory.mktemp("made")
    made_logs.write(logdir)
    with pytest.warns(LoggingWarning, match="1000 layers"):
        made_logs.write_wide(logdir)
    made_logs.write_filters(logdir)
    made_logs.write_other(logdir)
    made_logs.write_kinds(logdir)
    board = start("python", logdir)
    board.logdir = logdir
    board.wait_for_step(made_logs.SICK, made_logs.STEPS[-1])
    board.wait_for_step(made_logs.WIDE, 5)
    yield board
    board.close()


@pytest.fixture
def opened(board: TensorBoard, shells: Shells) -> Open:
    """Opens the panel over the made logs: ``opened("neurons", SICK, layer="head", dark=True)``.

    The first argument is a view, the next ones are runs, the others parameters of the address. No
    complaint of the browser may be left when it is closed.
    """

    @contextmanager
    def open_panel(view: str, *runs: str, dark: bool = False, **state: str) -> Iterator[PanelPage]:
        given = {"view": view, "runs": ",".join(runs), **state}
        address = "".join(
            f"&p.nnviz.{name}={quote(value, safe='')}" for name, value in given.items()
        )
        with PanelPage.opened(shells, board.address, dark, address, kept=True) as page:
            page.settled()
            yield page
            assert page.complaints == []

    return open_panel
