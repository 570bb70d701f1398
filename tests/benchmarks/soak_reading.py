"""Many pages open at once: how long each waits, and what TensorBoard's memory does meanwhile.

    python tests/benchmarks/soak_reading.py [python|rust] [SECONDS] [CLIENTS]

Every client polls the catalogue once a second and asks for the overview and one layer's neurons
when they have changed, as the panel does, while the run grows by a step a second. By default 32
clients for five minutes; the goals are a 99th percentile of 250 ms, no growth of memory over the
second half, and at most 256 MiB more than before the first request. Clients are threads of this
process, on 127.0.0.1 only.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "read"))

import tensorboard_process
from synthetic_log import Log, layer_metadata, rows_at
from tensorboard_process import TensorBoard

from nnviz_tb import schema

RUN = "grows"
NEURONS, LAYERS = 512, 20


@dataclass
class Result:
    """What the clients and the process table saw.

    Attributes:
      waits_ms: of every request.
      resident_mib: of the TensorBoard process: before the first request, then once a second.
      failures: answers that were not 200.
    """

    waits_ms: list[float] = field(default_factory=list)
    resident_mib: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Of the waits, in ms."""
        return float(np.quantile(self.waits_ms, share))

    @property
    def late_growth_mib(self) -> float:
        """Median memory of the last fifth, less that of the fifth after the middle."""
        fifth = max(len(self.resident_mib) // 5, 1)
        middle = len(self.resident_mib) // 2
        late = np.median(self.resident_mib[-fifth:])
        return float(late - np.median(self.resident_mib[middle : middle + fifth]))


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


class Client(threading.Thread):
    """One open page."""

    def __init__(self, board: TensorBoard, number: int, result: Result, stop: threading.Event):
        super().__init__(daemon=True)
        self._board, self._number, self._result, self._stopped = board, number, result, stop

    def run(self) -> None:
        """Polls until told to stop."""
        held: dict[str, str] = {}
        seen = None
        self._stopped.wait(self._number / 32)
        while not self._stopped.is_set():
            start = time.monotonic()
            entry = self._ask("catalogue")
            last = None
            for found in entry.json["runs"] if entry is not None else []:
                last = found["last_step"], found["last_wall_time"]
            if last is not None and last != seen:
                seen = last
                self._ask("overview", run=RUN)
                layer = f"block_{self._number % LAYERS}/dense"
                question = {"run": RUN, "layer": layer, "statistic": "weight_norm", **held}
                reply = self._ask("neurons", **question)
                if reply is not None:
                    meta, _ = reply.arrays
                    held = {"after": meta["last_step"], "have": meta["key"]}
            self._stopped.wait(max(0.0, start + 1 - time.monotonic()))

    def _ask(self, route: str, **parameters: object) -> tensorboard_process.Reply | None:
        start = time.perf_counter()
        reply = self._board.get(route, **parameters)
        self._result.waits_ms.append((time.perf_counter() - start) * 1e3)
        if reply.status != 200:
            self._result.failures.append(f"{route}: {reply.status} {reply.body[:200]!r}")
            return None
        return reply


def soak(loader: str, seconds: float, clients: int, steps: int = 200) -> Result:
    """Serves a run of ``steps`` steps that grows by one a second, to so many clients."""
    result, stop = Result(), threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder) / RUN)
        for step in range(steps):
            log.step(step, rows(step), {"loss": 1 / (step + 1)})
        board = tensorboard_process.start(loader, Path(folder))
        try:
            time.sleep(3)
            result.resident_mib.append(resident_mib(board.pid))
            board.wait_for_step(RUN, steps - 1)
            pages = [Client(board, number, result, stop) for number in range(clients)]
            for page in pages:
                page.start()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                log.step(steps, rows(steps), {"loss": 1 / (steps + 1)})
                steps += 1
                time.sleep(1)
                result.resident_mib.append(resident_mib(board.pid))
            stop.set()
            for page in pages:
                page.join(30)
        finally:
            stop.set()
            board.close()
    return result


def main() -> None:
    """Prints what was seen."""
    loader = sys.argv[1] if len(sys.argv) > 1 else "rust"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 300.0
    clients = int(sys.argv[3]) if len(sys.argv) > 3 else 32
    result = soak(loader, seconds, clients)
    first, *later = result.resident_mib
    print(
        f"{loader} reader, {clients} clients, {seconds:.0f} s: {len(result.waits_ms)} requests, "
        f"{len(result.failures)} failures; median {result.percentile(0.5):.1f} ms, "
        f"p99 {result.percentile(0.99):.1f} ms, slowest {max(result.waits_ms):.0f} ms; "
        f"resident {first:.0f} MiB before, at most {max(later):.0f} MiB, "
        f"{result.late_growth_mib:+.1f} MiB over the second half"
    )
    print(*result.failures[:5], sep="\n")


if __name__ == "__main__":
    main()
