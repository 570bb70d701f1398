"""Every view of the panel draws the demo's runs, in Chromium, from a real TensorBoard."""

from __future__ import annotations

import re
import time

import pytest
from demo_process import DemoProcess
from panel_page import PanelPage
from playwright.sync_api import expect
from shells import Shells

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VIEWS = ("Overview", "Activations", "Neurons")
LAYERS = ("conv_1", "conv_2", "flatten", "dense_1", "output")
"""Of ``digits/adam``, in the model's order."""


def test_the_tab_stands_among_tensorboards_own(panel: PanelPage) -> None:
    tabs = panel.page.get_by_role("tab").all_inner_texts()

    assert {"NNVIZ", "SCALARS", "HISTOGRAMS"} <= {tab.strip().upper() for tab in tabs}


@pytest.mark.parametrize("view", VIEWS)
def test_every_chart_of_a_view_is_drawn(panel: PanelPage, view: str) -> None:
    panel.view(view)

    panel.all_drawn()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("run", ["tutorial/adam", "digits/adam", "digits/sigmoid-stack"])
def test_every_run_draws_in_every_view(panel: PanelPage, view: str, run: str) -> None:
    panel.only_run(run)
    panel.view(view)

    panel.all_drawn()


def test_the_timeline_shows_the_loss(panel: PanelPage) -> None:
    timeline = panel.panel.locator("nn-timeline-bar canvas:visible").first

    panel.settled()
    assert panel.drawn(timeline) == [True]
    expect(panel.panel.locator("nn-timeline-bar")).to_contain_text("loss")


def test_every_layer_of_the_run_is_listed(panel: PanelPage) -> None:
    panel.only_run("digits/adam")

    expect(panel.panel.locator("nn-sidebar button.layer")).to_have_text(
        [re.compile(rf"^\s*{name}\s*$") for name in LAYERS]
    )


def test_the_panel_follows_tensorboards_dark_mode(demo: DemoProcess, shells: Shells) -> None:
    def brightness(dark: bool) -> float:
        with PanelPage.opened(shells, demo.address, dark=dark, kept=True) as page:
            page.all_drawn()
            assert page.complaints == []
            red, green, blue = page.panel.locator("nn-app").evaluate(
                "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
            )
            return float(red + green + blue) / 3

    assert brightness(dark=False) > 200
    assert brightness(dark=True) < 80


def test_a_copied_link_opens_the_same_view(demo: DemoProcess, shells: Shells) -> None:
    with PanelPage.opened(shells, demo.address, kept=True) as first:
        first.only_run("digits/adam")
        first.view("Neurons")
        first.layer("conv_2")
        first.settled()
        first.page.wait_for_url(lambda url: "view=neurons" in url and "layer=conv_2" in url)
        link = first.page.url
    with PanelPage.opened(shells, demo.address, state=link.split("#nnviz")[1], kept=True) as second:
        selected = second.panel.locator('[role="tab"][aria-selected="true"]')
        expect(selected).to_have_text("Neurons")
        expect(second.panel.locator('button.layer[aria-current="true"]')).to_contain_text("conv_2")
        second.all_drawn()
        assert second.complaints == []


def test_the_arrow_keys_move_the_step_that_all_charts_show(panel: PanelPage) -> None:
    panel.settled()
    before = panel.page.url
    panel.panel.locator("main").focus()
    panel.page.keyboard.press("ArrowLeft")
    panel.page.wait_for_url(lambda url: url != before and "step=" in url)

    panel.all_drawn()


def test_a_chart_that_stays_blank_would_be_noticed(panel: PanelPage) -> None:
    panel.view("Neurons")
    panel.all_drawn()
    cleared = panel.charts().first.evaluate(
        """canvas => {
          const all = [...canvas.getRootNode().querySelectorAll("canvas")];
          for (const one of all) one.getContext("2d").clearRect(0, 0, one.width, one.height);
          return all.length;
        }"""
    )

    assert panel.drawn(panel.charts()).count(False) == cleared > 0


def test_a_console_error_and_a_breach_of_the_policy_would_be_noticed(
    demo: DemoProcess, shells: Shells
) -> None:
    with PanelPage.opened(shells, demo.address, kept=True) as page:
        assert page.complaints == []
        page.panel.locator("nn-app").evaluate(
            """() => {
              console.error("planted");
              const script = document.createElement("script");
              script.textContent = "window.planted = true";
              document.head.append(script);
            }"""
        )

        def noticed() -> bool:
            planted = any("planted" in complaint for complaint in page.complaints)
            return planted and any(one.startswith("script-src") for one in page.complaints)

        deadline = time.monotonic() + 20
        while not noticed() and time.monotonic() < deadline:
            page.page.wait_for_timeout(100)
        assert noticed(), page.complaints
