"""One process whose watch works together with others: ``together_rank.py RANK WORLD FOLDER``."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from launched import process_group
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial
from torch.nn.parallel import DistributedDataParallel

import nnviz_tb
from nnviz_tb.adapters.torch import distant, processes
from nnviz_tb.adapters.torch.axis_view import OUTPUTS_FIRST
from nnviz_tb.layers import Wanted
from nnviz_tb.torch import watch


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(6, 10)
        self.out = nn.Linear(10, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.out(torch.tanh(torch.relu(self.hidden(x)))), -1)


def network() -> nn.Module:
    torch.manual_seed(2)
    return Net()


def batches(rank: int, world: int, count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(8 * 4, 6, generator=generator)[rank::world] for _ in range(count)]


@contextmanager
def warned() -> Iterator[list[str]]:
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield told
    told += [str(warning.message) for warning in caught]


def sharded(world: int) -> nn.Module:
    model = network()
    fully_shard(model, mesh=init_device_mesh("cpu", (world,)))
    return model


def step(model: nn.Module, optimizer: Any, x: torch.Tensor) -> None:
    optimizer.zero_grad()
    model(x).square().sum().backward()
    optimizer.step()


def the_same_steps(rank: int, world: int, folder: Path) -> dict[str, Any]:
    """Clocks and costs differ between the processes."""
    model = sharded(world)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    logged = []
    with watch(model, folder / "auto", every="auto", max_overhead=0.3) as watching:
        for number, x in enumerate(batches(rank, world, 120), 1):
            step(model, optimizer, x)
            if watching._logged_step == number:
                logged.append(number)
                time.sleep(0.01 * rank)
    return {"logged": logged}


def all_saw(rank: int, world: int, folder: Path) -> dict[str, Any]:
    model = DistributedDataParallel(network())
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with watch(model, folder / "all", every=1, all_reduce=True):
        for x in batches(rank, world, 3):
            step(model, optimizer, x)
    whole = network()
    optimizer = torch.optim.SGD(whole.parameters(), 0.01 / world)
    if rank == 0:
        with watch(whole, folder / "one", every=1):
            for x in batches(0, 1, 3):
                step(whole, optimizer, x)
    return {}


def sums_of_terms(rank: int, world: int, folder: Path) -> dict[str, Any]:
    """A gradient may be a sum whose terms lie in several processes."""
    mesh = init_device_mesh("cpu", (world,))
    term = torch.arange(35.0).reshape(7, 5) * (rank + 1)
    tensor = DTensor.from_local(term, mesh, [Partial()])
    reading = distant.StepReading()
    array = distant.array_of(tensor, OUTPUTS_FIRST, "gradient", reading)
    array.want(Wanted(rows=np.arange(5), neurons=np.arange(7)))
    found = array.found()
    return {"norm": found.statistics.norm.tolist(), "entries": found.entries.tolist()}


def one_cannot_read(rank: int, world: int, folder: Path) -> dict[str, Any]:
    """Once; the steps before and after it are recorded."""
    model = sharded(world)
    part_of, calls = distant.part_of, 0

    def failing(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if rank == 1 and calls == 5:  # the first array of the second step
            raise MemoryError("no room for the sums")
        return part_of(*args)

    distant.part_of = failing
    with warned() as told:
        for number in range(3):
            nnviz_tb.log_model(model, number, logdir=folder / "lost")
    distant.part_of = part_of
    return {"told": told}


def one_fails(rank: int, world: int, folder: Path) -> dict[str, Any]:
    model = sharded(world)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    began, steps = time.monotonic(), 0
    with warned() as told:
        watching = watch(model, folder / "failing", every=2)
        for number, x in enumerate(batches(rank, world, 8), 1):
            if rank == 1 and number == 3:
                watching._fail(RuntimeError("this watch is broken"))
            step(model, optimizer, x)
            steps += 1
        watching.close()
    return {"told": told, "steps": steps, "seconds": time.monotonic() - began}


def one_does_not_come(rank: int, world: int, folder: Path) -> dict[str, Any]:
    processes._processes = None
    processes.PATIENCE = timedelta(seconds=2)
    model = sharded(world)
    with warned() as told:
        nnviz_tb.log_model(model, 0, logdir=folder / "alone")
        if rank == 0:
            nnviz_tb.log_model(model, 1, logdir=folder / "alone")
    return {"told": told}


CHECKS = (the_same_steps, all_saw, sums_of_terms, one_cannot_read, one_fails, one_does_not_come)


def main(rank: int, world: int, folder: Path) -> None:
    with process_group(rank, world, folder):
        found = {}
        for check in CHECKS:
            if check in (one_fails, one_does_not_come):
                processes._processes = None  # those that withdrew stay away
            found[check.__name__] = check(rank, world, folder)
            dist.barrier()
    (folder / f"found-{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
