"""The benchmark of the monitor runs on tiny networks, untimed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import bench_health

pytestmark = pytest.mark.slow


def test_both_networks_train_under_a_monitor_that_is_timed() -> None:
    heading, *lines = bench_health.table(seconds=0.0, tiny=True)
    assert "monitor %" in heading
    # 53 convolutions and the dense layer; their norms; 49 times a ReLU.
    assert [line.split()[:2] for line in lines] == [["small", "7"], ["ResNet-50", "156"]]


def test_the_monitor_s_time_is_part_of_the_logging_s() -> None:
    of = bench_health.train(bench_health.small(2), bench_health.digits(4), 0.0)
    assert 0.0 < of.monitor_s < of.logging_s < of.seconds
    assert of.logged >= 1
