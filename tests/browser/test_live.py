"""What is logged while the page is open appears in it, without a reload."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_page import PanelPage
from playwright.sync_api import Browser, expect
from tensorboard_process import start

import nnviz_tb

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("loader", ["rust", "python"])
def test_a_step_logged_while_the_page_is_open_appears_without_a_reload(
    loader: str, browser: Browser, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    kernel, inputs = rng.normal(size=(6, 5)), rng.normal(size=(128, 5))

    with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:

        def log(step: int) -> None:
            arrays = {"dense/kernel": kernel * (1 + step / 10)}
            writer.add_scalar("loss", 1 / (1 + step), step)
            writer.log_model(arrays, step, activations={"dense": (np.tanh, inputs * step)})

        for step in range(10):
            log(step)
        board = start(loader, tmp_path)
        try:
            board.wait_for_step("run", 9)
            with PanelPage.opened(browser, board.address) as page:
                live = page.panel.locator("nn-header button.live")
                expect(live).to_contain_text("9")
                page.all_drawn()
                chart = page.charts().first
                before = chart.screenshot()
                page.panel.locator("nn-app").evaluate("() => { window.stillTheSamePage = true; }")

                log(1234)

                expect(live).to_contain_text("1,234")
                page.settled()
                assert page.panel.locator("nn-app").evaluate("() => window.stillTheSamePage")
                assert chart.screenshot() != before
                assert page.complaints == []
        finally:
            board.close()
