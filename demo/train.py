"""Trains the demo's networks, one run directory each; run.py starts it in the demo's environment.

A run that is complete, with the same code and the same epochs, is kept; one that was stopped half
way is made anew.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from runs import HERE, RUNS, Finished

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    """Trains the runs that are not there yet, with two lines for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=None)
    arguments = parser.parse_args()
    logdir: Path = arguments.logdir.resolve()
    logdir.mkdir(parents=True, exist_ok=True)

    finished = Finished.of(logdir, arguments.epochs)
    for number, (run, shows) in enumerate(RUNS.items(), start=1):
        if run in finished.runs and (logdir / run).is_dir():
            continue
        print(f"  {number}/{len(RUNS)} {run:22} {shows}", flush=True)
        with _without_native_greetings():
            network = importlib.import_module(run.partition("/")[0])
        shutil.rmtree(logdir / run, ignore_errors=True)
        started = time.monotonic()
        result = network.train(run, logdir / run, arguments.epochs)
        finished.add(logdir, run, _ours())
        print(f"      {result}, {time.monotonic() - started:.0f} s", flush=True)


@contextlib.contextmanager
def _without_native_greetings() -> Iterator[None]:
    """TensorFlow greets with a page about CPUs and GPUs, past Python and whatever level is set."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _ours() -> list[Path]:
    """The Python files of this repository that this process has loaded."""
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    loaded = {Path(name).resolve() for name in files if name}
    root = HERE.parent
    return sorted(
        path for path in loaded if path.parent == HERE or root / "nnviz_tb" in path.parents
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
