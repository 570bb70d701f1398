"""What a watch is given, and where it runs."""

from __future__ import annotations

import weakref
from typing import Any

import torch

from nnviz_tb.errors import ArgumentError
from nnviz_tb.recording.cadence import Every, parse_every


def is_first_process() -> bool:
    """Whether this is the process that writes: of a distributed training the one of rank 0."""
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_initialized():
        return True
    return bool(distributed.get_rank() == 0)


def parsed_every(every: Any) -> Every:
    """``every`` as an int >= 1 or ``"auto"``.

    Raises:
      ArgumentError: something else.
    """
    parsed = parse_every(every)
    if parsed == "epoch":
        raise ArgumentError("every must be an integer >= 1 or 'auto': a watch knows no epochs")
    return parsed


def listed(optimizer: Any) -> list[torch.optim.Optimizer]:
    """None, one optimizer or several as a list.

    Raises:
      ArgumentError: something else.
    """
    if optimizer is None:
        return []
    several = [optimizer] if isinstance(optimizer, torch.optim.Optimizer) else optimizer
    if not isinstance(several, (list, tuple)) or not all(
        isinstance(one, torch.optim.Optimizer) for one in several
    ):
        raise ArgumentError(
            f"optimizer must be a torch.optim.Optimizer or a list of them, got {optimizer!r:.80}"
        )
    return list(several)


def learning_rates(
    optimizer: weakref.ref[torch.optim.Optimizer] | None, name: str
) -> dict[str, float]:
    """The optimizer's rates by tag: one, or one for each group where they differ."""
    known = None if optimizer is None else optimizer()
    groups = [] if known is None else [g for g in known.param_groups if "lr" in g]
    rates = [float(group["lr"]) for group in groups]
    tag = f"{name}/learning_rate" if name else "learning_rate"
    if len(set(rates)) == 1:
        return {tag: rates[0]}
    return {f"{tag}/{place}": rate for place, rate in enumerate(rates)}
