"""The torch benchmark runs, a few steps of tiny networks, untimed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import bench_torch

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")
def test_every_way_trains_every_network(monkeypatch):
    monkeypatch.setattr(bench_torch, "EVERY", 2)
    lines = list(bench_torch.table(steps=5, tiny=True))
    assert len(lines) == 1 + 2 * len(bench_torch.WAYS)


def test_the_watch_records_what_the_benchmark_trains(tmp_path):
    make, batches = bench_torch.networks(tiny=True)["GPT"]
    bench_torch.train(make(), batches, bench_torch.ours, 1, str(tmp_path))
    (log,) = tmp_path.iterdir()
    assert b"nnviz/density/layers/0/gelu" in log.read_bytes()
