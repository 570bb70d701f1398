"""Going from view to view leaves nothing behind: the memory benchmark, small and untimed."""

from __future__ import annotations

import bench_panel_heap
import panel_log
import pytest
from bench_panel_heap import CYCLE, Held, growth

MORE_MB, MORE_NODES, MORE_LISTENERS = 4.0, 400, 20
"""Of two rounds of the same views: a view left behind holds thousands of nodes and dozens of
listeners, a step more of the run a few kilobytes and a row of a table."""


@pytest.mark.slow
@pytest.mark.browser
def test_views_that_were_left_are_let_go_of(chromium: str) -> None:
    samples = list(bench_panel_heap.run(panel_log.SMALL, 2 * CYCLE, 0.0, "python", chromium))
    assert [sample.change for sample in samples] == [0, 8, 16, 24, 32]
    megabytes, nodes, listeners = growth(samples)
    assert megabytes < MORE_MB
    assert nodes < MORE_NODES
    assert listeners < MORE_LISTENERS
    assert samples[-1].total_mb < bench_panel_heap.GOAL_MB


def test_what_grows_from_round_to_round_is_found() -> None:
    leaking = [
        Held(change, 0.0, 20 + change, 1.0, 100 * change, change) for change in (0, 8, 16, 32)
    ]
    assert growth(leaking) == (16.0, 1600, 16)
    with pytest.raises(ValueError, match="two are compared"):
        growth(leaking[:3])
