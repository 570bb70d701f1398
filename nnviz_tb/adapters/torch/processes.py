"""What the processes of a distributed training agree on before they merge what each has found.

Every collective must be entered by all processes or by none. So before any of them is, all say
whether they want the same and whether they can go on, over a group of their own, on the CPU: it
disturbs no collective of the training, waits for no device, and gives up on a process that never
comes, instead of waiting for it for ever.
"""

from __future__ import annotations

import hashlib
import weakref
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from nnviz_tb.errors import NnvizError

PATIENCE = timedelta(seconds=60)
"""How long a process is waited for."""


def is_distributed() -> bool:
    """Whether this process is one of several that train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def is_first_process() -> bool:
    """Whether this is the process that writes: of a distributed training the one of rank 0."""
    return not is_distributed() or dist.get_rank() == 0


class Processes:
    """All processes of a distributed training. Making the first of them is collective."""

    def __init__(self) -> None:
        self._group = dist.new_group(backend="gloo", timeout=PATIENCE)
        self._failure: str | None = None
        self._unheard: list[Any] = []

    def agree(self, fingerprint: bytes) -> bool:
        """Whether all have given the same fingerprint, of what they want.

        Raises:
          NnvizError: one of the processes has withdrawn, or did not come.
        """
        digest = int.from_bytes(hashlib.blake2b(fingerprint, digest_size=7).digest(), "big")
        largest, smallest = self._largest([digest, -digest])
        return largest == -smallest

    def confirm(self, able: bool) -> None:
        """Returns when every process was able.

        Raises:
          NnvizError: one was not, has withdrawn, or did not come.
        """
        if self._largest([0 if able else 1, 0])[0]:
            raise NnvizError("another process could not read its part of the weights")

    def first_ones(self, number: int) -> int:
        """The number that the first process gave.

        Raises:
          NnvizError: one of the processes has withdrawn, or did not come.
        """
        return self._largest([number if dist.get_rank() == 0 else -1, 0])[0]

    def first_ones_object(self, value: Any) -> Any:
        """What the first process gave, pickled and sent to the others.

        Raises:
          NnvizError: one of the processes did not come.
        """
        sent = [value if dist.get_rank() == 0 else None]
        self._attempt(lambda: dist.broadcast_object_list(sent, 0, group=self._group))
        return sent[0]

    def summed(
        self, description: bytes, numbers: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """The numbers added up over all processes; None where they do not describe them alike.

        Raises:
          NnvizError: one of the processes has withdrawn, or did not come.
        """
        if not self.agree(description):
            return None
        total = torch.from_numpy(np.array(numbers, np.float64))
        self._attempt(lambda: dist.all_reduce(total, group=self._group))
        summed: NDArray[np.float64] = total.numpy()
        return summed

    def withdraw(self) -> None:
        """Enters no collective any more, and says so to the others when they come to the next."""
        if self._failure is None:
            self._failure = "this process has withdrawn from the logging"
            told = torch.tensor([0, 0, 1])
            # Not waited for: until the others come, they may be waiting for this process's
            # training.
            work = dist.all_reduce(told, dist.ReduceOp.MAX, group=self._group, async_op=True)
            self._unheard.append((told, work))

    def _largest(self, numbers: list[int]) -> list[int]:
        told = torch.tensor([*numbers, 0], dtype=torch.int64)
        self._attempt(lambda: dist.all_reduce(told, dist.ReduceOp.MAX, group=self._group))
        *largest, withdrawn = (int(number) for number in told.tolist())
        if withdrawn:
            self._failure = "another process has withdrawn from the logging"
            raise NnvizError(self._failure)
        return largest

    def _attempt(self, collective: Any) -> None:
        if self._failure is not None:
            raise NnvizError(self._failure)
        try:
            collective()
        except RuntimeError as error:
            first = (str(error).splitlines() or [""])[0]
            self._failure = f"the processes could not agree on what to log: {first:.200}"
            raise NnvizError(self._failure) from error


_processes: tuple[weakref.ref[Any], Processes] | None = None


def processes() -> Processes:
    """All processes of the training under way; the first call of each must be made together."""
    global _processes
    world = dist.group.WORLD
    if _processes is None or _processes[0]() is not world:
        assert world is not None
        _processes = weakref.ref(world), Processes()
    return _processes[1]
