"""One process of a training that wishes to stop: ``stopping_rank.py RANK WORLD FOLDER``.

It prints ``refused`` if a watch alone may not stop it, and the step at which all agreed to.
"""

from __future__ import annotations

import sys
import warnings
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from nnviz_tb.errors import ArgumentError, HealthWarning
from nnviz_tb.health import Finding
from nnviz_tb.torch import watch
from nnviz_tb.torch.surroundings import SharedStop

STEPS = 40


def severe(step: int) -> Finding:
    return Finding(
        "dead_units", "severe", "", "0", (), step, step, True, 1.0, 0.5, "", "dead", "", "", ""
    )


def main(rank: int, world: int, folder: Path) -> None:
    patience = timedelta(seconds=120)
    dist.init_process_group("gloo", f"file://{folder}/store", patience, world, rank)
    try:
        watch(nn.Linear(2, 2), folder / "run", on_finding="stop")
    except ArgumentError:
        print("refused")
    stop = SharedStop({"on_finding": "stop"})
    tell = stop.options["on_finding"]
    for step in range(1, STEPS + 1):
        if rank == 0 and step == 5:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HealthWarning)
                tell(severe(step))
        if stop.agreed(step, torch.device("cpu")):
            print(f"stopped at {step}")
            break
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
