"""``Callback`` for the ``Trainer`` of Lightning: a watch over the module that it trains."""

from __future__ import annotations

import os
from typing import Any

from lightning.pytorch import Callback as _Callback
from lightning.pytorch import LightningModule, Trainer

from nnviz_tb.recording.writer import SummaryWriter
from nnviz_tb.torch import Watch, watch
from nnviz_tb.torch.surroundings import SharedStop


class Callback(_Callback):
    """Logs the module, its real activations and gradients, and the logged metrics, while it trains.

    A step is an optimizer step, as ``trainer.global_step`` counts them with one optimizer. Metrics
    are those that the module logs (``self.log``); they are written at the logged steps, validation
    metrics at the end of every validation.
    """

    def __init__(self, writer: SummaryWriter | str | os.PathLike[str], **options: Any) -> None:
        """
        Args:
          writer: a writer of your own, or the directory of the run.
          options: as of :func:`nnviz_tb.torch.watch`: ``every``, ``include``, ``on_finding``, ….
            ``on_finding="stop"`` sets ``trainer.should_stop`` at the end of the batch, in all
            processes of a distributed training.

        Raises:
          ArgumentError: ``on_finding`` or ``thresholds`` is not as described.
        """
        self._writer = writer
        self._stop = SharedStop(options)
        self._options = self._stop.options
        self._watch: Watch | None = None
        self._before_validation: dict[str, Any] = {}
        self._of_validation: set[str] = set()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begins the watch, counting on where a resumed training goes on."""
        self._end()
        self._stop.begin()
        optimizers = list(trainer.optimizers)
        first_step = trainer.global_step // max(1, len(optimizers))
        options = {"optimizer": optimizers, "first_step": first_step, **self._options}
        self._watch = watch(pl_module, self._writer, **options)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Logs the metrics of a batch that ended with a logged step."""
        if self._watch is not None:
            # Lightning goes on listing what the last validation logged.
            metrics = trainer.logged_metrics
            self._watch.log({n: v for n, v in metrics.items() if n not in self._of_validation})
        if self._stop.agreed(batch_idx, pl_module.device):
            trainer.should_stop = True

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remembers the metrics of the training, to tell the validation's from them."""
        self._before_validation = dict(trainer.callback_metrics)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Logs the validation's metrics."""
        metrics, before = trainer.callback_metrics, self._before_validation
        new = {name: value for name, value in metrics.items() if value is not before.get(name)}
        self._of_validation |= set(new) - set(before)
        watching = self._watch
        if watching is not None and watching.writer is not None and not trainer.sanity_checking:
            watching.writer.log_layers(
                [],
                watching.step,
                scalars={
                    name: float(value)
                    for name, value in metrics.items()
                    if name in self._of_validation and value.numel() == 1
                },
            )

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ends the watch."""
        self._end()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Ends the watch when the training failed."""
        self._end()

    def _end(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
