"""The torch benchmark runs, a few steps of tiny networks, untimed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import bench_torch
from torch_networks import networks

pytestmark = pytest.mark.slow

WAYS = [way for way in bench_torch.WAYS if way not in bench_torch.NEEDS]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")
@pytest.mark.parametrize("network", ["ResNet", "GPT"])
def test_every_way_trains_every_network_and_rivals_log_the_steps_of_the_watch(network, tmp_path):
    runs = {}
    for way in WAYS:
        folder = tmp_path / way
        folder.mkdir()
        logged = tuple(runs["nnviz_tb"].logged) if "nnviz_tb" in runs else ()
        # Batches come from endless generators: each way gets new ones.
        net = networks(tiny=True)[network]
        runs[way] = bench_torch.train(net, way, 6, str(folder), bench_torch.Plan(2, logged))

    assert runs["nnviz_tb"].logged == [1, 2, 4, 6]
    assert runs["add_histogram"].logged == runs["nnviz_tb"].logged
    assert runs["nnviz_tb"].series > runs["add_histogram"].series
    assert {len(run.seconds) for run in runs.values()} == {6}
    assert bench_torch.line([runs["nnviz_tb"]], [runs["nothing"]]).count("%") == 3


def test_what_logged_steps_add_is_told_from_the_steps_between_them():
    run = bench_torch.Run([2.0, 1.0, 1.5, 1.0, 1.0], 6.5, [1, 3], 7)
    assert (run.plain, run.adds, run.first_adds) == (1.0, 0.5, 1.0)
    assert run.share == pytest.approx(1.5 / 5.0)


def test_a_rival_that_can_only_log_evenly_logs_as_many_steps():
    assert bench_torch.Plan("auto", (1, 2, 3, 4, 6, 8, 12)).stride == 2


def test_the_watch_records_what_the_benchmark_trains(tmp_path):
    bench_torch.train(networks(tiny=True)["GPT"], "nnviz_tb", 1, str(tmp_path), bench_torch.Plan())
    (log,) = tmp_path.iterdir()
    assert b"nnviz/density/layers/0/gelu" in log.read_bytes()


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")
def test_steps_that_are_not_logged_are_held_against_those_without_a_watch():
    ratios = bench_torch.between(networks(tiny=True)["GPT"], turns=3, steps=4)
    assert len(ratios) == 3
    assert all(ratio > 0 for ratio in ratios)
