"""Where a Keras training stands, from what ``fit`` tells its callbacks."""

from __future__ import annotations

import threading
from typing import Any

from nnviz_tb.adapters.keras.variables import to_numpy


class Progress:
    """Counts train batches over several calls of ``fit``.

    Attributes:
      step: batches that were trained on; the optimizer's count, where it has one.
    """

    def __init__(self) -> None:
        self.step = 0
        self._model: Any = None
        self._params: dict[str, Any] = {}
        self._counted_at_end: int | None = None
        self._epoch_began = 0
        self._epoch_count: int | None = None
        self._last_begun = 0
        self._last_ended = -1
        self._ending = threading.Lock()
        self._in_last_epoch = False
        self._in_first_epoch = False
        self._length: int | None = None

    def begin_training(self, model: Any, params: dict[str, Any] | None) -> None:
        """A ``fit`` begins.

        Args:
          model: that is trained.
          params: as Keras gives them to callbacks.
        """
        self._model, self._params = model, params or {}
        self._in_first_epoch = True
        self._in_last_epoch = False
        self._length = None

    def begin_epoch(self, epoch: int) -> bool:
        """An epoch begins; whether it is the first of a ``fit``."""
        first, self._in_first_epoch = self._in_first_epoch, False
        self._epoch_count = self.optimizer_steps()
        if first:
            # Not before: callbacks may have restored the optimizer when the training began.
            self._begin_counting(self._epoch_count or 0)
        self._epoch_began = self.step
        self._last_begun = 0
        self._last_ended = -1
        self._in_last_epoch = epoch + 1 == self._params.get("epochs")
        return first

    def _begin_counting(self, counted: int) -> None:
        if self._counted_at_end is None:
            self.step = max(self.step, counted)
        else:
            # Batches trained without us count; compiled anew, the optimizer starts from zero.
            self.step += max(0, counted - self._counted_at_end)
        self._counted_at_end = None

    def begin_batch(self, batch: int) -> None:
        """A batch of the epoch begins, or several with ``steps_per_execution``."""
        self._last_begun = batch
        self.step = self._epoch_began + batch

    def end_batch(self, batch: int) -> None:
        """A batch has ended; ``async_safe`` lets Keras say so in threads, in any order."""
        with self._ending:
            self._last_ended = max(self._last_ended, batch)

    def end_epoch(self) -> None:
        """The epoch has ended."""
        # The last batch that began may have been the end of the data. The optimizer's count is no
        # help there: TensorFlow may advance it in a batch that fails.
        ended, steps = self._last_ended + 1, self._params.get("steps")
        if self.stride > 1:
            ended = self._counted_in_epoch(ended)
        self._length = ended if steps is None else min(ended, int(steps))
        self.step = self._epoch_began + self._length

    def _counted_in_epoch(self, ended: int) -> int:
        """Batches of an epoch that ends within several that are executed together.

        Keras tells either the first or the last place of the last ones, as its version has it, even
        where the data ended between; no batch fails there, so that the optimizer's count is right.
        """
        counted = self.optimizer_steps()
        if counted is None or self._epoch_count is None:
            return ended
        counted -= self._epoch_count
        return counted if abs(counted - ended) < self.stride else ended

    def end_training(self) -> None:
        """The ``fit`` has ended."""
        self._counted_at_end = self.optimizer_steps()

    @property
    def is_at_start_of_epoch(self) -> bool:
        """Whether no batch of the epoch was trained on yet."""
        return self.step == self._epoch_began

    @property
    def is_before_last_batch(self) -> bool:
        """Whether the epoch's last batch comes next: as long as Keras or the epoch before tells."""
        steps = self._params.get("steps") or self._length
        return steps is not None and self._last_begun + self.stride >= int(steps)

    @property
    def is_past_last_batch(self) -> bool:
        """Whether the batch that begins is one more than the epoch before had.

        Where Keras does not know the length of the data, TensorFlow begins a batch to find its end.
        """
        if self._params.get("steps") is not None or self._length is None:
            return False
        return self._length <= self._last_begun < self._length + self.stride

    @property
    def is_before_last_step(self) -> bool:
        """Whether the training's last batch comes next, if nothing ends it before."""
        return self._in_last_epoch and self.is_before_last_batch

    @property
    def stride(self) -> int:
        """Batches between two calls of :meth:`begin_batch`."""
        return int(getattr(self._model, "steps_per_execution", 1) or 1)

    @property
    def is_single_step(self) -> bool:
        """Whether the optimizer changes the weights once between two calls."""
        return self.stride == 1 and self._accumulation() == 1

    def optimizer_steps(self) -> int | None:
        """Train batches that the optimizer has seen; None without an optimizer that counts.

        While gradients are being accumulated, those of the last update.
        """
        iterations = getattr(getattr(self._model, "optimizer", None), "iterations", None)
        if iterations is None:
            return None
        return int(to_numpy(iterations)) * self._accumulation()

    def _accumulation(self) -> int:
        optimizer = getattr(self._model, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss
        return int(getattr(optimizer, "gradient_accumulation_steps", None) or 1)
