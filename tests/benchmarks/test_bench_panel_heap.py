"""Going from view to view leaves nothing behind: the memory benchmark, small and untimed."""

from __future__ import annotations

import bench_panel_heap
import panel_log
import pytest
from bench_panel_heap import EVERY, Held, growth

MORE_MB, MORE_NODES, MORE_LISTENERS = 4.0, 400, 20
"""Sixteen views later. One that is left behind holds hundreds of nodes and dozens of listeners;
the run has grown by some steps meanwhile, of a few kilobytes each."""


@pytest.mark.slow
@pytest.mark.browser
def test_views_that_were_left_are_let_go_of(chromium: str) -> None:
    samples = list(bench_panel_heap.run(panel_log.SMALL, 4 * EVERY, 0.0, "python", chromium))
    assert [sample.change for sample in samples] == [0, 8, 16, 24, 32]
    megabytes, nodes, listeners = growth(samples)
    assert megabytes < MORE_MB
    assert nodes < MORE_NODES
    assert listeners < MORE_LISTENERS
    assert samples[-1].total_mb < bench_panel_heap.GOAL_MB


def test_what_grows_with_the_views_is_found_and_what_is_let_go_of_late_is_not() -> None:
    changes = (0, 8, 16, 24, 32)
    leaking = [Held(change, 0.0, 20 + change, 1.0, 100 * change, change) for change in changes]
    assert growth(leaking) == (16.0, 1600, 16)
    late = [Held(change, 0.0, 20, 1.0, 5000 if change == 32 else 1000, 9) for change in changes]
    assert growth(late) == (0.0, 0, 0)
    with pytest.raises(ValueError, match="two are held against two"):
        growth(leaking[:4])
