"""The panel for everyone: axe finds nothing wrong, narrow windows and large text work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_logs import HEALTHY, SICK
from panel_page import Open, PanelPage
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VIEWS = ("overview", "activations", "neurons", "findings")


@pytest.fixture(scope="session")
def axe(root: Path) -> str:
    """axe-core's own source, put into the page as text: its policy allows no foreign script."""
    return (root / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf8")


def wrong(page: PanelPage, axe: str) -> list[dict[str, Any]]:
    """What axe finds wrong in the panel's frame, shadow roots included."""
    frame = next(frame for frame in page.page.frames if "name=nnviz" in frame.url)
    frame.evaluate(axe)
    found: list[dict[str, Any]] = frame.evaluate(
        """async () => {
          const { violations } = await axe.run(document, { resultTypes: ["violations"] });
          return violations
            .map(({ id, impact, help, nodes }) => ({
              id, impact, help, nodes: nodes.slice(0, 4).map(({ target, failureSummary }) =>
                `${target.flat().join(" ")}: ${failureSummary}`),
            }));
        }"""
    )
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_wrong(opened: Open, axe: str, view: str, dark: bool) -> None:
    with opened(view, HEALTHY, SICK, dark=dark, layer="conv", pins="3.0@conv") as page:
        assert wrong(page, axe) == []


def test_axe_would_notice_a_button_without_a_name(opened: Open, axe: str) -> None:
    with opened("overview", SICK) as page:
        page.panel.locator("nn-app").evaluate(
            "app => app.shadowRoot.querySelector('main').append(document.createElement('button'))"
        )
        assert [item["id"] for item in wrong(page, axe)] == ["button-name"]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", [1024, 720], ids=["1024 px", "200 % zoom of 1440 px"])
def test_narrow_windows_cut_nothing_off(opened: Open, view: str, width: int) -> None:
    with opened(view, HEALTHY, SICK, layer="conv") as page:
        page.page.set_viewport_size({"width": width, "height": 800})
        page.settled()
        main = page.panel.locator("main")
        inner, outer = main.evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert inner <= outer + 1
        for name in ("Overview", "Activations", "Neurons"):
            expect(page.panel.get_by_role("tab", name=name)).to_be_in_viewport()


def test_the_side_bar_is_made_wider_by_keys_and_by_dragging_and_stays_so(opened: Open) -> None:
    with opened("overview", SICK) as page:
        sidebar = page.panel.locator("nn-sidebar")
        edge = page.panel.get_by_role("separator")

        def width() -> float:
            return float(sidebar.evaluate("e => e.getBoundingClientRect().width"))

        before = width()
        edge.focus()
        page.page.keyboard.press("ArrowRight")
        assert width() == before + 16
        box = edge.bounding_box()
        assert box is not None
        page.page.mouse.move(box["x"] + 4, 400)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + 84, 400, steps=4)
        page.page.mouse.up()
        wide = width()
        assert wide == pytest.approx(before + 96, abs=6)
        page.page.reload()
        expect(page.panel.get_by_role("tablist").first).to_be_visible()
        assert width() == wide


def test_long_names_of_runs_are_wrapped_not_cut(opened: Open) -> None:
    with opened("overview", SICK) as page:
        for name in page.panel.locator("nn-sidebar .run .name, nn-layer-list .name").all():
            assert name.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
