"""A real Chromium, and in it the panel over the demo's runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from demo_process import DemoProcess
from panel_page import PanelPage
from playwright.sync_api import Browser, sync_playwright

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


@pytest.fixture
def panel(demo: DemoProcess, browser: Browser) -> Iterator[PanelPage]:
    """The panel over the demo's runs; fails the test for any complaint of the browser."""
    with PanelPage.opened(browser, demo.address) as page:
        yield page
        assert page.complaints == []
