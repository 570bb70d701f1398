"""How long the panel's heavy drawings take in Chromium, beside rivals on the same arrays.

    python tests/benchmarks/bench_panel.py [--only trajectories,threads,heat,scrub] [--small]

Rivals are uPlot alone and strokes on a canvas. Every drawing counts until its pixels can be read;
what is printed is the median, the fastest, and the ratio to ours in the same minute. The raster of
the trajectories is also timed alone, on the page's thread and in a worker. The page needs what
``npm ci`` in ``frontend/`` brings; all of it takes a minute.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "_build"))
import nnviz_panel  # noqa: E402

FRONTEND = ROOT / "frontend"
OURS = "nnviz_tb"
#: Milliseconds that a drawing may take on a machine with two cores.
GOALS_MS = {"trajectories": 100.0, "heat map": 50.0, "12 activation cards": 1000 / 30}
#: What can be timed, by the names that gallery/bench.ts knows.
DRAWINGS = ("trajectories", "threads", "heat", "scrub")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Timings = dict[str, dict[str, list[float]]]


@contextmanager
def served() -> Iterator[str]:
    """Address of the benchmark's page, bundled on the fly."""
    node, _ = nnviz_panel.node_and_npm()
    process = subprocess.Popen(
        [*node, "gallery/serve.mjs"],
        cwd=FRONTEND,
        env=nnviz_panel.node_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def measured(size: str, chromium: str | None = None, drawings: Sequence[str] = DRAWINGS) -> Timings:
    """Milliseconds of every repeat, by drawing and by way.

    Args:
      size: ``"full"`` or ``"small"``.
      drawings: some of :data:`DRAWINGS`.
      chromium: path of the browser; found on the path without it.
    """
    executable = chromium or shutil.which("chromium") or shutil.which("google-chrome")
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}bench.html")
        page.wait_for_function("'measured' in globalThis")
        timings: Timings = page.evaluate(
            "([size, names]) => measured(size, names)", [size, list(drawings)]
        )
        browser.close()
    if errors:
        raise RuntimeError("\n".join(errors))
    return timings


def table(timings: Timings) -> list[str]:
    """A heading, and a line per drawing and way: median, fastest, how many times ours it is."""
    lines = [f"{'milliseconds':40}{'way':30}{'median':>9}{'min':>9}{'ratio':>7}"]
    for drawing, ways in timings.items():
        ours = statistics.median(ways[OURS])
        for way, spans in ways.items():
            median = statistics.median(spans)
            lines.append(f"{drawing:40}{way:30}{median:9.1f}{min(spans):9.1f}{median / ours:7.1f}")
    return lines


def main() -> int:
    """Prints the table; 1 where a goal was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(DRAWINGS), help="drawings, by commas")
    parser.add_argument("--small", action="store_true", help="tiny, to see that it runs")
    options = parser.parse_args()
    names = options.only.split(",")
    if not set(names) <= set(DRAWINGS):
        parser.error(f"--only takes some of {', '.join(DRAWINGS)}")
    timings = measured("small" if options.small else "full", drawings=names)
    print("\n".join(table(timings)))
    missed = [
        f"{drawing}: {statistics.median(ways[OURS]):.0f} ms, the goal is {goal:.0f} ms"
        for drawing, ways in timings.items()
        for name, goal in GOALS_MS.items()
        if drawing.startswith(f"{name} ") and statistics.median(ways[OURS]) > goal
    ]
    print("\n".join(missed), end="\n" if missed else "")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
