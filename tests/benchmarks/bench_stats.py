"""What full statistics cost per parameter, beside rivals that make a histogram alone.

Timed: ``python tests/benchmarks/bench_stats.py``. As a test (``test_bench_stats.py``) the same code
runs once on small tensors, untimed.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from nnviz_tb.statistics import stats
from nnviz_tb.statistics.reduction import compiled, reduce_kernel, thread_count

Rival = Callable[[np.ndarray], object]
Shape = tuple[int, ...]


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


def rivals() -> dict[str, Rival]:
    """Ours first, then what else is installed, each as its users call it."""

    def ours(tensor: np.ndarray) -> object:
        return stats.kernel_statistics(tensor)

    found: dict[str, Rival] = {f"nnviz_tb ({stats.ENGINE}, {thread_count()} threads)": ours}
    if compiled is not None:
        found["nnviz_tb, NumPy's path"] = lambda tensor: reduce_kernel(
            np.atleast_2d(tensor), "numpy"
        )
    found["np.sum"] = np.sum
    found["np.histogram"] = lambda tensor: np.histogram(tensor, bins=64)
    if importlib.util.find_spec("tensorboardX"):
        from tensorboardX.summary import histogram

        found["tensorboardX"] = lambda tensor: histogram("tag", tensor, "auto")
    if importlib.util.find_spec("torch"):
        from torch.utils.tensorboard.summary import histogram as torch_histogram

        found["torch"] = lambda tensor: torch_histogram("tag", tensor, "tensorflow")
    if importlib.util.find_spec("tensorflow"):
        import tempfile

        import tensorflow as tf

        writer = tf.summary.create_file_writer(tempfile.mkdtemp())

        def tf_histogram(tensor: np.ndarray) -> None:
            with writer.as_default(step=0):
                tf.summary.histogram("tag", tensor)

        found["tf.summary.histogram"] = tf_histogram
    return found


def measure(work: Callable[[], object], repeats: int) -> float:
    """Median wall time of ``work`` in seconds, after one call to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def table(cases: dict[str, Sequence[np.ndarray]], repeats: int) -> list[str]:
    """A line per case and rival: nanoseconds per parameter, and the ratio to ours."""
    lines = [f"{'tensors':<24}{'way':<36}{'ns/param':>10}{'ratio':>8}"]
    for case, tensors in cases.items():
        parameters = sum(tensor.size for tensor in tensors)
        ours = None
        for name, work in rivals().items():

            def each(work: Rival = work, tensors: Sequence[np.ndarray] = tensors) -> None:
                for tensor in tensors:
                    work(tensor)

            cost = measure(each, repeats) / parameters * 1e9
            ours = ours or cost
            lines.append(f"{case:<24}{name:<36}{cost:>10.2f}{cost / ours:>8.1f}")
    return lines


def tensors_of(shapes: Sequence[Shape], shrink: int = 1) -> list[np.ndarray]:
    """Weights as an initialiser would draw them; ``shrink`` divides every axis."""
    rng = np.random.default_rng(0)
    small = [tuple(max(1, n // shrink) for n in shape) for shape in shapes]
    return [(rng.standard_normal(shape, np.float32) * np.float32(0.02)) for shape in small]


def cases(shrink: int = 1) -> dict[str, Sequence[np.ndarray]]:
    """What is measured."""
    (square,) = tensors_of([(4096, 4096)], shrink)
    return {
        "4096×4096": [square],
        "4096×4096 transposed": [square.T],
        "ResNet-50, 161 tensors": tensors_of(resnet50(), shrink),
        "GPT-2 small, 148 tensors": tensors_of(gpt2_small(), shrink),
    }


if __name__ == "__main__":
    print("\n".join(table(cases(), repeats=5)))
