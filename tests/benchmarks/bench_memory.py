"""Peak extra memory while a large layer is logged, beside other writers' histograms.

Run: ``python tests/benchmarks/bench_memory.py``, about two minutes. A peak cannot be taken back, so
every way has a process of its own; each makes the layer, notes what it holds, logs two steps, and
asks the kernel for the highest it came to. A way that comes to ``--limit-mebibytes`` is ended
there, before it takes what the rest of the machine needs.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
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


def memory(field: str, process: int | str = "self") -> int:
    """Bytes that a process holds (``VmRSS``) or held at most (``VmHWM``)."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def extra_at_peak(work: Callable[[], object]) -> int:
    """Bytes by which this process grew at most meanwhile.

    Linux begins the highest mark anew and tells it to the page. Other systems tell the highest of
    the process's life, which is about what it held before, since it holds nearly all it ever did.
    """
    marks = Path("/proc/self/clear_refs")
    if marks.exists():
        marks.write_text("5")
        held = memory("VmRSS")
        work()
        return memory("VmHWM") - held
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit


def measure_here(way: str, mebibytes: int) -> tuple[float, float]:
    """Extra MiB at the peak, and seconds, of logging one kernel twice in this process."""
    with tempfile.TemporaryDirectory() as warm, tempfile.TemporaryDirectory() as directory:
        # All that is imported late; in a run of its own, for a layer keeps the width it began with.
        logging_call(way, warm)(np.ones((64, 64), np.float32))
        log = logging_call(way, directory)
        kernel = np.empty((mebibytes * 64, 4096), np.float32)
        rng = np.random.default_rng(0)
        for start in range(0, kernel.shape[0], 1024):
            kernel[start : start + 1024] = rng.standard_normal((1024, 4096), np.float32)[
                : kernel.shape[0] - start
            ]
        began = time.perf_counter()

        def twice() -> None:
            log(kernel)
            kernel[:1024] *= np.float32(1.01)
            log(kernel)  # and what was kept of the first step

        extra = extra_at_peak(twice)
        return extra / 2**20, time.perf_counter() - began


def measure(way: str, mebibytes: int, limit: int) -> tuple[float, float] | None:
    """The same in a process of its own; None when that came to so many MiB and was ended."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--way", way, "--mebibytes", str(mebibytes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    while process.poll() is None:
        try:
            if memory("VmRSS", process.pid) > limit << 20:
                process.kill()
                process.communicate()
                return None
        except (OSError, LookupError):  # it has just ended, or this is not Linux
            pass
        time.sleep(0.02)
    told, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{way} ended with status {process.returncode}")
    extra, seconds = (float(number) for number in told.split()[-2:])
    return extra, seconds


def table(mebibytes: int, ways: tuple[str, ...] = WAYS, limit: int = 8192) -> Iterator[str]:
    """A line for each way that is installed, as it is found, with its ratio to the first."""
    yield f"{'way':<24}{'extra MiB at the peak':>24}{'ratio':>10}{'seconds':>10}"
    ours = 0.0
    for way in ways:
        module = way.partition(".")[0].replace("tf", "tensorflow").partition(" ")[0]
        if importlib.util.find_spec("numpy" if module == "np" else module) is None:
            continue
        found = measure(way, mebibytes, limit)
        if found is None:
            yield (f"{way:<24}{f'> {limit - mebibytes}':>24}{'ended':>10}{'there':>10}")
            continue
        extra, seconds = found
        ours = ours or max(extra, 0.1)
        yield (f"{way:<24}{extra:>24.1f}{extra / ours:>10.1f}{seconds:>10.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--limit-mebibytes", type=int, default=8192)
    given = parser.parse_args()
    if given.way:
        print(*measure_here(given.way, given.mebibytes))
    else:
        print(f"a layer of {given.mebibytes} MiB, float32")
        for line in table(given.mebibytes, limit=given.limit_mebibytes):
            print(line, flush=True)
