"""Many pages open at once: how long each waits, and what TensorBoard's memory does meanwhile.

    python tests/benchmarks/soak_reading.py [--loader python|rust|both] [--seconds S] [--clients N]

Every client polls the catalogue once a second with the name of the answer that it has, and asks for
the run's contents, its overview and one layer's neurons when they have changed, as the panel does,
while the run grows by a step a second. By default 32 clients for five minutes, of which in the
second half TensorBoard holds as many steps as it was told to keep, and drops one for each new one.
A second TensorBoard reads the same log and is asked nothing: what it holds is TensorBoard's own,
and the memory that requests cost is what the first one holds more. The goals are a 99th percentile
of 250 ms, no growth of that over the second half, and at most 256 MiB of it. Clients are threads of
their own processes, on 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "read"))

import tensorboard_process
from synthetic_log import Log, layer_metadata, rows_at

from nnviz_tb import schema
from nnviz_tb.reading import wire

RUN = "grows"
NEURONS, LAYERS = 512, 20
STEPS, KEPT_STEPS = 200, 300
"""At the start, and at most: so that what the log itself takes does not grow for ever."""
CLIENT_PROCESSES = 4


@dataclass
class Result:
    """What the clients and the process table saw.

    Attributes:
      waits_ms: of every request.
      resident_mib: of the TensorBoard process: before the first request, then once a second.
      unasked_mib: of the one that nobody asks anything, at the same times.
      cpu_s: what that process spent meanwhile, its data server apart.
      failures: answers that were neither 200 nor 304.
    """

    waits_ms: list[float] = field(default_factory=list)
    resident_mib: list[float] = field(default_factory=list)
    unasked_mib: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    cpu_s: float = 0.0

    def percentile(self, share: float) -> float:
        """Of the waits, in ms."""
        return float(np.quantile(self.waits_ms, share))

    @property
    def requests_mib(self) -> list[float]:
        """What the requests cost, of the same times."""
        return [a - b for a, b in zip(self.resident_mib, self.unasked_mib, strict=True)]


def late_growth(mib: list[float]) -> float:
    """Median memory of the last fifth, less that of the fifth after the middle."""
    fifth = max(len(mib) // 5, 1)
    middle = len(mib) // 2
    return float(np.median(mib[-fifth:]) - np.median(mib[middle : middle + fifth]))


def tenths(mib: list[float]) -> list[float]:
    """Memory at the end of each tenth of the time."""
    return [mib[len(mib) * (tenth + 1) // 10 - 1] for tenth in range(10)]


def rows(step: int) -> dict:
    """A step of twenty layers, all neurons tracked."""
    rng = np.random.default_rng(step)
    series = schema.SeriesMetadata(NEURONS, NEURONS)
    found = {}
    for order in range(LAYERS):
        name = f"block_{order}/dense"
        recorded = rows_at(step, name, order)
        fields = recorded[schema.tag_of("layer", name)][1]
        found[schema.tag_of("layer", name)] = layer_metadata(order, NEURONS), fields
        found[schema.tag_of("density", name)] = recorded[schema.tag_of("density", name)]
        found[schema.tag_of("weight_norm", name)] = series, rng.random(NEURONS, np.float32)
    return found


def resident_mib(pid: int) -> float:
    """Memory that the process holds now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no resident memory")


