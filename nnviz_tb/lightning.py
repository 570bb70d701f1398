"""``Callback`` for the ``Trainer`` of Lightning: a watch over the module that it trains."""

from __future__ import annotations

import os
from typing import Any

from lightning.pytorch import Callback as _Callback
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from nnviz_tb.recording.writer import SummaryWriter
from nnviz_tb.torch import Watch, watch
from nnviz_tb.torch.surroundings import SharedStop, is_first_process


class Callback(_Callback):
    """Logs the module, its real activations and gradients, and the logged metrics, while it trains.

    A step is an optimizer step, as ``trainer.global_step`` counts them with one optimizer. Metrics
    are those that the module logs (``self.log``); they are written at the logged steps, validation
    metrics at the end of every validation. With ``fast_dev_run`` nothing is written at all, as
    Lightning's own loggers do.
    """

    def __init__(
        self, writer: SummaryWriter | str | os.PathLike[str] | None = None, **options: Any
    ) -> None:
        """
        Args:
          writer: a writer of your own, or the directory of the run. By default it is written
            through the trainer's ``TensorBoardLogger``, which has the metrics already, and without
            one into the folder ``nnviz_tb`` in the trainer's ``log_dir``.
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
        self._through: SummaryWriter | None = None
        self._told_step = -1
        self._tells_metrics = True
        self._before_validation: dict[str, Any] = {}
        self._of_validation: set[str] = set()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begins the watch, counting on where a resumed training goes on."""
        self.close()
        self._stop.begin()
        if getattr(trainer, "fast_dev_run", False):
            return
        optimizers = list(trainer.optimizers)
        first_step = trainer.global_step // max(1, len(optimizers))
        options = {"optimizer": optimizers, "first_step": first_step, **self._options}
        self._watch = watch(pl_module, self._writer_of(trainer), **options)
        self._told_step = first_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Logs the metrics of a batch that ended with a logged step."""
        watching = self._watch
        # Batches that only accumulate gradients end with the step before.
        if watching is not None and self._tells_metrics and watching.step != self._told_step:
            self._told_step = watching.step
            # Lightning goes on listing what the last validation logged.
            metrics = trainer.logged_metrics
            watching.log({n: v for n, v in metrics.items() if n not in self._of_validation})
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
        if watching is None or not self._tells_metrics or trainer.sanity_checking:
            return
        if watching.writer is not None:
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
        self.close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Ends the watch when the training failed."""
        self.close()

    def _writer_of(self, trainer: Trainer) -> SummaryWriter | str | os.PathLike[str]:
        """Where to write: as given, else where the trainer itself logs."""
        self._tells_metrics = True
        directory = trainer.log_dir  # every process has to ask
        if self._writer is not None:
            return self._writer
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and is_first_process():
                # A second event file beside the logger's would stop TensorBoard reading one.
                self._tells_metrics = False
                self._through = SummaryWriter(via=logger.experiment)
                return self._through
        return os.path.join(directory or trainer.default_root_dir, "nnviz_tb")

    def close(self) -> None:
        """Ends the watch. Lightning does so itself, also when the training fails or is stopped."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if self._through is not None:
            self._through.close()  # the logger's own writer stays open
            self._through = None
