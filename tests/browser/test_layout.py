"""What stays in reach when layers are many or the window is narrow."""

from __future__ import annotations

import csv
import io
import re

import pytest
from made_logs import DEAD, HEALTHY, SICK, WIDE
from panel_page import Open, PanelPage
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


LONGEST_WORDS = (
    "inputs out of range: 100 % since step 1,234,567",
    "inputs of size about 1.23e+5, not 1 since step 1,234,567",
    "one update of 12.3 × the weights since step 1,234,567",
)


def cut_words(page: PanelPage) -> list[str]:
    """Words on health of which something does not show: a line, or a corner of a letter."""
    found: list[str] = page.panel.locator("nn-overview-view .words").evaluate_all(
        """all => all.filter((e) => {
          const rounded = getComputedStyle(e).borderRadius !== "0px";
          const { scrollWidth, clientWidth, scrollHeight, clientHeight } = e;
          return rounded || scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 1;
        }).map((e) => e.textContent)"""
    )
    return found


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
        assert cut_words(page) == []
        apart = page.cell(DEAD, "health").evaluate(
            "cell => cell.getBoundingClientRect().right"
            " - cell.querySelector('.shown').lastElementChild.getBoundingClientRect().right"
        )
        assert apart >= -1


@pytest.mark.parametrize("run", ["tutorial/adam", "digits/adam-too-fast", "digits/sigmoid-stack"])
def test_the_words_on_the_demos_health_are_never_cut(panel: PanelPage, run: str) -> None:
    panel.only_run(run)
    panel.settled()
    expect(panel.panel.locator("nn-overview-view .words").first).to_be_visible()
    assert cut_words(panel) == []


@pytest.mark.parametrize("width", [1440, 1280, 1024])
@pytest.mark.parametrize("words", LONGEST_WORDS)
def test_words_on_health_have_room_for_large_numbers(opened: Open, width: int, words: str) -> None:
    with opened("overview", SICK) as page:
        narrow(page, width)
        shown = page.panel.locator("nn-overview-view .words")
        # The row with the most findings has the least room for the worst one's words.
        assert page.panel.locator("nn-overview-view .more").count() > 0
        shown.evaluate_all("(all, text) => { for (const e of all) e.textContent = text; }", words)
        assert cut_words(page) == []


def focused(page: PanelPage) -> str:
    """Name of the element that has the focus, however deep, and whether its outline shows."""
    frame = next(frame for frame in page.page.frames if "name=nnviz" in frame.url)
    found: str = frame.evaluate(
        """() => {
          let element = document.activeElement;
          while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
          if (!element) return "nothing";
          const style = getComputedStyle(element);
          const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
          const name = element.dataset.view ?? element.getAttribute("aria-label")
            ?? element.textContent.trim().split("\\n")[0];
          return `${element.localName} ${name}${shown ? "" : " WITHOUT OUTLINE"}`;
        }"""
    )
    return found


def test_the_keyboard_reaches_every_part_and_its_place_is_seen(opened: Open) -> None:
    with opened("overview", WIDE) as page:
        page.panel.get_by_role("button", name="Skip to the view").focus()
        path: list[str] = []
        for _ in range(70):
            path.append(focused(page))
            page.page.keyboard.press("Tab")
            if path[-1].startswith("div block_00/layer_00"):
                break
        expected = [
            "button Skip to the view",
            "input Filter runs (regex)",
            "input Search layers",
            "button block_00/layer_00",
            "div Width of the side bar",
            "button overview",
            "button Previous step",
            "button Next step",
            "button Sort by Health",
        ]
        assert [stop for stop in path if "WITHOUT OUTLINE" in stop] == []
        assert [stop for stop in path if stop in expected] == expected
        assert path[-1].startswith("div block_00/layer_00"), "the cells are reached"
        assert len(path) < 60, "a thousand layers are one stop of the Tab key"


def test_the_way_to_the_view_moves_the_focus_and_keeps_the_address(opened: Open) -> None:
    with opened("overview", SICK) as page:
        before = page.page.url
        skip = page.panel.get_by_role("button", name="Skip to the view")
        skip.focus()
        expect(skip).to_be_in_viewport()
        page.page.keyboard.press("Enter")
        expect(page.panel.locator("main")).to_be_focused()
        assert page.page.url == before


def test_the_table_of_layers_is_saved_as_numbers(opened: Open) -> None:
    with opened("overview", HEALTHY, SICK) as page:
        menu = page.panel.locator("nn-overview-view nn-save-menu")
        menu.get_by_role("button", name="Save: Layers").click()
        expect(menu.get_by_role("button", name=re.compile("PNG"))).to_have_count(0)
        text = page.saved(menu.get_by_role("button", name="Numbers (CSV)")).decode()

    rows = list(csv.DictReader(io.StringIO(text)))
    dead = {(row["run"], row["layer"]): row["dead_share"] for row in rows}
    assert len(rows) == 10
    assert float(dead[SICK, DEAD]) == pytest.approx(8 / 12)
    assert float(dead[HEALTHY, DEAD]) == 0
    assert [row["health"] for row in rows if row["layer"] == DEAD] == ["healthy", "severe"]