def cpu_s(pid: int) -> float:
    """Processor seconds of a process so far, its children apart."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Client(threading.Thread):
    """One open page."""

    def __init__(self, address: str, number: int, stop: Event):
        super().__init__(daemon=True)
        parts = urllib.parse.urlsplit(address)
        self._host, self._path = parts.netloc, parts.path + "/data/plugin/nnviz/"
        self._number, self._stopped = number, stop
        self._tags: dict[str, str] = {}
        self.waits_ms: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        """Polls until told to stop."""
        held: dict[str, object] = {}
        layer = f"block_{self._number % LAYERS}/dense"
        self._stopped.wait(self._number / 32)
        while not self._stopped.is_set():
            start = time.monotonic()
            if self._ask("catalogue") and self._ask("contents", run=RUN):
                self._ask("overview", run=RUN)
                question = {"run": RUN, "layer": layer, "statistic": "weight_norm", **held}
                body = self._ask("neurons", **question)
                if body:
                    meta, _ = wire.decode(body)
                    held = {"after": meta["last_step"], "have": meta["key"]}
            self._stopped.wait(max(0.0, start + 1 - time.monotonic()))

    def _ask(self, route: str, **parameters: object) -> bytes | None:
        """The body; None where the answer is the one that was there before, or a failure."""
        headers = {"Accept-Encoding": "gzip"}
        if route in self._tags:
            headers["If-None-Match"] = self._tags[route]
        start = time.perf_counter()
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            query = urllib.parse.urlencode(parameters)
            connection.request("GET", f"{self._path}{route}?{query}".rstrip("?"), headers=headers)
            reply = connection.getresponse()
            body = reply.read()
        finally:
            connection.close()
        self.waits_ms.append((time.perf_counter() - start) * 1e3)
        if reply.status not in (200, 304):
            self.failures.append(f"{route}: {reply.status} {body[:200]!r}")
        if reply.status != 200:
            return None
        if reply.headers["ETag"]:
            self._tags[route] = reply.headers["ETag"]
        return gzip.decompress(body) if reply.headers["Content-Encoding"] == "gzip" else body


def poll(address: str, numbers: range, stop: Event, told: Any) -> None:
    """The clients of one process; what they saw goes to the queue ``told`` at the end."""
    pages = [Client(address, number, stop) for number in numbers]
    for page in pages:
        page.start()
    for page in pages:
        page.join()
    told.put(json.dumps([[page.waits_ms, page.failures] for page in pages]))


def soak(loader: str, seconds: float, clients: int, steps: int = STEPS) -> Result:
    """Serves a run of ``steps`` steps that grows by one a second, to so many clients."""
    result = Result()
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder) / RUN)
        for step in range(steps):
            log.step(step, rows(step), {"loss": 1 / (step + 1)})
        kept = f"--samples_per_plugin=nnviz={KEPT_STEPS}"
        board = tensorboard_process.start(loader, Path(folder), kept)
        unasked = tensorboard_process.start(loader, Path(folder), kept)

        def note_memory() -> None:
            result.resident_mib.append(resident_mib(board.pid))
            result.unasked_mib.append(resident_mib(unasked.pid))

        share = -(-clients // CLIENT_PROCESSES)
        pages = [
            context.Process(
                target=poll,
                args=(board.address, range(first, min(first + share, clients)), stop, told),
                daemon=True,
            )
            for first in range(0, clients, share)
        ]
        try:
            for one in (board, unasked):
                scalars = f"{one.address}/data/plugin/scalars/scalars?run={RUN}&tag=loss"
                one.wait(lambda: one.fetch(scalars).json[-1][1] == steps - 1)  # noqa: B023
            note_memory()
            spent = cpu_s(board.pid)
            for page in pages:
                page.start()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                log.step(steps, rows(steps), {"loss": 1 / (steps + 1)})
                steps += 1
                time.sleep(1)
                note_memory()
            result.cpu_s = cpu_s(board.pid) - spent
            stop.set()
            for _ in pages:
                for waits_ms, failures in json.loads(told.get(timeout=90)):
                    result.waits_ms += waits_ms
                    result.failures += failures
        finally:
            stop.set()
            for page in pages:
                if page.pid is not None:
                    page.join(30)
            board.close()
            unasked.close()
    return result


def main() -> None:
    """Prints what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--loader", choices=("python", "rust", "both"), default="both")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=32)
    chosen = parser.parse_args()
    for loader in sorted(tensorboard_process.LOADERS):
        if chosen.loader not in (loader, "both"):
            continue
        result = soak(loader, chosen.seconds, chosen.clients)
        first, *later = result.requests_mib
        print(
            f"{loader} reader, {chosen.clients} clients, {chosen.seconds:.0f} s: "
            f"{len(result.waits_ms)} requests, {len(result.failures)} failures; "
            f"median {result.percentile(0.5):.1f} ms, p99 {result.percentile(0.99):.1f} ms "
            f"(goal 250), slowest {max(result.waits_ms):.0f} ms; "
            f"{result.cpu_s / chosen.seconds:.0%} of a processor; "
            f"requests cost at most {max(later) - first:.0f} MiB (goal 256), "
            f"{late_growth(later):+.1f} MiB over the second half (goal 0), of TensorBoard's own "
            f"{late_growth(result.unasked_mib):+.1f} MiB; after each tenth of the time "
            + ", ".join(f"{mib - first:.0f}" for mib in tenths(later)),
            flush=True,
        )
        print(*result.failures[:5], sep="\n")


if __name__ == "__main__":
    main()
