"""What cannot be read is said in words where it would stand, by the real panel."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from panel_page import PanelPage
from playwright.sync_api import expect
from shells import Shells
from synthetic_log import Log, rows_at
from tensorboard_process import TensorBoard, start

from nnviz_tb import schema

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_MS = 15_000


def of_a_newer_schema(metadata: schema.Metadata) -> bytes:
    """The metadata as a release to come may write it."""
    return json.dumps({**json.loads(metadata.to_bytes()), "v": 2, "more": [1]}).encode()


def write(logdir: Path) -> None:
    """Runs of this schema and the next, and one with a series that is beyond all limits."""
    for step in range(3):
        rows = rows_at(step)
        if step == 0:
            good, newer, large = (Log(logdir / name) for name in ("good", "newer", "large"))
        good.step(step, rows, {"loss": 1.0})
        newer.step(
            step,
            {tag: (of_a_newer_schema(about), row) for tag, (about, row) in rows.items()},
            {"loss": 2.0},
        )
        huge = schema.SeriesMetadata(1 << 25, 1 << 25)
        large.step(step, {**rows, "nnviz/weight_norm/dense": (huge, np.zeros(6, np.float32))})


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir = tmp_path_factory.mktemp("faulty")
    write(logdir)
    server = start("rust", logdir)
    try:
        for run in ("good", "newer", "large"):
            server.wait_for_step(run, 2)
        yield server
    finally:
        server.close()


def test_a_run_of_a_newer_schema_says_in_every_view_what_to_upgrade(
    faulty: TensorBoard, shells: Shells
) -> None:
    with PanelPage.opened(shells, faulty.address, state="&p.nnviz.runs=newer") as page:
        words = page.panel.locator("main nn-empty")
        for view in ("Overview", "Activations", "Neurons", "Findings"):
            page.view(view)
            expect(words).to_contain_text(
                "upgrade nnviz_tb where TensorBoard runs", timeout=WAIT_MS
            )
            expect(words).to_contain_text("schema 2")
        page.only_run("good")
        page.settled()
        expect(page.panel.locator("main")).not_to_contain_text("upgrade nnviz_tb")
        # What else is asked of that run is refused too, and the browser notes that on its console.
        assert [one for one in page.complaints if "?run=newer" not in one] == []


def test_a_series_too_large_to_read_says_so_in_the_place_of_its_chart(
    faulty: TensorBoard, shells: Shells
) -> None:
    state = "&p.nnviz.view=neurons&p.nnviz.runs=large&p.nnviz.layer=dense"
    with PanelPage.opened(shells, faulty.address, state=state) as page:
        words = page.panel.locator("main .failure").first
        expect(words).to_contain_text("may be read at once", timeout=WAIT_MS)
        expect(words).to_contain_text("--samples_per_plugin nnviz=")
        assert page.charts().count() > 0  # the others are drawn


def test_the_death_of_the_data_server_is_told_in_the_place_of_the_charts(
    tmp_path: Path, shells: Shells
) -> None:
    write(tmp_path)
    board = start("rust", tmp_path)
    try:
        board.wait_for_step("good", 2)
        state = "&p.nnviz.view=neurons&p.nnviz.runs=good&p.nnviz.layer=dense"
        with PanelPage.opened(shells, board.address, state=state) as page:
            page.all_drawn()
            for child in Path(f"/proc/{board.pid}/task/{board.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            page.view("Activations")
            words = page.panel.locator("main .failure").first
            expect(words).to_contain_text("data server failed", timeout=WAIT_MS)
            banner = page.panel.locator(".banner")
            expect(banner).to_contain_text("data server failed", timeout=WAIT_MS)
            answer = board.get("catalogue")
            assert (answer.status, answer.json["error"]["code"]) == (503, "unavailable")
    finally:
        board.close()
