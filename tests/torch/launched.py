"""Several real processes that train together, started by a test."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist

HERE = Path(__file__).parent


def launch(script: str, world: int, *arguments: str, patience: float = 240.0) -> None:
    """Runs ``script RANK WORLD *arguments`` in so many processes; fails with what they said."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "ranks.py"), str(HERE / script), str(world), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, told = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        told = f"no end after {patience:.0f} s\n{process.communicate()[1]}"
    assert process.returncode == 0, told


@contextmanager
def process_group(rank: int, world: int, folder: Path) -> Iterator[None]:
    """In such a process: the group of all of them, which talk through gloo.

    What was made of the group inside, as a DistributedDataParallel, must be forgotten by the end.
    Were it the last to hold the group, it would take it down with the interpreter's lock in hand,
    and wait for a thread of gloo that now and then waits for that lock, to free its last tensor:
    one run in twenty never ended.
    """
    # Instead of half an hour, so that a rank that never comes is told and not waited for.
    patience = timedelta(seconds=120)
    dist.init_process_group("gloo", f"file://{folder}/store", patience, world, rank)
    yield
    gc.collect()
    dist.barrier()
    dist.destroy_process_group()
