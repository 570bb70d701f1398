"""What full statistics cost per parameter, beside rivals that make a histogram alone.

Timed: ``python tests/benchmarks/bench_stats.py``, about a minute. As a test
(``test_bench_stats.py``) the same code runs once on small tensors, untimed.

Other work on the machine only ever makes a run longer, so the fastest of several is nearest to what
the code costs, and the median tells how far to trust it. Ways take turns: what disturbs one round
disturbs them all. Wall time is what a training waits; processor time adds up all threads.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from unittest import mock

import numpy as np

from nnviz_tb.statistics import engine, stats
from nnviz_tb.statistics.curves import Zones
from nnviz_tb.statistics.density import active_counts, density, mean_magnitude
from nnviz_tb.statistics.engine import THREADS_VARIABLE, thread_count
from nnviz_tb.statistics.moments import mean_and_std

Work = Callable[[np.ndarray], object]
Shape = tuple[int, ...]
ZONES = Zones(dead_below=0.0)


def resnet50() -> list[Shape]:
    """``[fan_in, neurons]`` or ``[neurons]`` of ResNet-50's 161 parameter tensors."""
    shapes: list[Shape] = [(147, 64), (64,), (64,)]
    channels = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            for fan_in, neurons in ((channels, width), (9 * width, width), (width, 4 * width)):
                shapes += [(fan_in, neurons), (neurons,), (neurons,)]
            if block == 0:
                shapes += [(channels, 4 * width), (4 * width,), (4 * width,)]
            channels = 4 * width
    return [*shapes, (2048, 1000), (1000,)]


def gpt2_small() -> list[Shape]:
    """The same of GPT-2 small's 148 tensors."""
    shapes: list[Shape] = [(768, 50257), (768, 1024)]
    for _ in range(12):
        for fan_in, neurons in ((768, 2304), (768, 768), (768, 3072), (3072, 768)):
            shapes += [(fan_in, neurons), (neurons,)]
        shapes += [(768,)] * 4
    return [*shapes, (768,), (768,)]


def full_statistics(tensor: np.ndarray) -> object:
    """What a logged step asks of a kernel, or of a vector."""
    work = stats.kernel_statistics if tensor.ndim == 2 else stats.array_statistics
    return work(tensor)


def without_compiled() -> AbstractContextManager[object]:
    """As where no compiler was found when the package was installed."""
    return mock.patch.object(engine, "compiled", None)


def on_one_thread() -> AbstractContextManager[object]:
    """As where the user allows no further threads."""
    return mock.patch.dict(os.environ, {THREADS_VARIABLE: "1"})


def of_samples(samples: np.ndarray) -> object:
    """What a logged step asks of the inputs and outputs of a ReLU."""
    return (
        density(samples),
        mean_and_std(samples),
        active_counts(samples, ZONES),
        mean_magnitude(samples),
    )


@dataclass(frozen=True)
class Way:
    """Something to be measured.

    Attributes:
      work: done to one tensor.
      setting: entered for each run, not for each tensor.
      every: only every so many of a model's tensors are worked on, because it takes so long.
    """

    work: Work
    setting: Callable[[], AbstractContextManager[object]] = nullcontext
    every: int = 1


@functools.cache
def rivals() -> dict[str, Way]:
    """What others' users call for a histogram, as far as it is installed."""
    found: dict[str, Way] = {
        "np.sum": Way(np.sum),
        "np.histogram": Way(lambda tensor: np.histogram(tensor, bins=64), every=4),
    }
    if importlib.util.find_spec("tensorboardX"):
        from tensorboardX.summary import histogram

        found["tensorboardX"] = Way(lambda tensor: histogram("tag", tensor, "auto"), every=16)
    if importlib.util.find_spec("torch"):
        from torch.utils.tensorboard import SummaryWriter

        torch_writer = SummaryWriter(tempfile.mkdtemp())
        found["torch add_histogram"] = Way(
            lambda tensor: torch_writer.add_histogram("tag", tensor, 0), every=16
        )
    if importlib.util.find_spec("tensorflow"):
        import tensorflow as tf

        writer = tf.summary.create_file_writer(tempfile.mkdtemp())

        def tf_histogram(tensor: np.ndarray) -> None:
            with writer.as_default(step=0):
                tf.summary.histogram("tag", tensor)

        found["tf.summary.histogram"] = Way(tf_histogram, every=16)
    return found


