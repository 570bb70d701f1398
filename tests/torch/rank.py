"""One process of a distributed training on the CPU: ``rank.py RANK WORLD KIND FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from launched import process_group
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from nnviz_tb.torch import watch

STEPS = 3


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def batches(rank: int, world: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The part of one rank: every batch of 8 is dealt out among the ranks."""
    generator = torch.Generator().manual_seed(5)
    whole = [
        (torch.randn(8, 4, generator=generator), torch.randint(0, 3, (8,), generator=generator))
        for _ in range(STEPS)
    ]
    return [(x[rank::world], y[rank::world]) for x, y in whole]


def train(rank: int, world: int, kind: str, folder: Path) -> None:
    """Trains, watched; everything that was made of the process group is gone afterwards."""
    model: nn.Module = network()
    if kind == "ddp":
        model = DistributedDataParallel(model)
    else:
        fully_shard(model, mesh=init_device_mesh("cpu", (world,)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, folder / "run", every=1) as watching:
        assert (watching.writer is None) == (rank != 0)
        for x, y in batches(rank, world):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            watching.log({"loss": loss})


def main(rank: int, world: int, kind: str, folder: Path) -> None:
    with process_group(rank, world, folder):
        train(rank, world, kind, folder)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
