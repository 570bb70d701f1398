"""The table of all layers, over logs whose contents are known."""

from __future__ import annotations

import re

import made_logs
import numpy as np
import pytest
from made_logs import DEAD, HEALTHY, SATURATED, SICK, WIDE
from panel_page import Open, PanelPage
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def order(page: PanelPage) -> list[str | None]:
    return [row.get_attribute("data-layer") for row in page.rows().all()]


def test_the_panel_opens_on_the_overview(opened: Open) -> None:
    with opened("", SICK) as page:
        expect(page.panel.locator('[role="tab"][aria-selected="true"]')).to_have_text("Overview")


def test_layers_stand_worst_first_and_say_in_words_what_is_wrong(opened: Open) -> None:
    with opened("overview", SICK) as page:
        assert order(page)[:2] == [DEAD, SATURATED]
        expect(page.cell(DEAD, "health")).to_contain_text("67 % dead since step 0")
        expect(page.cell(DEAD, "dead").locator(".shown")).to_have_text(re.compile(r"\s*67 %\s*"))
        expect(page.cell(SATURATED, "health")).to_contain_text("saturated since step 0")
        expect(page.cell("head", "health")).to_contain_text("healthy")


def test_figures_are_those_of_the_weights_that_were_logged(opened: Open) -> None:
    kernel = made_logs.weights_at(SICK, made_logs.STEPS[-1])["head/kernel"].astype(np.float32)
    low, middle, high = np.quantile(kernel, [0.05, 0.5, 0.95])

    with opened("overview", SICK) as page:
        spoken = page.cell("head", "weights").locator(".visually-hidden").inner_text()
        shown = [float(part.replace("−", "-")) for part in spoken.split(" … ")]

    assert shown == pytest.approx([low, middle, high], rel=0.006, abs=0.001)


def test_displacement_stands_in_for_update_ratios_that_nobody_saw_and_is_called_so(
    opened: Open,
) -> None:
    with opened("overview", SICK) as page:
        expect(page.cell("head", "update")).to_contain_text("displacement")


def test_every_column_sorts_both_ways(opened: Open) -> None:
    sizes = {name.rpartition("/")[0]: a.size for name, a in made_logs.kernels(SICK).items()}
    with opened("overview", SICK) as page:
        for column in (
            "order",
            "size",
            "weights",
            "update",
            "gradient",
            "inputs",
            "dead",
            "saturated",
        ):
            heading = page.panel.locator(
                f'nn-overview-view [role="columnheader"][data-column="{column}"]'
            )
            heading.get_by_role("button").click()
            first = "ascending" if column == "order" else "descending"
            expect(heading).to_have_attribute("aria-sort", first)
            one_way = order(page)
            heading.get_by_role("button").click()
            other = "descending" if first == "ascending" else "ascending"
            expect(heading).to_have_attribute("aria-sort", other)
            assert sorted(filter(None, order(page))) == sorted(sizes)
            if column in ("order", "size"):
                assert order(page) != one_way
        page.panel.locator('[role="columnheader"][data-column="size"]').get_by_role(
            "button"
        ).click()
        # The module stands where its largest layer would, its layers below it.
        assert order(page) == [DEAD, SATURATED, "conv", "late", "head"]


def test_definitions_appear_on_the_headings(opened: Open) -> None:
    with opened("overview", SICK) as page:
        page.panel.locator('[role="columnheader"][data-column="dead"] nn-term').hover()
        tip = page.panel.locator('[role="columnheader"][data-column="dead"] [role="tooltip"]')
        expect(tip).to_be_visible()
        expect(tip).to_contain_text("active for less than 1 %")


@pytest.mark.parametrize("pattern", ["dense_[12]$", "DENSE"])
def test_layers_are_found_by_regular_expression(opened: Open, pattern: str) -> None:
    with opened("overview", SICK) as page:
        page.panel.get_by_role("searchbox", name="Search layers").fill(pattern)
        expect(page.rows()).to_have_count(2)
        assert sorted(filter(None, order(page))) == [DEAD, SATURATED]


def test_modules_fold_and_unfold_and_the_address_keeps_it(opened: Open) -> None:
    with opened("overview", SICK) as page:
        module = page.panel.locator("nn-overview-view .fold button")
        expect(module).to_have_attribute("aria-expanded", "true")
        module.click()
        expect(module).to_have_attribute("aria-expanded", "false")
        assert DEAD not in order(page)
        page.page.wait_for_url(re.compile("folds=encoder"))


@pytest.mark.parametrize(
    ("layer", "column", "view", "statistic"),
    [
        (DEAD, "dead", "Activations", None),
        (DEAD, "inputs", "Activations", None),
        (DEAD, "health", "Findings", None),
        ("head", "order", "Neurons", None),
        ("head", "gradient", "Neurons", "gradient norm"),
        ("head", "update", "Neurons", "displacement"),
    ],
)
def test_a_click_on_a_cell_opens_what_explains_it_at_that_layer_and_step(
    opened: Open, layer: str, column: str, view: str, statistic: str | None
) -> None:
    with opened("overview", SICK, step="120") as page:
        page.cell(layer, column).click()
        selected = page.panel.locator('[role="tab"][aria-selected="true"]')
        expect(selected).to_contain_text(view)
        current = page.panel.locator('button.layer[aria-current="true"]')
        expect(current).to_have_text(re.compile(rf"\s*{layer}\s*"))
        expect(page.panel.locator("nn-timeline-bar output").first).to_contain_text("120")
        if statistic is not None:
            chosen = page.panel.get_by_role("combobox", name="Statistic")
            assert chosen.evaluate("e => e.selectedOptions[0].textContent") == statistic


def test_the_keyboard_moves_between_cells_and_opens_one(opened: Open) -> None:
    with opened("overview", SICK) as page:
        page.cell(DEAD, "order").focus()
        for key in ("ArrowDown", "ArrowRight", "End", "ArrowUp"):
            page.page.keyboard.press(key)
        expect(page.cell(DEAD, "health")).to_be_focused()
        page.page.keyboard.press("Enter")
        expect(page.panel.locator('[role="tab"][aria-selected="true"]')).to_contain_text("Findings")


def test_several_runs_stand_in_one_row_and_what_they_do_not_share_is_said(opened: Open) -> None:
    with opened("overview", HEALTHY, SICK) as page:
        dead = page.cell(DEAD, "dead")
        expect(dead).to_contain_text("0 %")
        expect(dead).to_contain_text("67 %")
        expect(page.panel.locator("nn-overview-view .hint")).to_contain_text(
            f"{HEALTHY} lacks late · {SICK} lacks extra"
        )


def test_a_thousand_layers_are_all_there_and_few_of_them_are_in_the_page(opened: Open) -> None:
    with opened("overview", WIDE) as page:
        scroller = page.panel.locator("nn-overview-view .scroller")
        expect(page.rows().first).to_be_visible()
        assert page.rows().count() < 60

        # Frames that the browser draws while the wheel turns, a hundred pixels at a time.
        frames = scroller.evaluate(
            """async (element) => {
              const durations = [];
              let last = performance.now();
              for (let step = 1; step <= 40; step++) {
                element.scrollTop += 100;
                await new Promise(requestAnimationFrame);
                durations.push(performance.now() - last);
                last = performance.now();
              }
              return durations;
            }"""
        )
        assert float(np.median(frames)) < 50
        scroller.evaluate("element => { element.scrollTop = element.scrollHeight; }")
        expect(page.panel.locator('.line[data-layer="block_49/layer_19"]')).to_be_visible()
        assert page.rows().count() < 60
