"""What stays in reach when layers are many or the window is narrow."""

from __future__ import annotations

import re

import pytest
from conftest import Open
from made_logs import DEAD, HEALTHY, SICK, WIDE
from panel_page import PanelPage
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def narrow(page: PanelPage, width: int = 720) -> None:
    """As 1440 px at 200 % zoom."""
    page.page.set_viewport_size({"width": width, "height": 450})
    page.settled()


def test_what_stands_below_a_thousand_layers_stays_in_reach(opened: Open) -> None:
    with opened("overview", WIDE) as page:
        layers = page.panel.locator("nn-layer-list .layers")
        expect(layers.locator("button.layer")).to_have_count(1000)
        expect(page.panel.get_by_role("radio", name="relative time")).to_be_in_viewport()
        expect(page.panel.get_by_role("radio", name="中文")).to_be_in_viewport()
        last = layers.locator("button.layer").last
        last.focus()
        expect(last).to_be_in_viewport()
        expect(page.panel.get_by_role("radio", name="中文")).to_be_in_viewport()


def test_at_200_percent_the_view_comes_before_the_list_of_runs(opened: Open) -> None:
    with opened("overview", SICK, layer=DEAD) as page:
        narrow(page)
        drawer = page.panel.get_by_role("button", name=re.compile("Runs and layers"))
        expect(drawer).to_contain_text(SICK)
        expect(drawer).to_contain_text(DEAD)
        sidebar = page.panel.locator("nn-sidebar")
        expect(sidebar).to_be_hidden()
        expect(page.panel.locator("nn-overview-view [role=columnheader]").first).to_be_in_viewport()

        drawer.focus()
        page.page.keyboard.press("Enter")
        expect(drawer).to_have_attribute("aria-expanded", "true")
        expect(sidebar).to_be_visible()
        expect(sidebar.get_by_role("checkbox").first).to_be_in_viewport()


@pytest.mark.parametrize("width", [1440, 1024, 720])
def test_the_words_on_health_are_never_cut(opened: Open, width: int) -> None:
    with opened("overview", HEALTHY, SICK) as page:
        narrow(page, width)
        words = page.panel.locator("nn-overview-view .words")
        cut = words.evaluate_all(
            "all => all.filter(e => e.scrollHeight > e.clientHeight + 1).map(e => e.textContent)"
        )
        assert cut == []
        apart = page.cell(DEAD, "health").evaluate(
            "cell => cell.getBoundingClientRect().right"
            " - cell.querySelector('.shown').lastElementChild.getBoundingClientRect().right"
        )
        assert apart >= -1