def ways(of: str) -> dict[str, Way]:
    """Ours first, then what it is compared with, for ``weights`` or ``samples``."""
    ours = of_samples if of == "samples" else full_statistics
    found = {f"nnviz_tb ({engine.ENGINE}, {thread_count()} threads)": Way(ours)}
    if of == "weights" and thread_count() > 1:
        found["nnviz_tb, one thread"] = Way(ours, on_one_thread)
    if engine.compiled is not None:
        found["nnviz_tb, NumPy's path"] = Way(ours, without_compiled)
    return {**found, **rivals()}


def once(way: Way, tensors: Sequence[np.ndarray]) -> tuple[float, float]:
    """Wall and processor nanoseconds per number of one pass over the tensors."""
    # Not from the first on: a model's first tensors are its largest or its smallest.
    chosen = tensors[min(way.every, len(tensors)) // 2 :: way.every]
    with way.setting():
        wall, processor = time.perf_counter_ns(), time.process_time_ns()
        for tensor in chosen:
            way.work(tensor)
        wall, processor = time.perf_counter_ns() - wall, time.process_time_ns() - processor
    count = sum(tensor.size for tensor in chosen)
    return wall / count, processor / count


def measure(
    ways: dict[str, Way], tensors: Sequence[np.ndarray], seconds: float
) -> dict[str, list[tuple[float, float]]]:
    """What each run of every way took, in turns, for about so long.

    Ways that are left out of most of a model's tensors run once, all others at least once, after a
    call with a small tensor that brings their imports in.
    """
    runs: dict[str, list[tuple[float, float]]] = {}
    for name, way in ways.items():
        way.work(tensors[0][:8].copy())
        runs[name] = [once(way, tensors)]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, way in ways.items():
            if way.every == 1:
                runs[name].append(once(way, tensors))
    return runs


def table(cases: dict[str, Sequence[np.ndarray]], seconds: float) -> list[str]:
    """A line per case and way: nanoseconds per number, and the ratio of the fastest to ours.

    Args:
      seconds: for each case, besides a first run of every way.
    """
    lines = [
        f"{'nanoseconds per number':<26}{'way':<34}{'wall min':>9}{'median':>8}{'CPU min':>9}"
        f"{'runs':>6}{'ratio':>8}"
    ]
    for case, tensors in cases.items():
        found = measure(ways("samples" if "samples" in case else "weights"), tensors, seconds)
        ours = None
        for name, runs in found.items():
            wall, processor = ([run[k] for run in runs] for k in (0, 1))
            ours = ours or min(wall)
            lines.append(
                f"{case:<26}{name:<34}{min(wall):>9.2f}{statistics.median(wall):>8.2f}"
                f"{min(processor):>9.2f}{len(runs):>6}{min(wall) / ours:>8.3g}"
            )
    return lines


def tensors_of(shapes: Sequence[Shape], shrink: int = 1) -> list[np.ndarray]:
    """Weights as an initialiser would draw them; ``shrink`` divides every axis."""
    rng = np.random.default_rng(0)
    small = [tuple(max(1, n // shrink) for n in shape) for shape in shapes]
    return [(rng.standard_normal(shape, np.float32) * np.float32(0.02)) for shape in small]


def cases(shrink: int = 1) -> dict[str, Sequence[np.ndarray]]:
    """What is measured."""
    (square,) = tensors_of([(4096, 4096)], shrink)
    (samples,) = tensors_of([(147_456, 16)], shrink)
    return {
        "4096×4096": [square],
        "4096×4096 transposed": [square.T],
        "ResNet-50, 161 tensors": tensors_of(resnet50(), shrink),
        "GPT-2 small, 148 tensors": tensors_of(gpt2_small(), shrink),
        "100 kernels of 64×64": tensors_of([(64, 64)] * 100, shrink),
        "147,456×16 samples": [samples * np.float32(50)],
    }


if __name__ == "__main__":
    print("\n".join(table(cases(), seconds=5.0)))
