"""Peak extra memory while a large layer is logged, beside other writers' histograms.

Run: ``python tests/benchmarks/bench_memory.py``. A peak cannot be taken back, so every way has a
process of its own; each makes the layer, notes what it holds, logs once, and asks the kernel for
the highest it came to.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

WAYS = ("nnviz_tb log_model", "np.histogram", "torch", "tensorboardX", "tf.summary.histogram")


def logging_call(way: str, directory: str) -> Callable[[np.ndarray], object]:
    """What logs a kernel, with everything imported that it needs."""
    if way == "nnviz_tb log_model":
        from nnviz_tb.recording.writer import SummaryWriter

        ours = SummaryWriter(directory)
        return lambda kernel: ours.log_model({"layer/kernel": kernel}, 0)
    if way == "np.histogram":
        return lambda kernel: np.histogram(kernel, bins=64)
    if way == "tf.summary.histogram":
        import tensorflow as tf

        writer = tf.summary.create_file_writer(directory)

        def log(kernel: np.ndarray) -> None:
            with writer.as_default(step=0):
                tf.summary.histogram("layer/kernel", kernel)
            writer.flush()

        return log
    if way == "torch":
        from torch.utils.tensorboard import SummaryWriter as Writer
    else:
        from tensorboardX import SummaryWriter as Writer
    theirs = Writer(directory)
    return lambda kernel: theirs.add_histogram("layer/kernel", kernel, 0)


def memory(field: str) -> int:
    """Bytes that this process holds (``VmRSS``) or held at most (``VmHWM``)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def measure_here(way: str, mebibytes: int) -> tuple[float, float]:
    """Extra MiB at the peak, and seconds, of logging one kernel in this process."""
    with tempfile.TemporaryDirectory() as directory:
        log = logging_call(way, directory)
        log(np.ones((64, 64), np.float32))
        kernel = np.empty((mebibytes * 64, 4096), np.float32)
        rng = np.random.default_rng(0)
        for start in range(0, kernel.shape[0], 1024):
            kernel[start : start + 1024] = rng.standard_normal((1024, 4096), np.float32)[
                : kernel.shape[0] - start
            ]
        Path("/proc/self/clear_refs").write_text("5")  # begins the high-water mark anew
        held = memory("VmRSS")
        began = time.perf_counter()
        log(kernel)
        seconds = time.perf_counter() - began
        return (memory("VmHWM") - held) / 2**20, seconds


def table(mebibytes: int, ways: tuple[str, ...] = WAYS) -> list[str]:
    """A line for each way that is installed."""
    lines = [f"{'way':<24}{'extra MiB at the peak':>24}{'seconds':>10}"]
    for way in ways:
        module = way.partition(".")[0].replace("tf", "tensorflow").partition(" ")[0]
        if importlib.util.find_spec("numpy" if module == "np" else module) is None:
            continue
        done = subprocess.run(
            [sys.executable, __file__, "--way", way, "--mebibytes", str(mebibytes)],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        extra, seconds = (float(number) for number in done.stdout.split()[-2:])
        lines.append(f"{way:<24}{extra:>24.1f}{seconds:>10.2f}")
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--mebibytes", type=int, default=1024)
    given = parser.parse_args()
    if given.way:
        print(*measure_here(given.way, given.mebibytes))
    else:
        print(f"a layer of {given.mebibytes} MiB, float32")
        print("\n".join(table(given.mebibytes)))
