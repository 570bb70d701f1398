"""What is wrong, in the panel's own list, against what the server says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from made_logs import DEAD, HEALTHY, SATURATED, SICK
from panel_page import Open
from playwright.sync_api import expect
from tensorboard_process import TensorBoard

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def served(board: TensorBoard, run: str) -> list[dict[str, Any]]:
    reply = board.get("findings", run=run)
    assert reply.status == 200
    findings: list[dict[str, Any]] = reply.json["findings"]
    return findings


def test_every_finding_is_listed_with_its_sentence_its_figure_and_what_helps(
    opened: Open, board: TensorBoard
) -> None:
    expected = served(board, SICK)
    assert {DEAD, SATURATED} <= {item["layer"] for item in expected}
    with opened("findings", SICK) as page:
        shown = page.panel.locator("nn-findings-view .finding")
        expect(shown).to_have_count(len(expected))
        sentences = page.panel.locator("nn-findings-view .sentence").all_inner_texts()
        assert sorted(sentences) == sorted(item["sentence"] for item in expected)
        for item in expected:
            one = shown.filter(has_text=item["sentence"])
            expect(one).to_contain_text(item["advice"])
            expect(one).to_contain_text(f"since step {item['first_step']}")
            expect(one).to_contain_text("limit")


def test_the_tab_counts_what_is_more_than_worth_knowing(opened: Open, board: TensorBoard) -> None:
    count = sum(item["severity"] != "info" for item in served(board, SICK))
    with opened("overview", SICK) as page:
        expect(page.panel.locator("nn-header .count")).to_have_text(str(count))
    with opened("overview", HEALTHY) as page:
        expect(page.panel.locator("nn-header .count")).to_have_count(0)


def test_a_healthy_run_says_how_many_layers_were_judged(opened: Open) -> None:
    with opened("findings", HEALTHY) as page:
        expect(page.panel.locator("nn-findings-view")).to_contain_text("5 layers were judged")


def test_a_definition_names_its_source(opened: Open) -> None:
    with opened("findings", SICK) as page:
        finding = page.panel.locator('.finding[data-kind="saturated_units"]')
        finding.locator("nn-term .term").hover()
        expect(finding.get_by_role("tooltip")).to_contain_text("Glorot & Bengio")


def test_a_click_goes_to_the_layer_and_the_step(opened: Open) -> None:
    with opened("findings", SICK, step="200") as page:
        finding = page.panel.locator(f'.finding[data-kind="dead_units"][data-layer="{DEAD}"]')
        finding.get_by_role("button", name="Show where it began").click()
        expect(page.panel.locator('[role="tab"][aria-selected="true"]')).to_have_text("Activations")
        expect(page.panel.locator('button.layer[aria-current="true"]')).to_contain_text("dense_1")
        expect(page.panel.locator("nn-timeline-bar output").first).to_have_text("step 0")


def test_the_dead_neurons_are_pinned_by_a_click(opened: Open) -> None:
    with opened("findings", SICK) as page:
        finding = page.panel.locator(f'.finding[data-kind="dead_units"][data-layer="{DEAD}"]')
        finding.get_by_role("button", name=re.compile("Neurons 0, 1, 2, 3, 4, 5, 6, 7")).click()
        expect(page.panel.locator('[role="tab"][aria-selected="true"]')).to_contain_text("Neurons")
        expect(page.panel.locator("nn-pinned-neurons .chip")).to_have_count(8)


def test_a_changed_limit_changes_the_findings_everywhere_and_travels_in_the_link(
    opened: Open,
) -> None:
    with opened("findings", SICK) as page:
        dead = page.panel.locator('.finding[data-kind="dead_units"]')
        expect(dead).to_have_count(1)
        page.panel.locator("nn-limits summary").click()
        limit = page.panel.get_by_role("spinbutton", name=re.compile("^dead_units Share"))
        limit.fill("0.9")
        limit.press("Enter")
        expect(dead).to_have_count(0)
        page.page.wait_for_url(re.compile("limits=dead_units%3A0.9"))
        page.view("Overview")
        expect(page.cell(DEAD, "health")).not_to_contain_text("dead")

        page.view("Findings")
        page.panel.get_by_role("button", name="Back to the defaults").click()
        expect(dead).to_have_count(1)


def test_a_limit_that_is_none_is_put_back(opened: Open) -> None:
    with opened("findings", SICK) as page:
        page.panel.locator("nn-limits summary").click()
        limit = page.panel.get_by_role("spinbutton", name=re.compile("^dead_units Share"))
        limit.fill("-3")
        limit.press("Enter")
        expect(limit).to_have_value("0.2")
        expect(page.panel.locator('.finding[data-kind="dead_units"]')).to_have_count(1)


def test_the_dot_beside_a_layer_says_which_finding_colours_it(opened: Open) -> None:
    with opened("overview", SICK) as page:
        layer = page.panel.locator("nn-layer-list button.layer").filter(has_text="dense_1")
        expect(layer).to_have_attribute("title", re.compile("66.7 % of the units"))
        expect(layer.get_by_role("img")).to_have_attribute(
            "aria-label", re.compile("^severe 66.7 %")
        )


def test_findings_speak_chinese_with_the_same_figures(opened: Open) -> None:
    with opened("findings", SICK, lang="zh") as page:
        finding = page.panel.locator('.finding[data-kind="dead_units"]')
        expect(finding.locator(".sentence")).to_have_text(
            f"自第 0 步起，{DEAD} 的 67 % 的单元死亡，活跃样本不到 1 %（阈值 20 %）。"
        )
        expect(page.panel.locator("nn-findings-view")).not_to_contain_text("usually helps")
