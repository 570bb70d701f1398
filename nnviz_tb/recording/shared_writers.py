"""One writer for each run directory, made when first used and kept until the process ends."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from nnviz_tb import adapters
from nnviz_tb.errors import ArgumentError
from nnviz_tb.recording import arguments, forks
from nnviz_tb.recording.silence import Silence
from nnviz_tb.recording.writer import SummaryWriter


class _Registry:
    """Writers by the absolute path of their directory."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._writers: dict[str, SummaryWriter] = {}
        self._silent: dict[str, SummaryWriter] = {}
        forks.renew_lock_after_fork(self)
        atexit.register(self._close)

    def writer_of(self, logdir: str | os.PathLike[str]) -> SummaryWriter:
        directory = arguments.checked_location(logdir)
        with self.lock:
            writer = self._writers.get(directory)
            if writer is None:
                writer = self._writers[directory] = SummaryWriter(directory)
            return writer

    def silent_writer_of(self, logdir: str | os.PathLike[str]) -> SummaryWriter:
        directory = arguments.checked_location(logdir)
        with self.lock:
            if directory not in self._silent:
                self._silent[directory] = SummaryWriter(via=Silence())
            return self._silent[directory]

    def _close(self) -> None:
        with self.lock:
            for writer in self._writers.values():
                writer.close()


_registry = _Registry()


def writer_of(logdir: str | os.PathLike[str]) -> SummaryWriter:
    """The shared writer of a run directory.

    Raises:
      ArgumentError: it is not a directory that can be written to.
    """
    return _registry.writer_of(logdir)


def log_model(
    model: Any,
    step: int,
    *,
    logdir: str | os.PathLike[str] | None = None,
    writer: SummaryWriter | None = None,
    inputs: Any = None,
    scalars: Mapping[str, Any] | None = None,
    gradients: Any = None,
    activations: Mapping[str, tuple[Callable[..., Any], Any]] | None = None,
    name: str = "",
    walltime: float | None = None,
) -> None:
    """Logs the whole model at one step: the one call for any training loop.

    A model whose weights are sharded over processes is logged by all of them together, at the same
    steps: each reduces its part, and the one of rank 0 writes, scalars too.

    Args:
      model, step, inputs, scalars, gradients, activations, name, walltime: as of
        :meth:`SummaryWriter.log_model`.
      logdir: directory of the run; its writer is made once and kept.
      writer: a writer of one's own, instead of ``logdir``.

    Raises:
      ArgumentError: an argument is not as described.
      AdapterError: no adapter knows the model.
    """
    if (logdir is None) == (writer is None):
        raise ArgumentError(f"give either logdir or writer, got {logdir!r:.80} and {writer!r:.80}")
    if writer is None and logdir is not None:
        only_takes_part = adapters.takes_part_only(model)
        writer = _registry.silent_writer_of(logdir) if only_takes_part else writer_of(logdir)
    if not isinstance(writer, SummaryWriter):
        raise ArgumentError(f"writer must be an nnviz_tb.SummaryWriter, got {writer!r:.80}")
    writer.log_model(
        model,
        step,
        inputs=inputs,
        scalars=scalars,
        gradients=gradients,
        activations=activations,
        name=name,
        walltime=walltime,
    )
