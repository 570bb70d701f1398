"""How long the panel waits: our routes and TensorBoard's own, on one log, in one run.

    python tests/benchmarks/bench_reading.py [--loader python|rust|both] [--starts N] [--repeats N]

Cold is the first request of a fresh TensorBoard that has loaded the log and was asked nothing of
ours before, the median over several starts; warm is the median of later requests. Ratios are to
TensorBoard's Histograms on the same log in the same minute, which is what the user waits for
anyway. Then our caches are filled to the brim, and the memory of the process is compared with what
it held before our first request.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2

sys.path.insert(0, str(Path(__file__).parents[1] / "read"))

import tensorboard_process
from soak_reading import resident_mib
from synthetic_log import Log, layer_metadata, rows_at, tensor
from tensorboard_process import TensorBoard

from nnviz_tb import schema

WIDE_RUN, DEEP_RUN = "wide", "deep"


@dataclass(frozen=True)
class Size:
    """How large the log is; the default is that of the goals."""

    neurons: int = 4096
    steps: int = 1000
    layers: int = 300
    layer_steps: int = 100
    runs: int = 500
    layers_per_run: int = 50


SMALL = Size(neurons=64, steps=20, layers=4, layer_steps=5, runs=3, layers_per_run=2)


def write(logdir: Path, size: Size) -> None:
    """One wide layer, one deep model, and a sweep of runs that differ in nothing but their name."""
    rng = np.random.default_rng(0)
    log = Log(logdir / WIDE_RUN)
    series = schema.SeriesMetadata(size.neurons, size.neurons)
    buckets = np.stack([np.arange(30.0), np.arange(1, 31.0), np.ones(30)], axis=1)
    norms = rng.random(size.neurons, np.float32)
    for step in range(size.steps):
        norms = norms + rng.normal(0, 0.01, size.neurons).astype(np.float32)
        rows = {
            schema.tag_of("layer", "dense"): (layer_metadata(), rows_at(0)["nnviz/layer/dense"][1]),
            schema.tag_of("weight_norm", "dense"): (series, norms),
        }
        log.step(step, rows, {"loss": 1.0})
        _histogram(log, step, buckets)
    log = Log(logdir / DEEP_RUN)
    for step in range(size.layer_steps):
        rows = {}
        for layer in range(size.layers):
            recorded = rows_at(step, f"block_{layer}/dense", layer)
            for series_name in ("layer", "density"):
                tag = schema.tag_of(series_name, f"block_{layer}/dense")
                rows[tag] = recorded[tag]
        log.step(step, rows, {"loss": 1.0})
    rows = {schema.RUN_TAG: rows_at(0)[schema.RUN_TAG]}
    for layer in range(size.layers_per_run):
        recorded = rows_at(0, f"block_{layer}/dense", layer)
        for name in ("layer", "weight_norm", "bias", "density"):
            tag = schema.tag_of(name, f"block_{layer}/dense")
            rows[tag] = recorded[tag]
    log = Log(logdir / "sweep" / "000")
    log.step(0, rows, {"loss": 1.0})
    for run in range(1, size.runs):
        shutil.copytree(log.path.parent, logdir / "sweep" / f"{run:03d}")


def _histogram(log: Log, step: int, buckets: np.ndarray) -> None:
    event = event_pb2.Event(step=step, wall_time=1790000000.0 + step)
    value = event.summary.value.add(tag="dense/kernel", tensor=tensor(buckets))
    value.metadata.plugin_data.plugin_name = "histograms"
    value.metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
    log._write(event)


RIVALS = ("TensorBoard Histograms", "TensorBoard Time Series")
GOALS_MS = {
    "neurons": (200, 15),
    "overview": (300, 30),
    "catalogue": (200, 200),
    "contents": (200, 200),
}
"""Cold and warm. Of a sweep the panel reads the catalogue, and the contents of the runs shown."""
GOAL_MIB = 256


def requests(board: TensorBoard) -> dict[str, str]:
    """What is timed: name to address; the rivals first, so that their memory is not ours."""
    wide = {"run": WIDE_RUN, "layer": "dense", "statistic": "weight_norm"}
    native = urllib.parse.urlencode({"run": WIDE_RUN, "tag": "dense/kernel"})
    series = json.dumps([{"plugin": "histograms", "tag": "dense/kernel", "run": WIDE_RUN}])
    return {
        RIVALS[0]: f"{board.address}/data/plugin/histograms/histograms?{native}",
        RIVALS[1]: f"{board.address}/data/plugin/timeseries/timeSeries?requests="
        + urllib.parse.quote(series),
        "neurons": board.url("neurons", **wide),
        "overview": board.url("overview", run=DEEP_RUN),
        "catalogue": board.url("catalogue"),
        "contents": board.url("contents", run="sweep/000"),
    }


@dataclass
class Result:
    """What one way of loading took.

    Attributes:
      cold_ms: of each start, by name.
      warm_ms: of all later requests.
      body_bytes: as they went over the wire, uncompressed.
      memory_mib: of each start: how much more the process held at most than before our requests.
    """

    cold_ms: dict[str, list[float]] = field(default_factory=dict)
    warm_ms: dict[str, list[float]] = field(default_factory=dict)
    body_bytes: dict[str, int] = field(default_factory=dict)
    memory_mib: list[float] = field(default_factory=list)


def _loaded(board: TensorBoard, size: Size) -> bool:
    """Whether TensorBoard holds the whole log, found out without asking anything of ours."""
    scalars = board.address + "/data/plugin/scalars"
    tags = board.fetch(scalars + "/tags")
    # While it loads, TensorBoard fails where a run comes in between.
    if tags.status != 200 or len(tags.json) < size.runs + 2:
        return False
    for run, steps in ((WIDE_RUN, size.steps), (DEEP_RUN, size.layer_steps)):
        reply = board.fetch(f"{scalars}/scalars?run={run}&tag=loss")
        if reply.status != 200 or reply.json[-1][1] < steps - 1:
            return False
    return True


def measure(board: TensorBoard, repeats: int, result: Result) -> None:
    """Times every request, and adds what was found to ``result``."""
    before = 0.0
    for name, url in requests(board).items():
        if name not in RIVALS and not before:
            before = resident_mib(board.pid)
        times = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            reply = board.fetch(url, headers={"Accept-Encoding": "gzip"})
            times.append((time.perf_counter() - start) * 1e3)
            if reply.status != 200:
                raise RuntimeError(f"{name}: {reply.status} {reply.body[:200]!r}")
        result.cold_ms.setdefault(name, []).append(times[0])
        result.warm_ms.setdefault(name, []).extend(times[1:])
        result.body_bytes[name] = len(reply.body)
    result.memory_mib.append(_most_held(board) - before)


def _most_held(board: TensorBoard) -> float:
    """MiB that the process holds at most while its caches of series and answers fill up."""
    most = resident_mib(board.pid)
    wide = {"run": WIDE_RUN, "layer": "dense", "statistic": "weight_norm"}
    for steps in range(2, 42, 2):
        board.get("neurons", **wide, steps=10_000 - steps)
        most = max(most, resident_mib(board.pid))
    for layer in board.get("contents", run=DEEP_RUN).json["layers"]:
        for route in ({"route": "layer"}, {"route": "density", "of": "input"}):
            board.get(**route, run=DEEP_RUN, layer=layer["name"])
        most = max(most, resident_mib(board.pid))
    return most


def run(loader: str, size: Size, repeats: int, starts: int, logdir: Path) -> Result:
    """Starts TensorBoard over a written log some times, and measures."""
    result = Result()
    for _ in range(starts):
        board = tensorboard_process.start(loader, logdir)
        try:
            board.wait(lambda: _loaded(board, size), 600)  # noqa: B023
            measure(board, repeats, result)
        finally:
            board.close()
    return result


def main() -> None:
    """Prints a table per way of loading."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--loader", choices=("python", "rust", "both"), default="both")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), Size())
        for loader in sorted(tensorboard_process.LOADERS):
            if chosen.loader in (loader, "both"):
                result = run(loader, Size(), chosen.repeats, chosen.starts, Path(folder))
                print(_table(loader, result), flush=True)


def _table(loader: str, result: Result) -> str:
    lines = [
        f"{loader + ' reader':24} {'cold ms':>8} {'ratio':>6} {'goal':>5} "
        f"{'warm ms':>8} {'ratio':>6} {'goal':>5} {'bytes':>10}"
    ]
    cold = {name: statistics.median(times) for name, times in result.cold_ms.items()}
    warm = {name: statistics.median(times) for name, times in result.warm_ms.items()}
    for name, count in result.body_bytes.items():
        goals = GOALS_MS.get(name, ("", ""))
        lines.append(
            f"{name:24} {cold[name]:8.1f} {cold[name] / cold[RIVALS[0]]:6.2f} {goals[0]:>5} "
            f"{warm[name]:8.1f} {warm[name] / warm[RIVALS[0]]:6.2f} {goals[1]:>5} {count:10}"
        )
    lines.append(
        f"memory over TensorBoard's own, caches full: at most {max(result.memory_mib):.0f} MiB "
        f"(goal {GOAL_MIB})"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
