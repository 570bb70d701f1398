"""What the panel holds in memory while a run is written and the reader goes from view to view.

    python tests/benchmarks/bench_panel_heap.py [--minutes 10] [--changes 200] [--reader rust]

A run of 50 layers x 512 neurons grows by a step a second, the panel polls it, and every few seconds
the next view is opened, at another layer or another step. Printed are, after a forced collection of
garbage: the JavaScript heap of the page, TensorBoard's own part included, the memory of typed
arrays beside it, the nodes of the document and the listeners. The goal is a heap with its arrays of
at most 150 MB at the end, and nothing that grows with the number of views.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from panel_log import RUN, Size, Training
from playwright.sync_api import Browser, CDPSession, FrameLocator, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "read"))

import tensorboard_process
from bench_panel import CHROMIUM_ARGUMENTS
from synthetic_log import Log
from tensorboard_process import TensorBoard

GOAL_MB = 150.0
VIEWS = ("Overview", "Findings", "Activations", "Neurons")
EVERY = 2 * len(VIEWS)
"""Changes between two samples, both of the same view."""
FIRST_STEPS = 200
SETTLE_MS = 400
TIMEOUT_MS = 30_000


@dataclass(frozen=True)
class Held:
    """What the page holds after a collection of garbage.

    Attributes:
      change: how many views had been opened; 0 is the page with its first view.
      seconds: since the first view.
    """

    change: int
    seconds: float
    heap_mb: float
    arrays_mb: float
    nodes: int
    listeners: int

    @property
    def total_mb(self) -> float:
        """The heap and the typed arrays beside it."""
        return self.heap_mb + self.arrays_mb


def growth(samples: list[Held]) -> tuple[float, int, int]:
    """Megabytes, nodes and listeners added from the first half of the samples to the last.

    All but the first sample are of the same view. The lowest of each half are compared: the view
    that was left last is let go of a little later, one that is kept for ever raises the lowest too.

    Raises:
      ValueError: there are not two samples for each half.
    """
    rounds = [sample for sample in samples if sample.change and sample.change % EVERY == 0]
    if len(rounds) < 4:
        raise ValueError(f"{len(rounds)} rounds of {EVERY} changes; two are held against two")
    early, late = rounds[: len(rounds) // 2], rounds[len(rounds) // 2 :]
    return (
        min(held.total_mb for held in late) - min(held.total_mb for held in early),
        min(held.nodes for held in late) - min(held.nodes for held in early),
        min(held.listeners for held in late) - min(held.listeners for held in early),
    )


def held(session: CDPSession, change: int, start: float) -> Held:
    """The page's memory now."""
    # What a first collection sets free may hold on to more, as finalisers do.
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    counters = session.send("Memory.getDOMCounters")
    return Held(
        change,
        time.monotonic() - start,
        usage["usedSize"] / 1e6,
        usage.get("backingStorageSize", 0) / 1e6,
        counters["nodes"],
        counters["jsEventListeners"],
    )


@contextmanager
def growing(logdir: Path, size: Size, interval_s: float) -> Iterator[Training]:
    """A run that is written to for as long as the context lasts."""
    training = Training(Log(logdir / RUN), size)
    for step in range(size.steps):
        training.advance(time.time() - (size.steps - step) * interval_s)
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(interval_s):
            training.advance(time.time())

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield training
    finally:
        ended.set()
        thread.join()


def look_around(panel: FrameLocator, change: int) -> None:
    """Opens the next view, at another layer after all of them, and moves the step cursor."""
    panel.get_by_role("tab", name=VIEWS[change % len(VIEWS)]).click()
    layers = panel.locator("nn-sidebar button.layer")
    layers.nth((change // len(VIEWS)) % min(4, layers.count())).click()
    panel.locator("body").press("ArrowLeft" if change % 2 else "ArrowRight")


def watched(page: Page, board: TensorBoard, changes: int, interval_s: float) -> Iterator[Held]:
    """Samples at the beginning, at every eighth change and at the last."""
    page.goto(f"{board.address}/#nnviz")
    panel = page.frame_locator('iframe[src*="name=nnviz"]')
    panel.get_by_role("tab", name=VIEWS[0]).wait_for()
    page.wait_for_timeout(4 * SETTLE_MS)
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    start = time.monotonic()
    yield held(session, 0, start)
    for change in range(1, changes + 1):
        look_around(panel, change)
        due = start + change * interval_s
        page.wait_for_timeout(max(SETTLE_MS, (due - time.monotonic()) * 1000))
        if change % EVERY == 0 or change == changes:
            yield held(session, change, start)


def run(
    size: Size, changes: int, interval_s: float, reader: str, chromium: str | None = None
) -> Iterator[Held]:
    """Writes the run, serves it and looks around in the panel."""
    executable = chromium or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, growing(Path(folder), size, 1.0):
        board = tensorboard_process.start(reader, Path(folder))
        try:
            board.wait(lambda: board.run_entry(RUN) is not None, 120)
            with sync_playwright() as playwright:
                browser: Browser = playwright.chromium.launch(
                    executable_path=executable, args=CHROMIUM_ARGUMENTS
                )
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(TIMEOUT_MS)
                errors: list[str] = []
                page.on("pageerror", lambda error: errors.append(str(error)))
                yield from watched(page, board, changes, interval_s)
                browser.close()
        finally:
            board.close()
    if errors:
        raise RuntimeError("\n".join(errors[:5]))


def main() -> int:
    """Prints a line per sample as it comes; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--changes", type=int, default=200, help="views opened (default 200)")
    parser.add_argument("--reader", choices=sorted(tensorboard_process.LOADERS), default="rust")
    options = parser.parse_args()
    size = Size(steps=FIRST_STEPS)
    interval_s = options.minutes * 60 / options.changes
    print(
        f"{'changes':>8}{'seconds':>9}{'heap MB':>9}{'arrays MB':>11}{'nodes':>8}{'listeners':>11}"
    )
    samples = []
    for sample in run(size, options.changes, interval_s, options.reader):
        samples.append(sample)
        print(
            f"{sample.change:8}{sample.seconds:9.0f}{sample.heap_mb:9.1f}{sample.arrays_mb:11.1f}"
            f"{sample.nodes:8}{sample.listeners:11}",
            flush=True,
        )
    if options.changes >= 4 * EVERY:
        megabytes, nodes, listeners = growth(samples)
        added = f"{megabytes:+.1f} MB, {nodes:+} nodes, {listeners:+} listeners"
        print(f"from the first half to the last: {added}")
    highest = samples[-1].total_mb
    print(f"at the end {highest:.1f} MB; the goal is {GOAL_MB:.0f} MB")
    return 1 if highest > GOAL_MB else 0


if __name__ == "__main__":
    sys.exit(main())
