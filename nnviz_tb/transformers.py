"""``Callback`` for the ``Trainer`` of Hugging Face: a watch over the model that it trains."""

from __future__ import annotations

import os
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nnviz_tb.recording.writer import SummaryWriter
from nnviz_tb.torch import Watch, watch
from nnviz_tb.torch.surroundings import SharedStop


class Callback(TrainerCallback):
    """Logs the model, its real activations and gradients, and the Trainer's logs, while it trains.

    A step is an optimizer step, as ``state.global_step`` counts them. The Trainer tells nobody of a
    training that failed: what was logged is safe, but the watch goes on until :meth:`close` or the
    next training.
    """

    def __init__(
        self, writer: SummaryWriter | str | os.PathLike[str] | None = None, **options: Any
    ) -> None:
        """
        Args:
          writer: a writer of your own, or the directory of the run; by default ``nnviz_tb`` in the
            Trainer's ``output_dir``.
          options: as of :func:`nnviz_tb.torch.watch`: ``every``, ``include``, ``on_finding``, ….
            ``on_finding="stop"`` sets ``control.should_training_stop`` at the end of the step, in
            all processes of a distributed training.

        Raises:
          ArgumentError: ``on_finding`` or ``thresholds`` is not as described.
        """
        self._writer = writer
        self._stop = SharedStop(options)
        self._options = self._stop.options
        self._watch: Watch | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Begins the watch, counting on where a resumed training goes on."""
        self.close()
        self._stop.begin()
        options = {"first_step": state.global_step, **self._options}
        writer = self._writer
        if writer is None:
            writer = os.path.join(args.output_dir or ".", "nnviz_tb")
        self._watch = watch(rest["model"], writer, **options)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Asks for the end of the training when something severe was found and that was wished."""
        if self._stop.agreed(state.global_step, args.device):
            control.should_training_stop = True

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Logs the numbers that the Trainer logs."""
        logs = rest.get("logs") or {}
        numbers = {name: value for name, value in logs.items() if isinstance(value, (int, float))}
        # The watch logs the rate itself, under the same name.
        numbers.pop("learning_rate", None)
        if self._watch is not None and self._watch.writer is not None and numbers:
            self._watch.writer.log_layers([], state.global_step, scalars=numbers)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Ends the watch."""
        self.close()

    def close(self) -> None:
        """Ends the watch; the Trainer does so itself at the end of a training that succeeds."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
