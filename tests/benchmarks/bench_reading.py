"""How long the panel waits: our routes and TensorBoard's own, on one log, in one run.

    python tests/benchmarks/bench_reading.py [python|rust]

Cold is the first request of a fresh TensorBoard that has loaded the log; warm is the median of 20
later ones. The goals are those of the issue on reading; ratios are to TensorBoard's Histograms on
the same machine in the same minute, which is what the user already waits for.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2

sys.path.insert(0, str(Path(__file__).parents[1] / "read"))

import tensorboard_process
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
    """One wide layer, one deep model, and many runs."""
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
        log.step(step, rows)
    rows = {}
    for layer in range(size.layers_per_run):
        recorded = rows_at(0, f"block_{layer}/dense", layer)
        tags = (schema.tag_of(name, f"block_{layer}/dense") for name in ("layer", "weight_norm"))
        rows.update({tag: recorded[tag] for tag in tags})
    for run in range(size.runs):
        Log(logdir / "sweep" / f"{run:03d}").step(0, rows, {"loss": 1.0})


def _histogram(log: Log, step: int, buckets: np.ndarray) -> None:
    event = event_pb2.Event(step=step, wall_time=1790000000.0 + step)
    value = event.summary.value.add(tag="dense/kernel", tensor=tensor(buckets))
    value.metadata.plugin_data.plugin_name = "histograms"
    value.metadata.data_class = summary_pb2.DATA_CLASS_TENSOR
    log._write(event)


def requests(board: TensorBoard) -> dict[str, str]:
    """What is timed: name to address."""
    wide = {"run": WIDE_RUN, "layer": "dense", "statistic": "weight_norm"}
    native = urllib.parse.urlencode({"run": WIDE_RUN, "tag": "dense/kernel"})
    series = json.dumps([{"plugin": "histograms", "tag": "dense/kernel", "run": WIDE_RUN}])
    return {
        "TensorBoard Histograms": f"{board.address}/data/plugin/histograms/histograms?{native}",
        "TensorBoard Time Series": f"{board.address}/data/plugin/timeseries/timeSeries?requests="
        + urllib.parse.quote(series),
        "neurons": board.url("neurons", **wide),
        "overview": board.url("overview", run=DEEP_RUN),
        "catalogue": board.url("catalogue"),
    }


GOALS_MS = {"neurons": (200, 15), "overview": (300, 30), "catalogue": (200, 200)}


def measure(board: TensorBoard, repeats: int) -> dict[str, tuple[float, float, int]]:
    """``{name: (cold ms, median warm ms, body bytes)}``."""
    results = {}
    for name, url in requests(board).items():
        times = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            reply = board.fetch(url, headers={"Accept-Encoding": "gzip"})
            times.append((time.perf_counter() - start) * 1e3)
            if name in GOALS_MS and reply.status != 200:
                raise RuntimeError(f"{name}: {reply.status} {reply.body[:200]!r}")
        results[name] = times[0], statistics.median(times[1:]), len(reply.body)
    return results


def run(loader: str, size: Size, repeats: int) -> dict[str, tuple[float, float, int]]:
    """Writes the log, starts TensorBoard over it and measures."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), size)
        board = tensorboard_process.start(loader, Path(folder))
        try:
            board.wait_for_step(WIDE_RUN, size.steps - 1)
            board.wait_for_step(DEEP_RUN, size.layer_steps - 1)
            board.wait(lambda: len(board.get("catalogue").json["runs"]) == size.runs + 2, 120)
            return measure(board, repeats)
        finally:
            board.close()


def main() -> None:
    """Prints a table per way of loading."""
    for loader in sys.argv[1:] or sorted(tensorboard_process.LOADERS):
        print(f"{loader} reader: cold ms, warm ms, warm ratio to Histograms, bytes, goals")
        results = run(loader, Size(), 20)
        rival = results["TensorBoard Histograms"][1]
        for name, (cold, warm, count) in results.items():
            print(
                f"  {name:24} {cold:8.1f} {warm:8.1f} {warm / rival:8.2f} {count:10}",
                GOALS_MS.get(name, ""),
            )


if __name__ == "__main__":
    main()
