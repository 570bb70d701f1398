"""Numbers of a logged step that an accelerator may still be working out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from nnviz_tb.adapters.torch.device_samples import to_host
from nnviz_tb.adapters.torch.merging import event_on
from nnviz_tb.adapters.torch.pieces import is_on_accelerator
from nnviz_tb.adapters.torch.tensors import local
from nnviz_tb.recording.writer import SummaryWriter


class ScalarsUnderWay:
    """Numbers to be written once they are there; those of the host are there at once.

    Args:
      writer: to write to.
      step: of the numbers.
      scalars: numbers, or tensors that hold one, by tag.
    """

    def __init__(self, writer: SummaryWriter, step: int, scalars: Mapping[str, Any]) -> None:
        self._writer = writer
        self._step = step
        self._scalars: dict[str, Any] = {}
        self._events: list[Any] = []
        for tag, value in scalars.items():
            if not isinstance(value, torch.Tensor):
                self._scalars[tag] = value
            elif is_on_accelerator(value):
                part = local(value.detach()).float()
                self._scalars[tag] = to_host(part)
                if part.device.type != "cpu":
                    self._events.append(event_on(part.device))
            else:
                self._scalars[tag] = value.detach().float().cpu()

    def is_ready(self) -> bool:
        """Whether :meth:`finish` would not wait."""
        return all(event.query() for event in self._events)

    def finish(self) -> None:
        """Writes the numbers, once; waits for them.

        Raises:
          ArgumentError: one of them is no number.
        """
        for event in self._events:
            event.synchronize()
        self._writer.log_layers([], self._step, scalars=self._scalars)
