"""A watch over a model that several processes hold together: each takes part, the first writes.

All of them log the same steps, without asking one another between two of these: which step is the
next is told with each. A process whose watch fails says so instead of leaving the others waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from torch import nn

from nnviz_tb.adapters.torch.distant import StepReading
from nnviz_tb.adapters.torch.processes import is_distributed, processes
from nnviz_tb.adapters.torch.tensors import is_sharded
from nnviz_tb.layers import Layer
from nnviz_tb.recording.recorder import ModelRecorder


class FollowedStep:
    """A logged step in a process that takes part in it, and does not write.

    Args:
      recorder: of the model, which wants what that of the writing process wants.
      layers: of this step.
    """

    def __init__(self, recorder: ModelRecorder, layers: list[Layer]) -> None:
        self._recorder = recorder
        self._prepared = recorder.prepare(layers)

    def is_ready(self) -> bool:
        """Whether :meth:`finish` would not wait."""
        return self._prepared.is_ready()

    def finish(self) -> None:
        """Keeps what the next step is compared with."""
        self._recorder.finish(self._prepared)


class Together:
    """What a watch has to do with those of the other processes. Making one is collective.

    Attributes:
      next_step: that all of them log.
    """

    def __init__(self, first_step: int, all_reduce: bool) -> None:
        self.next_step = first_step
        self._everyone = processes()
        self._all_reduce = all_reduce

    def reading(self) -> StepReading:
        """For the coming logged step."""
        return StepReading(shared=True)

    def shared(self, layers: list[Layer]) -> list[Layer]:
        """The layers; where asked for, their samples stand for those of all processes."""
        if not self._all_reduce:
            return layers
        merge = self._everyone.summed
        return [
            replace(layer, activation=replace(layer.activation, merge=merge))
            if layer.activation is not None
            else layer
            for layer in layers
        ]

    @contextmanager
    def logging(self, reading: StepReading, next_step: Callable[[], int]) -> Iterator[None]:
        """A logged step, at whose end all processes know the next.

        Args:
          reading: of the arrays; begun by now, or at the end.
          next_step: asked in the process that writes, last.

        Raises:
          NnvizError: the watch of another process has ended.
        """
        try:
            yield
            reading.begin()
        except Exception:
            self._everyone.withdraw()
            raise
        self.next_step = self._everyone.first_ones(next_step())

    def withdraw(self) -> None:
        """Tells the others, at the step they log next, that there is no watch here any more."""
        self._everyone.withdraw()


def together_for(model: nn.Module, first_step: int, all_reduce: bool) -> Together | None:
    """What the watch of a model shares with other processes; None where one process tells it all.

    Args:
      model: whose weights may be sharded.
      first_step: to be logged.
      all_reduce: of activations, tell what all processes saw.
    """
    if not is_distributed():
        return None
    sharded = any(is_sharded(parameter) for parameter in model.parameters())
    return Together(first_step, all_reduce) if sharded or all_reduce else None
