"""``Callback`` for ``model.fit`` of Keras 3, on any of its backends.

Everything happens at the beginning of a train batch and at the end of an epoch. A callback that
works at the end of batches makes Keras fetch the loss from the device after every single one,
before the next may begin; this one fetches it for the steps it logs.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from nnviz_tb import adapters
from nnviz_tb.adapters.keras.gradients import KeptGradients, why_gradients_cannot_be_kept
from nnviz_tb.adapters.keras.progress import Progress
from nnviz_tb.adapters.keras.updates import WeightsBefore
from nnviz_tb.adapters.keras.variables import to_numpy
from nnviz_tb.errors import LoggingWarning
from nnviz_tb.health import OnFinding, Thresholds, monitor_for
from nnviz_tb.recording.cadence import Cadence, parse_every
from nnviz_tb.recording.step_times import CostsBetween
from nnviz_tb.recording.writer import SummaryWriter


class Callback(keras.callbacks.Callback):  # type: ignore[misc]
    """Logs the model, the loss and the metrics while ``fit`` trains.

    A step is a train batch: the optimizer's count, where it has one. Metrics during an epoch are
    Keras's own running means since the epoch began; validation metrics come as ``val_…`` at the
    end of epochs. The first and the last step of a training are always logged. A callback may be
    given to several calls of ``fit``; steps go on where they ended.

    Where the callback sees the kernels right before and right after one optimizer step, true update
    ratios are logged. That is so unless ``steps_per_execution`` or gradient accumulation hide the
    single step, or the kernels are too large to copy. These, and gradients, are taken in the batch
    itself, so it has to be known before that it will be logged: the last step has them where the
    training ends as planned after data of known length, and is logged without them otherwise.
    """

    async_safe = True

    def __init__(
        self,
        logdir: str | os.PathLike[str] | SummaryWriter,
        *,
        inputs: Any = None,
        every: int | str = "auto",
        max_overhead: float = 0.01,
        gradients: bool = False,
        on_finding: OnFinding | None = None,
        thresholds: Thresholds | Mapping[str, float] | None = None,
    ) -> None:
        """
        Args:
          logdir: directory of the run, or a writer of your own.
          inputs: a probe batch as the model takes it; without it there are no densities.
          every: log the model every so many steps, at the end of each ``"epoch"``, or ``"auto"``:
            densely at first and thinning later, within ``max_overhead``.
          max_overhead: largest share of the time that ``"auto"`` may take.
          gradients: log the gradients of the batches that are logged, without a second backward
            pass. TensorFlow backend only; costs memory for one copy of the weights, and a model
            that was trained before is compiled once more when ``fit`` begins.
          on_finding: what to do when something is found to be wrong: ``"warn"`` with a
            :class:`~nnviz_tb.errors.HealthWarning`, ``"stop"`` the training at the end of the
            batch when it is severe and warn of it, or call a function with the
            :class:`~nnviz_tb.health.Finding`. ``docs/findings.md`` says what is looked for.
          thresholds: limits of findings, or those that differ from the defaults, by name.

        Raises:
          ArgumentError: an argument is not as described, or the directory cannot be written to.
        """
        super().__init__()
        self._settings = {
            "inputs": inputs,
            "every": every,
            "max_overhead": max_overhead,
            "gradients": gradients,
            "on_finding": on_finding,
            "thresholds": thresholds,
        }
        monitor = monitor_for(on_finding, thresholds, self._stop)
        self._every = parse_every(every)
        self._cadence = Cadence(max_overhead)
        self._inputs = inputs
        self._writer = logdir if isinstance(logdir, SummaryWriter) else SummaryWriter(logdir)
        if monitor is not None:
            self._writer.monitor = monitor
        self._wants_gradients = bool(gradients)
        self._gradients: KeptGradients | None = None
        self._progress = Progress()
        self._logged_step: int | None = None
        self._due_step: int | None = None
        self._before: WeightsBefore | None = None
        self._before_count = -1
        self._batch_logs: Mapping[str, Any] = {}
        self._costs = CostsBetween(time.perf_counter)
        self._broken = False

    def __deepcopy__(self, _: object) -> Callback:
        """A callback with the same settings that has seen no training; it writes to the same run.

        Tuners copy their callbacks for each trial.
        """
        return type(self)(self._writer, **self._settings)

    @property
    def writer(self) -> SummaryWriter:
        """The writer that is written to, to log more into the same run."""
        return self._writer

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begins to count; what other callbacks restore now is not seen before the first epoch."""
        self._progress.begin_training(self._model, self.params)
        self._cadence.leave_out(self._costs.seen)
        self._due_step = None
        self._before = None
        self._watch_gradients()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the epoch's batches from here; logs the model as it is before the first batch."""
        first = self._progress.begin_epoch(epoch)
        if first and self._logged_step != self._progress.step and self._model.built:
            self._cadence.due(self._progress.step)
            self._log(time.perf_counter(), self._learning_rate(), may_raise=True)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs the step that has just ended if it was due, and decides about the coming one."""
        self._progress.begin_batch(batch)
        if not self._progress.is_at_start_of_epoch:
            self._costs.ended()
        # At the known end of data whose length Keras does not know, the epoch's end logs.
        if not self._progress.is_past_last_batch:
            # A model with a train step of its own may have no weights before its first batch.
            if self._is_due() or (self._logged_step is None and self._has_weights()):
                self._wait()
                began = time.perf_counter()
                scalars = {**self._learning_rate(), **self._metrics()}
                self._log(began, scalars, self._updates())
            if self._due_step is None:
                self._decide(self._progress.step + self._progress.stride)
        self._costs.begins()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Remembers the batch; ``async_safe`` promises Keras that this may happen in a thread."""
        self._progress.end_batch(batch)
        self._batch_logs = logs or {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs the epoch's metrics, and the model if the step is due or the last one."""
        began = time.perf_counter()
        self._progress.end_epoch()
        scalars = {**self._learning_rate(), **(logs or {})}
        last = epoch + 1 == (self.params or {}).get("epochs") or self._model.stop_training
        wanted = self._is_due() or last or self._every == "epoch"
        # TensorFlow begins a batch to find that there is none, so the last may be logged already.
        if wanted and self._logged_step != self._progress.step:
            self._log(began, scalars, self._updates())
        else:
            self._writer.log_layers([], self._progress.step, scalars=_numbers(scalars))
        self._costs.rests()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Logs the last step if that has not been done."""
        if self._logged_step != self._progress.step:
            self._log(time.perf_counter(), {}, self._updates())
        self._costs.rests()
        if self._gradients is not None:
            self._gradients.release()
            self._gradients = None
        self._progress.end_training()
        self._writer.flush()

    def _stop(self) -> None:
        self._model.stop_training = True

    def _has_weights(self) -> bool:
        return self._model.built or bool(self._model.weights)

    def _wait(self) -> None:
        """Waits for the steps that are under way: their time is the training's, not ours."""
        # On JAX a model has its variables only once it was asked for as self.model.
        counted = getattr(getattr(self.model, "optimizer", None), "iterations", None)
        if counted is not None:
            to_numpy(counted)

    def _is_due(self) -> bool:
        return self._due_step is not None and self._progress.step >= self._due_step

    def _decide(self, step: int) -> None:
        """Whether the model is to be logged at the coming step; if so, keeps its kernels."""
        if self._every == "epoch":
            # Only the last batch of the epoch is worth a copy, where it is known.
            due = self._progress.is_before_last_batch
        elif self._every == "auto":
            due = self._cadence.due(step)
        else:
            due = step // self._every > self._progress.step // self._every
        if not due and not self._progress.is_before_last_step:
            return
        self._wait()
        began = time.perf_counter()
        self._due_step = step
        if self._gradients is not None:
            self._gradients.want(self._progress.stride)
        counted = self._progress.optimizer_steps()
        if counted is not None and self._progress.is_single_step:
            self._before = WeightsBefore(self.model)
            self._before_count = counted
        self._costs.prepared(time.perf_counter() - began)

    def _watch_gradients(self) -> None:
        """Has Keras keep the gradients of logged batches, where they are wanted and can be had."""
        if not self._wants_gradients:
            return
        if self._gradients is not None:  # of a training that was interrupted
            self._gradients.release()
            self._gradients = None
        reason = why_gradients_cannot_be_kept(self._model)
        if reason is None:
            self._gradients = KeptGradients(self._model)
        else:
            warnings.warn(f"gradients are not logged: {reason}", LoggingWarning, stacklevel=2)

    def _updates(self) -> list[Any] | None:
        """Changes of the kernels since ``_decide``, if exactly one optimizer step was between."""
        before, self._before = self._before, None
        if before is None or self._progress.step != self._due_step:
            return None  # the data ended before the step that was meant
        if self._progress.optimizer_steps() != self._before_count + 1:
            return None
        return before.updates(self.model)

    def _log(
        self,
        began: float,
        scalars: dict[str, Any],
        updates: list[Any] | None = None,
        may_raise: bool = False,
    ) -> None:
        """Logs the model at the current step.

        Args:
          began: when the work for it began, by ``time.perf_counter``.
          scalars: logged beside it.
          updates: of the kernels, in the order of ``trainable_variables``.
          may_raise: no batch was trained on yet; later a failure is only warned of.
        """
        before = self._costs.before()
        self._due_step = None
        values = _numbers(scalars)
        try:
            gradients = None if self._gradients is None else self._gradients.take()
            layers = adapters.layers_of(
                self.model, inputs=self._inputs, gradients=gradients, updates=updates
            )
        except Exception as error:
            if may_raise and self._logged_step is None:
                raise
            self._warn(error)
            layers = []
        self._logged_step = self._progress.step
        self._writer.log_layers(
            layers,
            self._progress.step,
            scalars=values,
            probe_seconds=time.perf_counter() - began,
            prepared_seconds=before,
        )
        seconds = time.perf_counter() - began
        self._costs.logged(seconds)
        self._cadence.record_cost(seconds + before)

    def _warn(self, error: Exception) -> None:
        if not self._broken:
            self._broken = True
            warnings.warn(
                f"the model could not be logged at step {self._progress.step}, and training goes "
                f"on: {type(error).__name__}: {error}",
                LoggingWarning,
                stacklevel=3,
            )

    def _metrics(self) -> dict[str, Any]:
        """The running means of loss and metrics; reading them waits for the device."""
        if self._progress.is_at_start_of_epoch:
            return {}  # they have just been reset
        metrics, told = dict(self.model.get_metrics_result()), dict(self._batch_logs)
        # A train step of the user's own may leave Keras's metrics at zero and tell others.
        return metrics if not told or set(told) == set(metrics) else told

    def _learning_rate(self) -> dict[str, Any]:
        rate = getattr(getattr(self._model, "optimizer", None), "learning_rate", None)
        return {} if rate is None else {"learning_rate": rate}


def _numbers(scalars: dict[str, Any]) -> dict[str, float]:
    """The scalars as floats; a metric that is no single number is left out."""
    numbers: dict[str, float] = {}
    for name, value in scalars.items():
        array = np.asarray(to_numpy(value))
        if array.size == 1 and array.dtype.kind in "fiub":
            numbers[name] = float(array.reshape(()))
    return numbers
