"""One process that holds parts of models: ``sharded_rank.py RANK WORLD FOLDER``.

Logs each model twice, whole and sharded, with the same weights, gradients and updates; and looks
at every message that passes between the processes meanwhile.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from launched import process_group
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)
from torch.utils._python_dispatch import TorchDispatchMode

import nnviz_tb

STEPS = 3
INCOMING, LARGE = 600, 1500


class Block(nn.Module):
    """Layers of several kinds, of sizes that no number of processes divides."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 7)
        self.attention = nn.MultiheadAttention(6, 2)
        self.convolution = nn.Conv2d(3, 5, 3)
        self.transposed = nn.ConvTranspose1d(5, 3, 2)
        self.normalisation = nn.BatchNorm1d(5)
        self.narrow = nn.Linear(9, 3)
        self.single = nn.Linear(5, 1, bias=False)


class Wide(nn.Module):
    """What tensor parallelism is for; more numbers than are moved as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(INCOMING, LARGE)
        self.down = nn.Linear(LARGE, INCOMING)


def block() -> nn.Module:
    return Block()


def half_block() -> nn.Module:
    return Block().to(torch.bfloat16)


def wide() -> nn.Module:
    return Wide()


def sick() -> nn.Module:
    """Weights that are not finite, not normal, and nearly equal."""
    model = nn.Linear(40, 60)
    with torch.no_grad():
        model.weight[3] = float("nan")
        model.weight[4, 5] = float("inf")
        model.weight[5, ::2] = -float("inf")
        model.weight[6] = 0.0
        model.weight[7] = -0.0
        model.weight[8] = 1e-42
        model.weight[9] = 1e4 + 1e-3 * torch.randn(40)
    return model


def fsdp(model: nn.Module, mesh: DeviceMesh) -> None:
    for child in model.children():
        fully_shard(child, mesh=mesh)
    fully_shard(model, mesh=mesh)


def tensor_parallel(model: nn.Module, mesh: DeviceMesh) -> None:
    parallelize_module(model, mesh, {"up": ColwiseParallel(), "down": RowwiseParallel()})


def both(model: nn.Module, mesh: DeviceMesh) -> None:
    tensor_parallel(model, mesh["tp"])
    fsdp(model, mesh["dp"])


def arrangements(
    world: int,
) -> dict[str, tuple[Callable[[], nn.Module], Callable[..., None], DeviceMesh]]:
    line = init_device_mesh("cpu", (world,), mesh_dim_names=("all",))
    found = {
        "fsdp-block": (block, fsdp, line),
        "fsdp-half": (half_block, fsdp, line),
        "fsdp-sick": (sick, fsdp, line),
        "fsdp-wide": (wide, fsdp, line),
        "tp-wide": (wide, tensor_parallel, line),
    }
    if world == 4:
        square = init_device_mesh("cpu", (2, 2), mesh_dim_names=("dp", "tp"))
        found["fsdp-tp-wide"] = (wide, both, square)
        found["hybrid-block"] = (block, fsdp, square)
    return found


class Messages(TorchDispatchMode):
    """Every collective that is entered, with the bytes it moves."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if func.namespace in ("c10d", "_c10d_functional"):
            tensors = [
                leaf
                for leaf in torch.utils._pytree.tree_leaves((args, kwargs or {}))
                if isinstance(leaf, torch.Tensor)
            ]
            self.seen.append((func._opname, sum(t.numel() * t.element_size() for t in tensors)))
        return func(*args, **(kwargs or {}))


@contextmanager
def listening() -> Iterator[Messages]:
    with Messages() as messages:
        yield messages


def change(model: nn.Module, step: int) -> None:
    """The same to whole and to sharded weights, entry by entry."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.grad = (parameter * (0.5 + step)).detach()
            parameter.mul_(1.0 + 0.125 * step).add_(0.0625)


def log_all(rank: int, world: int, folder: Path) -> None:
    told = {}
    for name, (make, shard, mesh) in arrangements(world).items():
        torch.manual_seed(1)
        whole = make()
        torch.manual_seed(1)
        sharded = make()
        shard(sharded, mesh)
        heard = []
        for step in range(STEPS):
            change(whole, step)
            change(sharded, step)
            if rank == 0:
                nnviz_tb.log_model(whole, step, logdir=folder / name / "whole")
            with listening() as messages:
                nnviz_tb.log_model(
                    sharded, step, logdir=folder / name / "sharded", scalars={"rank": rank}
                )
            heard.append(messages.seen)
        told[name] = heard
        whole_weight, weight = next(iter(whole.parameters())), next(iter(sharded.parameters()))
        assert isinstance(weight, DTensor)
        with listening() as messages:
            gathered = weight.full_tensor()
        told[f"{name} gathered"] = messages.seen
        torch.testing.assert_close(gathered, whole_weight, rtol=0, atol=0, equal_nan=True)
    (folder / f"told-{rank}.json").write_text(json.dumps(told))


def main(rank: int, world: int, folder: Path) -> None:
    with process_group(rank, world, folder):
        log_all(rank, world, folder)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
