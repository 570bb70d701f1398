"""What a watch is given, and where it runs."""

from __future__ import annotations

from typing import Any

import torch

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import monitor_for, reaction
from nnviz_tb.recording.cadence import Every, parse_every


def is_first_process() -> bool:
    """Whether this is the process that writes: of a distributed training the one of rank 0."""
    return process_count() == 1 or bool(torch.distributed.get_rank() == 0)


def process_count() -> int:
    """How many processes train together."""
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_initialized():
        return 1
    return int(distributed.get_world_size())


STOP_EVERY = 16
"""Steps between two questions to the other processes whether to stop."""


class SharedStop:
    """The wish to stop a training, of which all its processes hear at the same step.

    One that stopped alone would leave the others waiting for it.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        """
        Args:
          options: of a watch; where ``on_finding`` is ``"stop"``, this is what will be told.

        Raises:
          ArgumentError: ``on_finding`` or ``thresholds`` is not as described.
        """
        on_finding = options.get("on_finding")
        monitor_for(on_finding, options.get("thresholds"), self._ask)
        self._used = on_finding == "stop"
        self._wished = False
        self.options = {**options, "on_finding": reaction("stop", self._ask)}
        if not self._used:
            self.options = options

    def begin(self) -> None:
        """A training begins: what was wished in the one before is over."""
        self._wished = False

    def agreed(self, step: int, device: torch.device) -> bool:
        """Whether to stop after this step; the same in all processes, if all ask at every step.

        They ask one another at every :data:`STOP_EVERY`-th step only: the answer is waited for.

        Args:
          step: the same in all processes.
          device: where the processes can exchange a tensor.
        """
        if not self._used or process_count() == 1:
            return self._wished
        if step % STOP_EVERY:
            return False
        wish = torch.tensor(float(self._wished), device=device)
        torch.distributed.all_reduce(wish, torch.distributed.ReduceOp.MAX)
        return bool(wish.item())

    def _ask(self) -> None:
        self._wished = True


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


def learning_rates(optimizer: torch.optim.Optimizer | None, name: str) -> dict[str, float]:
    """The optimizer's rates by tag: one, or one for each group where they differ."""
    groups = [] if optimizer is None else [g for g in optimizer.param_groups if "lr" in g]
    rates = [float(group["lr"]) for group in groups]
    tag = f"{name}/learning_rate" if name else "learning_rate"
    if len(set(rates)) == 1:
        return {tag: rates[0]}
    return {f"{tag}/{place}": rate for place, rate in enumerate(rates)}
