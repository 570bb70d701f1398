"""Differences of runs, kernels as images, and everything that can be saved, down to its numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from urllib.parse import quote

import made_logs
import numpy as np
import pytest
from made_logs import DEAD, FILTER_COUNT, FILTERS, HEALTHY, SATURATED, SICK, STEPS, WIDE
from panel_page import Open, PanelPage
from PIL import Image
from playwright.sync_api import Locator, expect

from nnviz_tb.reading import wire

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


def card(page: PanelPage, heading: str) -> Locator:
    return page.panel.locator("nn-card").filter(has_text=heading)


def save(page: PanelPage, heading: str, kind: str) -> bytes:
    one = card(page, heading)
    one.get_by_role("button", name="Save").click()
    return page.saved(one.get_by_role("button", name=kind))


def norms(run: str, layer: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """‖w‖ of every neuron at every step, ``[neurons, steps]``, by NumPy."""
    kernels = [made_logs.weights_at(run, step)[f"{layer}/kernel"] for step in STEPS]
    flat = [kernel.reshape(-1, kernel.shape[-1]).astype(np.float32) for kernel in kernels]
    return np.stack([np.linalg.norm(kernel.astype(np.float64), axis=0) for kernel in flat], axis=1)


def test_the_difference_of_two_runs_is_that_of_their_numbers(opened: Open) -> None:
    with opened("neurons", SICK, HEALTHY, layer="conv", focus=SICK, against=HEALTHY) as page:
        expect(card(page, "Every neuron × step")).to_contain_text(f"{SICK} − {HEALTHY}")
        expect(page.panel.locator(".shared")).to_contain_text("8 neurons and 40 steps are in both")
        rows = table(save(page, "Every neuron × step", "Numbers (CSV)"))

    shown = {int(row[0]): [float(cell) for cell in row[1:]] for row in rows[1:]}
    expected = norms(SICK, "conv") - norms(HEALTHY, "conv")
    assert rows[0][1:] == [f"step {step}" for step in STEPS]
    assert np.array([shown[neuron] for neuron in range(8)]) == pytest.approx(expected, abs=1e-5)


def share_below(page: PanelPage, run: str, step: int, border: float) -> float:
    """Share of the inputs of ``encoder/dense_2`` below a border, as the server has them."""
    address = f"/data/plugin/nnviz/density?run={quote(run, safe='')}&layer={quote(SATURATED)}"
    answer = page.page.request.get(page.page.url.split("/?")[0] + address + "&of=input")
    _, arrays = wire.decode(answer.body())
    counts = arrays["counts"][list(arrays["steps"]).index(step)]
    return float(counts[arrays["edges"][1:] <= border].sum() / counts.sum())


def test_the_difference_of_two_densities_is_that_of_their_shares(opened: Open) -> None:
    with opened("activations", SICK, HEALTHY, focus=SICK) as page:
        page.panel.get_by_role("combobox", name="minus").select_option(HEALTHY)
        one = page.panel.locator(f'nn-activation-card[data-layer="{SATURATED}"]')
        one.scroll_into_view_if_needed()
        strip = one.locator("nn-density-difference-strip")
        same = page.panel.locator('nn-activation-card[data-layer="conv"]')
        expect(same).to_contain_text("the same in both")
        expect(one).to_contain_text(f"inputs: {SICK} − {HEALTHY}")
        assert page.drawn(strip.locator("canvas").first) == [True]
        page.page.wait_for_url(re.compile("against="))
        rows = table(strip.evaluate("chart => chart.toCsv()").encode())[1:]
        assert [int(row[2]) for row in rows] == sorted(int(row[2]) for row in rows)
        assert {int(row[2]) for row in rows} == {*STEPS}
        assert {(row[0], row[1]) for row in rows} == {(SICK, HEALTHY)}
        for step in (STEPS[0], STEPS[7], STEPS[-1]):
            shares = [(float(row[4]), float(row[5])) for row in rows if int(row[2]) == step]
            below = np.cumsum([share for _, share in shares])
            assert np.abs(below).max() > 0.2
            for place in range(0, len(shares), 4):
                border = float(np.float32(shares[place][0]))
                expected = share_below(page, SICK, step, border) - share_below(
                    page, HEALTHY, step, border
                )
                assert below[place] == pytest.approx(expected, abs=1e-5)


def test_the_fans_of_other_runs_lie_over_the_trajectories(opened: Open) -> None:
    with opened("neurons", SICK, HEALTHY, layer="conv", focus=SICK) as page:
        trajectories = card(page, "Trajectories")
        expect(trajectories).to_contain_text(f"{HEALTHY}: 5 %, median, 95 %")
        chart = trajectories.locator("nn-trajectories")
        assert page.drawn(chart.locator("canvas").first) == [True]
        over = chart.evaluate("e => e.others.map(o => ({ run: o.run, q: [...o.quantiles] }))")

    assert [one["run"] for one in over] == [HEALTHY]
    nine = np.array(over[0]["q"]).reshape(9, len(STEPS))
    expected = np.quantile(norms(HEALTHY, "conv"), [0.05, 0.5, 0.95], axis=0)
    assert nine[[2, 4, 6]] == pytest.approx(expected, rel=1e-5)


def test_a_layer_that_a_run_lacks_is_said_and_not_compared(opened: Open) -> None:
    with opened("neurons", SICK, HEALTHY, layer="late", focus=SICK, against=HEALTHY) as page:
        expect(page.panel.locator("nn-neurons-bar")).to_contain_text(f"late: not in {HEALTHY}")
        expect(page.panel.locator(".shared")).to_have_count(0)
        page.all_drawn()


def test_kernels_are_shown_pixel_for_pixel_as_they_were_logged(opened: Open) -> None:
    with opened("neurons", SICK, layer="conv") as page:
        images = page.panel.locator("nn-kernel-images canvas")
        expect(images).to_have_count(8)
        rows = table(save(page, "Kernels as images", "Numbers (CSV)"))[1:]
        red_over_blue = images.evaluate_all(
            """(all) => all.map((canvas) => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, 3, 3);
              return Array.from({ length: 9 }, (_, at) => data[4 * at] - data[4 * at + 2]);
            })"""
        )

    kernel = made_logs.weights_at(SICK, STEPS[-1])["conv/kernel"].astype(np.float32)
    for neuron, _, row, column, channel, weight in rows:
        expected = kernel[int(row), int(column), int(channel), int(neuron)]
        assert float(weight) == pytest.approx(expected, abs=1e-6)
    flat = kernel[:, :, 0, :].reshape(9, 8).T
    clear = np.abs(flat) > 0.2 * np.abs(flat).max()
    assert np.array_equal(np.sign(red_over_blue)[clear], np.sign(flat)[clear])


def test_hundreds_of_kernels_come_with_one_question(opened: Open) -> None:
    with opened("neurons", FILTERS, layer="conv", step="0") as page:
        images = page.panel.locator("nn-kernel-images canvas")
        expect(images).to_have_count(256)
        page.panel.get_by_role("button", name="Show all 300").click()
        expect(images).to_have_count(FILTER_COUNT)

        asked: list[str] = []
        page.page.on("request", lambda request: asked.append(request.url))
        page.panel.get_by_role("button", name="Next step").click()
        last = page.panel.get_by_role("button", name="Kernel of neuron 299 at step 10")
        expect(last).to_be_visible()
        kernels = [url for url in asked if "/kernels?" in url]
        assert len(kernels) == 1
        assert not [url for url in asked if "/weights?" in url]


def test_a_click_on_a_kernel_pins_its_neuron(opened: Open) -> None:
    with opened("neurons", SICK, layer="conv") as page:
        page.panel.get_by_role("button", name="Kernel of neuron 5").click()
        expect(page.panel.locator("nn-pinned-neurons .chip")).to_contain_text("5")


@pytest.mark.parametrize(
    ("view", "heading"),
    [
        ("neurons", "Every neuron × step"),
        ("neurons", "Trajectories"),
        ("neurons", "Paths through weight space"),
        ("neurons", "Kernels as images"),
        ("activations", "conv"),
    ],
)
def test_every_card_saves_a_picture_at_twice_its_size(
    opened: Open, view: str, heading: str
) -> None:
    with opened(view, SICK, layer="conv") as page:
        one = card(page, heading).first
        one.get_by_role("button", name="Save").first.click()
        content = page.saved(one.get_by_role("button", name="Picture (PNG, 2×)"))
        width = one.evaluate("element => element.clientWidth")

    picture = Image.open(io.BytesIO(content))
    assert picture.format == "PNG"
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 8
    if heading != "Kernels as images":
        assert picture.width > 1.6 * width


def test_the_data_of_a_layer_is_saved_whole_as_json(opened: Open) -> None:
    with opened("neurons", SICK, layer=DEAD) as page:
        page.panel.locator("nn-layer-export summary").click()
        content = page.saved(page.panel.get_by_role("button", name="Everything (JSON)"))

    data = json.loads(content)
    assert (data["run"], data["layer"]["name"]) == (SICK, DEAD)
    kept = data["statistics"]["weight_norm"]
    assert kept["steps"] == list(STEPS)
    values = np.array(kept["values"]).reshape(12, len(STEPS))
    assert values == pytest.approx(norms(SICK, DEAD), rel=1e-5)
    assert (
        sum(data["inputs"]["counts"][-len(data["inputs"]["edges"]) + 1 :]) == 12 * made_logs.SAMPLES
    )
    assert len(data["weights"]) == 12


def test_the_data_of_a_layer_is_saved_as_a_table(opened: Open) -> None:
    with opened("neurons", SICK, layer=DEAD) as page:
        page.panel.locator("nn-layer-export summary").click()
        rows = table(page.saved(page.panel.get_by_role("button", name="Figures and neurons (CSV)")))

    assert rows[0] == ["figure", "neuron", *(f"step {step}" for step in STEPS)]
    by_name = {(row[0], row[1]): row[2:] for row in rows[1:]}
    assert [float(cell) for cell in by_name["weight_norm", "3"]] == pytest.approx(
        norms(SICK, DEAD)[3], rel=1e-5
    )
    assert float(by_name["dead_share", ""][-1]) == pytest.approx(8 / 12)


def test_scalars_of_one_quantity_share_an_axis_and_others_have_their_own(opened: Open) -> None:
    with opened("overview", SICK, scalars="loss,accuracy,val_loss") as page:
        timeline = page.panel.locator("nn-timeline-bar")
        lanes = timeline.locator("nn-timeline")
        expect(lanes).to_have_count(2)
        for lane in lanes.all():
            assert page.drawn(lane.locator("canvas").first) == [True]
        keys = timeline.locator(".key").all_inner_texts()
        assert [key.split() for key in keys] == [["loss", "val_loss"], ["accuracy"]]
        dashes = timeline.locator(".key [data-dash]").evaluate_all(
            "all => all.map(e => e.dataset.dash)"
        )
        assert dashes[0] != dashes[1]
        # The lanes stand on the same steps: what is left of a zoom begins and ends alike.
        ends = lanes.evaluate_all("all => all.map(e => e.stepDomain().join())")
        assert len(set(ends)) == 1


def test_the_timeline_is_smoothed_and_nothing_else(opened: Open) -> None:
    with opened("overview", SICK, scalars="loss", smoothing="0.9") as page:
        assert page.drawn(page.panel.locator("nn-timeline-bar canvas:visible").first) == [True]
        spoken = page.cell("head", "gradient").locator(".visually-hidden").inner_text()
    with opened("overview", SICK) as page:
        assert page.cell("head", "gradient").locator(".visually-hidden").inner_text() == spoken


def test_a_timeline_without_scalars_shows_the_line_that_fills_it(opened: Open) -> None:
    with opened("overview", WIDE) as page:
        expect(page.panel.locator("nn-timeline-bar pre")).to_contain_text("scalars=")
