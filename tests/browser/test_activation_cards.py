"""What a card of the Activations view says of its neurons, and how its runs stand side by side."""

from __future__ import annotations

import re
import time

import made_logs
import pytest
from made_logs import DEAD, HEALTHY, OTHER, SICK
from panel_page import Open, PanelPage
from playwright.sync_api import Locator, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def card(page: PanelPage, layer: str) -> Locator:
    return page.panel.locator(f'nn-activation-card[data-layer="{layer}"]')


@pytest.mark.parametrize("step", ["40", "390"])
def test_as_many_bars_are_marked_dead_as_the_dead_share_counts(opened: Open, step: str) -> None:
    with opened("activations", SICK, step=step) as page:
        one = card(page, DEAD)
        expect(one.locator(".badge").first).to_contain_text("67 %")
        marked = one.locator("nn-activity-bars").evaluate("bars => [...bars.marked]")
        expect(one.locator("nn-activation-bars .mark.bad")).to_have_text("dead over recent steps")

    # Two thirds of the neurons get inputs around −6, as made_logs has it.
    assert marked == [1] * 8 + [0] * 4


def test_runs_side_by_side_stand_on_the_same_axis(opened: Open) -> None:
    with opened("activations", HEALTHY, SICK) as page:
        strips = card(page, DEAD).locator("nn-density-strip")
        expect(strips).to_have_count(2)
        low, high = zip(
            *strips.evaluate_all("all => all.map(strip => strip.valueDomain)"), strict=True
        )

    assert low[0] == low[1] < -6
    assert high[0] == high[1] > 2


def test_the_numbers_of_every_chart_of_a_card_are_saved(opened: Open) -> None:
    with opened("activations", SICK) as page:
        one = card(page, DEAD)
        names: list[str] = []
        page.page.on("download", lambda download: names.append(download.suggested_filename))
        one.get_by_role("button", name="Save").click()
        one.get_by_role("button", name="Numbers (CSV)").click()
        deadline = time.monotonic() + 20
        while len(names) < 3 and time.monotonic() < deadline:
            page.page.wait_for_timeout(100)
        page.page.wait_for_timeout(300)  # a file too many would come now

    # The browser tells of downloads in no order.
    kinds = {re.sub(r".*-(curve-chart|density-strip|activity-bars)\.csv$", r"\1", n) for n in names}
    assert kinds == {"curve-chart", "density-strip", "activity-bars"}
    assert len(names) == 3


def test_the_timeline_is_saved_with_the_numbers_of_its_scalars(opened: Open) -> None:
    with opened("overview", SICK, scalars="accuracy") as page:
        bar = page.panel.locator("nn-timeline-bar")
        bar.get_by_role("button", name="Save: Timeline").click()
        rows = page.saved(bar.get_by_role("button", name="Numbers (CSV)")).decode().splitlines()

    assert rows[0] == "run,tag,step,wall_time,value,smoothed"
    assert len(rows) == 1 + len(made_logs.STEPS)
    run, tag, step, _, value, _ = rows[-1].split(",")
    assert (run, tag, int(step)) == (SICK, "accuracy", made_logs.STEPS[-1])
    assert float(value) == pytest.approx(1 - 0.99 ** made_logs.STEPS[-1], rel=1e-6)


def test_what_logging_cost_a_short_run_is_told_in_seconds_and_explained(opened: Open) -> None:
    with opened("overview", SICK) as page:
        cost = page.panel.locator("nn-header nn-term")
        expect(cost).to_have_text(re.compile(r"logging \d+(\.\d)? m?s of \d+\.\d s"))
        cost.hover()
        tip = page.panel.locator('nn-header [role="tooltip"]')
        expect(tip).to_contain_text(
            re.compile(rf"\d+ % of a short time: {len(made_logs.STEPS)} steps")
        )


def test_the_neurons_bar_keeps_the_layers_data_on_the_line_of_its_name(opened: Open) -> None:
    with opened("neurons", SICK, layer=DEAD) as page:
        bar = page.panel.locator("nn-neurons-bar")
        for width in (1440, 1024):
            page.page.set_viewport_size({"width": width, "height": 800})
            name = bar.locator("h1").bounding_box()
            save = bar.locator("nn-layer-export summary").bounding_box()
            assert name is not None
            assert save is not None
            assert abs(name["y"] - save["y"]) < 12
            assert save["height"] < 30


def test_runs_with_other_functions_in_a_layers_place_say_so(opened: Open) -> None:
    with opened("activations", SICK, OTHER) as page:
        one = card(page, "encoder/dense_1")
        expect(one.locator(".sub")).to_have_text("relu / tanh · 12 neurons")
        expect(one.locator("nn-activity-bars")).to_have_count(2)
        terms = one.locator("nn-activation-bars .caption nn-term").all_inner_texts()
        assert [term.strip() for term in terms] == ["activity", "saturation"]
        assert one.locator("nn-curve-chart").evaluate("chart => chart.zones") is None
