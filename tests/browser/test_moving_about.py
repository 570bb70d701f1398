"""Going through the panel: back and forward, through the steps, and along time instead of steps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from made_logs import DEAD, SICK, STEPS
from panel_page import Open, PanelPage
from playwright.sync_api import expect
from shells import Shells
from tensorboard_process import start

import nnviz_tb

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def where(page: PanelPage) -> tuple[str, str]:
    """The view and the layer that are open."""
    tab = page.panel.locator('nn-header [role="tab"][aria-selected="true"]')
    return tab.inner_text().split()[0], page.panel.locator(
        'nn-sidebar button.layer[aria-current="true"]'
    ).inner_text().strip()


def step_of(page: PanelPage) -> str:
    return page.panel.locator("nn-timeline-bar .cursor output").inner_text()


def test_back_and_forward_go_through_views_and_layers(opened: Open) -> None:
    with opened("overview", SICK, layer=DEAD) as page:
        stations = [where(page)]
        for go in (
            lambda: page.view("Neurons"),
            lambda: page.layer("encoder/dense_2"),
            lambda: page.view("Activations"),
        ):
            go()
            page.settled()
            stations.append(where(page))
        assert len(set(stations)) == 4
        back = []
        for _ in range(3):
            page.page.go_back()
            page.settled()
            back.append(where(page))
        assert back == stations[2::-1]
        page.page.go_forward()
        page.settled()
        assert where(page) == stations[1]
        page.all_drawn()


def test_the_space_bar_plays_the_run_and_stops_it(opened: Open) -> None:
    with opened("overview", SICK, step="0") as page:
        assert step_of(page) == "step 0"
        page.panel.locator("main").focus()
        page.page.keyboard.press("Space")
        expect(page.panel.get_by_role("button", name="Stop")).to_be_visible()
        page.page.wait_for_timeout(1500)
        page.page.keyboard.press("Space")
        expect(page.panel.get_by_role("button", name="Play")).to_be_visible()
        stopped = step_of(page)
        # All of the run would take eight seconds.
        assert 0 < int(stopped.split()[-1]) < STEPS[-1]
        page.page.wait_for_timeout(500)
        assert step_of(page) == stopped


def test_along_relative_time_a_place_is_a_moment_and_not_a_step(
    shells: Shells, tmp_path: Path
) -> None:
    kernel = np.random.default_rng(0).normal(size=(6, 5))
    with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:
        for step in range(11):
            # Ten steps in the first nine seconds, and the last a hundred seconds after the first.
            second = step if step < 10 else 100
            writer.log_model(
                {"dense/kernel": kernel * (1 + step)},
                step,
                scalars={"loss": 1 / (1 + step)},
                walltime=1_700_000_000.0 + second,
            )
    board = start("python", tmp_path)
    try:
        board.wait_for_step("run", 10)
        with PanelPage.opened(shells, board.address) as page:
            page.settled()
            over = page.panel.locator("nn-timeline-bar .u-over").first

            def step_at(share: float) -> str:
                box = over.bounding_box()
                assert box is not None
                page.page.mouse.click(
                    box["x"] + share * box["width"], box["y"] + 0.5 * box["height"]
                )
                page.settled()
                return step_of(page)

            assert [step_at(0.3), step_at(0.8)] == ["step 3", "step 8"]
            page.panel.get_by_role("radio", name="relative time").check()
            page.settled()
            assert [step_at(0.04), step_at(0.3)] == ["step 4", "step 9"]
            assert re.search(r"p\.nnviz\.axis=time", page.page.url)
            page.all_drawn()
            assert page.complaints == []
    finally:
        board.close()


def test_the_panel_speaks_the_browsers_language(opened: Open, shells: Shells) -> None:
    with opened("overview", SICK) as page:
        english = page.page.url
        expect(page.panel.get_by_role("tab").first).to_contain_text("Overview")
    address, _, state = english.partition("/?")
    chinese = Shells(shells.browser, locale="zh-CN")
    try:
        with PanelPage.opened(chinese, address, state=state.partition("#nnviz")[2]) as page:
            expect(page.panel.get_by_role("tab").first).to_contain_text("概览")
            page.settled()
            assert page.panel.locator("html").get_attribute("lang") == "zh-CN"
            page.panel.get_by_role("radio", name="English").check()
            expect(page.panel.get_by_role("tab").first).to_contain_text("Overview")
            assert page.complaints == []
    finally:
        chinese.close()
