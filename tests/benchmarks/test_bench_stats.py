"""The statistics benchmark runs, on small tensors and untimed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bench_stats


def test_the_models_have_as_many_tensors_and_parameters_as_published():
    sizes = {
        name: (len(shapes), sum(bench_stats.np.prod(shape) for shape in shapes))
        for name, shapes in {
            "resnet50": bench_stats.resnet50(),
            "gpt2": bench_stats.gpt2_small(),
        }.items()
    }
    assert sizes == {"resnet50": (161, 25_557_032), "gpt2": (148, 124_439_808)}


def test_every_rival_runs_on_every_case(monkeypatch):
    # TensorFlow is left to the timed run, and torch, whose writer imports TensorFlow: that takes
    # longer than all other rivals together.
    found = bench_stats.importlib.util.find_spec
    monkeypatch.setattr(
        bench_stats.importlib.util,
        "find_spec",
        lambda name: None if name in ("tensorflow", "torch") else found(name),
    )
    bench_stats.rivals.cache_clear()
    cases = bench_stats.cases(shrink=64)
    lines = bench_stats.table(cases, seconds=0.0)
    ways = {case: "samples" if "samples" in case else "weights" for case in cases}
    assert [line[:26].strip() for line in lines[1:]] == [
        case for case, kind in ways.items() for _ in bench_stats.ways(kind)
    ]
    assert all(float(line.split()[-1]) > 0.0 for line in lines[1:])
