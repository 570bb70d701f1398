"""A server that is slow, or goes away and comes back: what is shown meanwhile, and then."""

from __future__ import annotations

import pytest
from made_logs import SICK
from panel_page import Open
from playwright.sync_api import Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DATA = "**/data/plugin/nnviz/**"


def test_charts_say_that_nobody_answers_and_come_back_by_themselves(opened: Open) -> None:
    with opened("overview", SICK) as page:

        def refuse(route: Route) -> None:
            route.abort("connectionrefused")

        page.page.route(DATA, refuse)
        page.view("Activations")
        card = page.panel.locator("nn-activation-card").first
        expect(card.get_by_text("TensorBoard does not answer").first).to_be_visible()
        expect(card.get_by_role("button", name="Try again").first).to_be_visible()
        expect(card).not_to_contain_text("0 inputs")
        for failure in card.locator(".failure").all():
            assert failure.evaluate("e => e.scrollHeight <= e.clientHeight + 1")

        page.page.unroute(DATA, refuse)
        expect(page.panel.locator(".failure")).to_have_count(0, timeout=30_000)
        page.all_drawn()
        # The browser itself tells of every request that was refused.
        page.failures[:] = [one for one in page.failures if "ERR_CONNECTION_REFUSED" not in one]


def test_a_slow_answer_is_waited_for_by_a_skeleton_and_a_quick_one_is_not(opened: Open) -> None:
    with opened("overview", SICK) as page:
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.page.route(DATA, hold)
        page.view("Activations")
        skeleton = page.panel.locator("nn-activation-card .skeleton").first
        opacity = "element => Number(getComputedStyle(element).opacity)"
        appears = skeleton.evaluate("element => getComputedStyle(element).animationDelay")
        assert appears == "0.15s", "what comes sooner is never covered"
        page.page.wait_for_timeout(500)
        assert skeleton.evaluate(opacity) == 1
        assert skeleton.get_attribute("role") == "status"
        page.page.unroute(DATA, hold)  # and lets go what was held
        assert held
        page.all_drawn()
        expect(skeleton).to_have_count(0)
