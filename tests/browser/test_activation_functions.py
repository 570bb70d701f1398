"""Functions that are learnt, learnt for each channel, or look at more than one number."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from made_logs import KIND_STEPS, KINDS, kinds_inputs, slopes_at, write_kinds
from panel_page import Open, PanelPage
from playwright.sync_api import Locator, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def card(page: PanelPage, layer: str) -> Locator:
    return page.panel.locator(f'nn-activation-card[data-layer="{layer}"]')


def curve_at(page: PanelPage, layer: str, x: float) -> dict[str, tuple[float, float]]:
    """``{channel: (f, slope)}`` of the curve that is drawn, at the sample nearest to ``x``."""
    chart = card(page, layer).locator("nn-curve-chart")
    expect(chart).to_have_count(1)
    text: str = chart.evaluate("chart => chart.toCsv()")
    found: dict[str, tuple[float, float, float]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["kind"] == "curve":
            distance = abs(float(row["x"]) - x)
            if row["channel"] not in found or distance < found[row["channel"]][0]:
                f = float(row["f"]) / float(row["x"])
                found[row["channel"]] = distance, f, float(row["slope"])
    return {channel: (f, slope) for channel, (_, f, slope) in found.items()}


@pytest.mark.parametrize("step", KIND_STEPS)
def test_a_learnt_function_is_drawn_as_it_was_at_the_step(opened: Open, step: int) -> None:
    with opened("activations", KINDS, step=str(step)) as page:
        expect(card(page, "slope")).to_contain_text("learned")
        # Below zero f(x) = a·x, with the a that it had then.
        assert curve_at(page, "slope", -1.0)[""] == pytest.approx([0.1 + step / 100] * 2, rel=1e-5)


def test_a_function_of_each_channel_is_a_band_from_the_lowest_to_the_highest(opened: Open) -> None:
    with opened("activations", KINDS, step="10") as page:
        expect(card(page, "channels")).to_contain_text("per channel")
        bands = curve_at(page, "channels", -1.0)
        page.all_drawn()
    slopes = slopes_at(10)
    assert sorted(bands) == ["highest", "lowest", "median"]
    # f(x) = a·x is lowest where a is largest; its slope is what it is.
    assert bands["lowest"] == pytest.approx([slopes.max(), slopes.min()], rel=1e-5)
    assert bands["highest"] == pytest.approx([slopes.min(), slopes.max()], rel=1e-5)
    assert bands["median"] == pytest.approx([np.median(slopes)] * 2, rel=1e-5)


def test_a_softmax_has_its_distributions_and_entropy_and_no_curve(
    opened: Open, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import torch

    network = write_kinds(tmp_path_factory.mktemp("again"))
    with torch.no_grad():
        shares = network(torch.from_numpy(kinds_inputs())).numpy().astype(np.float64)
    entropy = float((-(shares * np.log(shares)).sum(axis=1) / np.log(4)).mean())
    with opened("activations", KINDS) as page:
        one = card(page, "classes")
        expect(one).to_contain_text("is not an elementwise function: it has no curve")
        shown = one.locator(".badge").filter(has_text="entropy").inner_text()
        assert float(shown.removeprefix("entropy ")) == pytest.approx(entropy, abs=0.006)
        charts = one.locator("nn-curve-chart")
        expect(charts).to_have_count(2)
        texts: list[str] = charts.evaluate_all("all => all.map(chart => chart.toCsv())")
        page.all_drawn()
    kinds = [{row["kind"] for row in csv.DictReader(io.StringIO(text))} for text in texts]
    assert kinds == [{"input"}, {"output"}]
    for text in texts:
        counts = [float(row["count"]) for row in csv.DictReader(io.StringIO(text))]
        assert sum(counts) == shares.size
