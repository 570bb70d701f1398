"""What is logged while the page is open appears in it, without a reload."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from made_logs import SICK
from panel_page import Open, PanelPage
from playwright.sync_api import Route, expect
from shells import Shells
from tensorboard_process import start

import nnviz_tb

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POLL_S = 2.0
"""How often the panel asks for news."""


@pytest.mark.parametrize("loader", ["rust", "python"])
def test_a_step_logged_while_the_page_is_open_appears_without_a_reload(
    loader: str, shells: Shells, tmp_path: Path
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
            with PanelPage.opened(shells, board.address) as page:
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


@pytest.mark.parametrize("view", ["overview", "neurons"])
def test_new_steps_leave_zoom_pins_scroll_and_step_as_they_are(
    view: str, shells: Shells, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    kernels = {f"block/layer_{n:02d}/kernel": rng.normal(size=(6, 5)) for n in range(30)}
    with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:

        def log(step: int) -> None:
            writer.log_model(
                {name: kernel * (1 + step / 10) for name, kernel in kernels.items()},
                step,
                scalars={"loss": 1 / (1 + step)},
            )

        for step in range(10):
            log(step)
        board = start("python", tmp_path)
        try:
            board.wait_for_step("run", 9)
            state = {
                "view": view,
                "runs": "run",
                "layer": "block/layer_29",
                "step": "5",
                "zoom": "2..7",
                "pins": "3.0@block/layer_29",
            }
            address = "".join(f"&p.nnviz.{name}={value}" for name, value in state.items())
            with PanelPage.opened(shells, board.address, state=address) as page:
                page.settled()
                scrolling = "nn-overview-view .scroller" if view == "overview" else "main"
                scroller = page.panel.locator(scrolling)
                scroller.evaluate("element => { element.scrollTop = 150; }")
                page.settled()
                # A chart that is taken away and put back is another element, and would flicker.
                page.charts().first.evaluate("canvas => { canvas.sameAsBefore = true; }")
                before = page.page.url

                log(50)

                expect(page.panel.locator("nn-header button.live")).to_contain_text("50")
                page.settled()
                assert page.page.url == before
                assert scroller.evaluate("element => element.scrollTop") == 150
                assert page.charts().first.evaluate("canvas => canvas.sameAsBefore === true")
                expect(page.panel.locator("nn-timeline-bar output").first).to_have_text("step 5")
                expect(page.panel.get_by_role("button", name="Show all steps")).to_be_visible()
                assert page.complaints == []
        finally:
            board.close()


def test_the_panel_says_when_it_is_paused_and_when_tensorboard_is_gone(
    shells: Shells, tmp_path: Path
) -> None:
    with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:
        writer.log_model({"dense/kernel": np.ones((3, 2))}, 0)
        writer.log_model({"dense/kernel": np.zeros((3, 2))}, 7)
        board = start("python", tmp_path)
        board.wait_for_step("run", 7)
        with PanelPage.opened(shells, board.address) as page:
            live = page.panel.locator("nn-header button.live")
            expect(live).to_have_attribute("data-state", "live")
            live.click()
            expect(live).to_contain_text("paused · step 7")
            live.click()
            expect(live).to_have_attribute("data-state", "live")
            board.close()
            expect(live).to_contain_text("stale · no answer for")
            # What was drawn stays: it is old, not gone.
            expect(page.rows()).to_have_count(1)


def test_nothing_is_asked_while_another_tab_of_tensorboard_is_open(opened: Open) -> None:
    with opened("overview", SICK) as page:
        asked: list[str] = []
        page.page.on(
            "request", lambda one: asked.append(one.url) if "/plugin/nnviz/" in one.url else None
        )

        def asked_in(seconds: float) -> int:
            asked.clear()
            page.page.wait_for_timeout(1000 * seconds)
            return len(asked)

        assert asked_in(2 * POLL_S) >= 1
        tabs = page.page.main_frame
        tabs.get_by_role("tab", name=re.compile("histograms", re.IGNORECASE)).click()
        expect(page.page.locator('iframe[src*="name=nnviz"]')).to_be_hidden()
        assert asked_in(3 * POLL_S) == 0
        tabs.get_by_role("tab", name=re.compile("nnviz", re.IGNORECASE)).click()
        assert asked_in(2 * POLL_S) >= 1


def test_a_table_that_failed_and_came_back_has_all_its_rows(shells: Shells, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kernels = {f"block/layer_{n:02d}/kernel": rng.normal(size=(6, 5)) for n in range(60)}

    def refuse(route: Route) -> None:
        route.abort("connectionrefused")

    with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:
        for step in range(3):
            writer.log_model(kernels, step)
        board = start("python", tmp_path)
        try:
            board.wait_for_step("run", 2)
            state = "&p.nnviz.view=overview&p.nnviz.runs=run&p.nnviz.rows=order"
            with PanelPage.opened(shells, board.address, state=state) as page:
                scroller = page.panel.locator("nn-overview-view .scroller")
                expect(page.rows().first).to_be_visible()
                scroller.evaluate("element => { element.scrollTop = element.scrollHeight; }")
                last = page.panel.locator('.line[data-layer="block/layer_59"]')
                expect(last).to_be_visible()

                page.page.route("**/overview?*", refuse)
                writer.log_model(kernels, 3)
                expect(page.panel.locator("nn-overview-view .failure")).to_be_visible()
                page.page.unroute("**/overview?*", refuse)

                expect(scroller).to_be_visible(timeout=30_000)
                expect(page.rows().first).to_be_visible()
                scroller.evaluate("element => { element.scrollTop = element.scrollHeight; }")
                expect(last).to_be_visible()
        finally:
            board.close()
