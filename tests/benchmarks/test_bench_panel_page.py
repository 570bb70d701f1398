"""The benchmark of opening the panel runs, small and untimed, so that it runs when it is needed."""

from __future__ import annotations

import bench_panel_page
import panel_log
import pytest
from bench_panel_page import LOSS, OURS, THEIRS, Openings


@pytest.mark.slow
@pytest.mark.browser
def test_opening_the_panel_is_measured_beside_tensorboards_histograms(chromium: str) -> None:
    openings = bench_panel_page.run(panel_log.SMALL, 1, "python", None, chromium)
    assert {way: len(spans) for way, spans in openings.spans_ms.items()} == {
        OURS: 2,
        LOSS: 2,
        THEIRS: 2,
    }
    assert all(span > 0 for spans in openings.spans_ms.values() for span in spans)


def test_the_first_round_is_told_apart_from_the_median() -> None:
    openings = Openings({OURS: [90.0, 2.0, 1.0, 3.0], LOSS: [9.0, 1.0], THEIRS: [9.0, 4.0]})
    assert openings.ratio == 0.5
    heading, *lines = bench_panel_page.table(openings)
    assert lines[0].split() == [OURS, "90", "2", "1", "3", "0.50"]
    assert heading.split()[-5:] == ["first", "median", "min", "max", "ratio"]
