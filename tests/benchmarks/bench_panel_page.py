"""From the click on a tab to its first drawn chart: ours beside TensorBoard's own Histograms.

    python tests/benchmarks/bench_panel_page.py [--rounds 9] [--reader rust|python] [--log DIR]

One TensorBoard serves one log, by default of 50 layers x 1,000 steps x 512 neurons. In each round
a fresh browser profile opens the Scalars tab, waits until it is at rest, and clicks; the two tabs
take turns. A chart counts once its marks are on screen: a canvas that holds more than one colour,
or a drawn path of an SVG. The first round is told apart, because the server has not read the log
for anyone then. Making the log takes a minute, each round a few seconds.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import panel_log
from panel_log import RUN, Size
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "read"))

import tensorboard_process
from bench_panel import CHROMIUM_ARGUMENTS
from tensorboard_process import TensorBoard

OURS, THEIRS = "nnviz_tb", "TensorBoard Histograms"
"""Ours counts from the first chart of the view; the loss curve above it is told apart."""
LOSS = "nnviz_tb, loss curve"
TABS = {OURS: "NNViz", THEIRS: "Histograms"}
LIMIT_MS = 30_000

# Looks for charts once a frame, so that a chart is seen in the frame that shows it. Both tabs are
# searched by the same walk through open shadow roots.
WATCH = """
() => {
  const roots = (root) => {
    const found = [root];
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) found.push(...roots(element.shadowRoot));
    }
    return found;
  };
  const painted = (canvas) => {
    // Reading back a hundred canvases that nobody has drawn on yet would cost what is measured.
    if (!canvas.hasAttribute("width") || canvas.width === 0 || canvas.height === 0) return false;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const pixels = new Uint32Array(data.buffer);
    return pixels.some((pixel) => pixel !== pixels[0]);
  };
  const stroked = (path) => {
    const box = path.getBoundingClientRect();
    return box.width > 20 && box.height > 2 && (path.getAttribute("d") ?? "").length > 20;
  };
  const charted = (root) =>
    roots(root).some((one) => [...one.querySelectorAll("canvas")].some(painted));
  const panels = () =>
    [...document.querySelectorAll('iframe[src*="name=nnviz"]')].flatMap((frame) =>
      frame.contentDocument?.querySelector("nn-app")?.shadowRoot ?? []);
  const anywhere = () => panels().some(charted);
  const view = () => panels().flatMap((panel) => [...panel.querySelectorAll("main")]).some(charted);
  const theirs = () => roots(document).some((root) =>
    root.host?.localName === "vz-histogram-timeseries" &&
    [...root.querySelectorAll("path")].some(stroked));
  globalThis.nnvizWatch = (names, limit) => new Promise((resolve, reject) => {
    const looks = { view, anywhere, theirs };
    const seen = {};
    const start = performance.now();
    const look = () => {
      for (const name of names) {
        if (!(name in seen) && looks[name]()) seen[name] = performance.now() - start;
      }
      if (names.every((name) => name in seen)) resolve(seen);
      else if (performance.now() - start > limit) reject(new Error(`no chart after ${limit} ms`));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}
"""
# The click comes from inside the page, so that the way through the debugger is not counted; it is
# the name inside the tab that TensorBoard listens to.
CLICK = """
async ([tab, names, limit]) => {
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const button = tabs.find((element) => element.textContent.trim().toLowerCase() === tab);
  if (!button) throw new Error(`no tab ${tab} among ${tabs.map((one) => one.textContent)}`);
  const seen = globalThis.nnvizWatch(names, limit);
  (button.querySelector(".plugin-name") ?? button).click();
  return seen;
}
"""


@dataclass
class Openings:
    """Milliseconds from click to first chart, of every round in its order, by way."""

    spans_ms: dict[str, list[float]] = field(
        default_factory=lambda: {OURS: [], LOSS: [], THEIRS: []}
    )

    def median(self, way: str) -> float:
        """Over the rounds after the first."""
        return statistics.median(self.spans_ms[way][1:])

    @property
    def ratio(self) -> float:
        """How many times theirs our opening takes."""
        return self.median(OURS) / self.median(THEIRS)


def opening(browser: Browser, address: str, way: str) -> dict[str, float]:
    """Milliseconds until the first charts of a tab, in a browser profile of its own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(LIMIT_MS)
        at_rest(page, address)
        page.evaluate(WATCH)
        names = ["theirs"] if way == THEIRS else ["view", "anywhere"]
        seen = page.evaluate(CLICK, [TABS[way].lower(), names, LIMIT_MS])
        if way == THEIRS:
            return {THEIRS: seen["theirs"]}
        return {OURS: seen["view"], LOSS: seen["anywhere"]}
    finally:
        context.close()


def at_rest(page: Page, address: str) -> None:
    """Opens the Scalars tab and waits until nothing is on its way."""
    page.goto(f"{address}/#scalars")
    page.get_by_role("tab", name=TABS[OURS]).wait_for()
    page.wait_for_load_state("networkidle")


def measured(browser: Browser, address: str, rounds: int) -> Openings:
    """The rounds after one that is told apart."""
    openings = Openings()
    for index in range(rounds + 1):
        ways = (OURS, THEIRS) if index % 2 == 0 else (THEIRS, OURS)
        for way in ways:
            for name, span in opening(browser, address, way).items():
                openings.spans_ms[name].append(span)
    return openings


@contextmanager
def served(size: Size, reader: str, log: Path | None) -> Iterator[TensorBoard]:
    """A TensorBoard that has loaded the log, which is made where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        logdir = log or Path(folder)
        if not (logdir / RUN).exists():
            panel_log.write(logdir, size)
        board = tensorboard_process.start(reader, logdir)
        try:
            board.wait(lambda: loaded(board, size), 600)
            yield board
        finally:
            board.close()


def loaded(board: TensorBoard, size: Size) -> bool:
    """Whether the last step is there, without reading any series."""
    entry = board.run_entry(RUN)
    return entry is not None and entry["last_step"] == size.steps - 1


def table(openings: Openings) -> list[str]:
    """One line per way: first round, median and extremes of the others, ratio to theirs."""
    lines = [
        f"{'click to first chart':28}{'first':>9}{'median':>9}{'min':>9}{'max':>9}{'ratio':>8}"
    ]
    rival = openings.median(THEIRS)
    for way, (first, *others) in openings.spans_ms.items():
        spans = "".join(f"{span:9.0f}" for span in (first, openings.median(way), min(others)))
        lines.append(f"{way:28}{spans}{max(others):9.0f}{openings.median(way) / rival:8.2f}")
    return lines


def run(
    size: Size, rounds: int, reader: str, log: Path | None, chromium: str | None = None
) -> Openings:
    """Makes or takes the log, serves it and measures."""
    executable = chromium or shutil.which("chromium") or shutil.which("google-chrome")
    with served(size, reader, log) as board, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        try:
            return measured(browser, board.address, rounds)
        finally:
            browser.close()


def main() -> int:
    """Prints the table in milliseconds; 1 where ours takes longer than theirs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="after the first (default 9)")
    parser.add_argument("--reader", choices=sorted(tensorboard_process.LOADERS), default="rust")
    parser.add_argument("--log", type=Path, help="keep the log here, and use it again")
    parser.add_argument("--layers", type=int, default=Size.layers)
    parser.add_argument("--steps", type=int, default=Size.steps)
    parser.add_argument("--neurons", type=int, default=Size.neurons)
    options = parser.parse_args()
    size = Size(options.layers, options.steps, options.neurons)
    openings = run(size, options.rounds, options.reader, options.log)
    print(f"{size.layers} layers x {size.steps:,} steps x {size.neurons} neurons, in milliseconds")
    print("\n".join(table(openings)))
    return 1 if openings.ratio > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
