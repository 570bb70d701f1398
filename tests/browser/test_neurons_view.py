"""The Neurons view: in which order rows stand, what a brush zooms, paths, and what is pinned."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from made_logs import HEALTHY, STEPS, weights_at
from panel_page import Open, PanelPage
from playwright.sync_api import expect
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util
from tensorboard_process import TensorBoard

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAYER = "encoder/dense_1"


def norms() -> np.ndarray:
    """``float64[steps, neurons]`` norms of the weights that were logged."""
    kernels = [weights_at(HEALTHY, step)[f"{LAYER}/kernel"] for step in STEPS]
    return np.linalg.norm(np.asarray(kernels, np.float32).astype(np.float64), axis=1)


def rows_of(page: PanelPage) -> list[int]:
    """The neurons of the heat map from top to bottom."""
    text: str = page.panel.locator("nn-heat-map").evaluate("map => map.toCsv()")
    return [int(row[0]) for row in list(csv.reader(io.StringIO(text)))[1:]]


def sorted_by(page: PanelPage, name: str) -> list[int]:
    page.panel.get_by_role("radio", name=name, exact=True).click()
    page.settled()
    return rows_of(page)


def points_of(page: PanelPage) -> dict[int, np.ndarray]:
    """``{neuron: float64[steps, 2]}`` of the paths that are drawn."""
    text: str = page.panel.locator("nn-path-chart").evaluate("chart => chart.toCsv()")
    found: dict[int, list[tuple[float, float]]] = {}
    for row in list(csv.reader(io.StringIO(text)))[1:]:
        found.setdefault(int(row[1]), []).append((float(row[3]), float(row[4])))
    return {neuron: np.array(points) for neuron, points in found.items()}


def test_rows_stand_by_index_value_movement_and_similarity(opened: Open) -> None:
    values = norms()
    count = values.shape[1]
    with opened("neurons", HEALTHY, layer=LAYER, step="200") as page:
        assert rows_of(page) == list(range(count))
        at_step = values[STEPS.index(200)]
        assert sorted_by(page, "value") == list(np.argsort(-at_step))
        moved = values.max(axis=0) - values.min(axis=0)
        assert sorted_by(page, "movement") == list(np.argsort(-moved))
        walk = sorted_by(page, "similarity")
        ends = {neuron: points[-1] for neuron, points in points_of(page).items()}
    # From the neuron that has come farthest, each time to the nearest of those that are left.
    assert sorted(walk) == list(range(count))
    assert walk[0] == max(ends, key=lambda neuron: float(np.hypot(*ends[neuron])))
    for place, neuron in enumerate(walk[1:], 1):
        away = {one: float(np.hypot(*(ends[one] - ends[walk[place - 1]]))) for one in walk[place:]}
        assert away[neuron] == pytest.approx(min(away.values()), rel=1e-5)


def test_paths_explain_as_much_of_the_variance_as_they_say(
    opened: Open, board: TensorBoard
) -> None:
    log = EventAccumulator(str(board.logdir / HEALTHY), {"tensors": 0}).Reload()
    events = log.Tensors(f"nnviz/sketch/{LAYER}")
    sketches = np.array([tensor_util.make_ndarray(e.tensor_proto) for e in events], np.float64)
    cloud = sketches.reshape(-1, sketches.shape[-1])
    power = np.linalg.svd(cloud - cloud.mean(axis=0), compute_uv=False) ** 2
    explained = power[:2] / power.sum()
    with opened("neurons", HEALTHY, layer=LAYER) as page:
        words = page.panel.get_by_text("PCA of 12 neurons")
        expect(words).to_contain_text(f"{explained.sum():.0%}".replace("%", " %"))
        note = page.panel.locator("nn-path-chart").evaluate("chart => chart.words.note")
        assert note.startswith("A random walk looks smooth")  # drawn below the paths
        assert {len(points) for points in points_of(page).values()} == {len(STEPS)}


def test_a_brush_over_the_heat_map_zooms_rows_there_and_steps_everywhere(opened: Open) -> None:
    with opened("neurons", HEALTHY, layer=LAYER) as page:
        over = page.panel.locator("nn-heat-map .u-over")
        box = over.bounding_box()
        assert box is not None
        mouse = page.page.mouse
        mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.3 * box["height"])
        mouse.down()
        mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
        mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
        mouse.up()
        page.settled()
        page.page.wait_for_url(lambda url: "p.nnviz.zoom=" in url)
        low, high = page.page.url.partition("p.nnviz.zoom=")[2].partition("&")[0].split("..")
        assert 80 <= float(low) <= 110
        assert 280 <= float(high) <= 310
        expect(page.panel.get_by_role("button", name="Show all steps")).to_be_visible()
        for share in (0.03, 0.97):
            mouse.click(box["x"] + 0.5 * box["width"], box["y"] + share * box["height"])
        page.page.wait_for_url(lambda url: url.count(f"%40{LAYER.replace('/', '%2F')}") == 2)
        pins = page.panel.locator("nn-heat-map").evaluate("map => map.pins.map(pin => pin.neuron)")
        # Of twelve rows those from 0.3 to 0.7 of the height, the cut ones included.
        assert pins == [3, 8]


def test_pinned_neurons_have_one_colour_in_every_chart(opened: Open) -> None:
    with opened("neurons", HEALTHY, layer=LAYER, pins=f"3.0@{LAYER},5.1@{LAYER}") as page:
        weights = page.panel.locator("nn-weights-chart")
        colors = [
            {pin["neuron"]: pin["color"] for pin in page.panel.locator(name).first.evaluate(read)}
            for name, read in (
                ("nn-heat-map", "one => one.pins.map(({neuron, color}) => ({neuron, color}))"),
                ("nn-trajectories", "one => one.pins.map(({neuron, color}) => ({neuron, color}))"),
                ("nn-path-chart", "one => one.pins.map(({neuron, color}) => ({neuron, color}))"),
            )
        ]
        assert set(colors[0]) == {3, 5}
        assert len(set(colors[0].values())) == 2
        assert colors[1] == colors[2] == colors[0]
        expect(weights.first).to_be_visible()
        page.all_drawn()
