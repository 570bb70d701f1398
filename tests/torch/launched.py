"""Several real processes that train together, started by a test."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist

HERE = Path(__file__).parent


def launch(script: str, world: int, *arguments: str, patience: float = 240.0) -> None:
    """Runs ``script RANK WORLD *arguments`` in so many processes; fails with what they said."""
    processes = [
        subprocess.Popen(
            [sys.executable, str(HERE / script), str(rank), str(world), *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    # One that fails leaves the others waiting for it: its word is what is worth reading.
    deadline = time.monotonic() + patience
    while any(process.poll() is None for process in processes):
        if any(process.poll() for process in processes) or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for process in processes:
        process.kill()
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * world, "\n".join(told)


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
