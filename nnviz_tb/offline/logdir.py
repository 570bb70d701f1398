"""A log directory opened without a server: TensorBoard's own reader, keeping every step.

The report, the plots and the export read through this, so they see what the panel sees, minus
its down-sampling.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorboard import context as tb_context
from tensorboard.backend.event_processing import (
    data_provider,
    directory_watcher,
    plugin_event_multiplexer,
)
from tensorboard.data import provider as tb_provider

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import RunSeries
from nnviz_tb.offline import foreign
from nnviz_tb.reading import evidence
from nnviz_tb.reading.faults import RequestError, shown
from nnviz_tb.reading.listings import Listing, layers_in
from nnviz_tb.reading.reader import Reader
from nnviz_tb.reading.rows import Series
from nnviz_tb.reading.source import Scope

_HISTOGRAMS = "histograms"
_ALL = 0
"""Of TensorBoard's reader: keep every row of a tag."""
_READ_BYTES = 4 << 30
"""Of one series, which nobody else is waiting for."""

Progress = Callable[[int, int, str], None]
"""Called with runs done, runs in all, and the run that is being read."""


@dataclass(frozen=True)
class Log:
    """An opened log directory.

    Attributes:
      path: the directory.
      reader: typed series, as the plugin reads them.
      scope: to be handed to the reader.
      runs: names of the runs, in the order of their names.
    """

    path: str
    reader: Reader
    scope: Scope
    runs: tuple[str, ...]
    _provider: tb_provider.DataProvider

    def listing(self) -> Listing:
        """All tags of ours and all scalars, without their data."""
        return self.reader.listing(self.scope)

    def only_run(self, run: str | None) -> str:
        """The run of this name; without a name, the only one there is.

        Raises:
          ArgumentError: no such run, or several to choose from.
        """
        if run is None:
            if len(self.runs) > 1:
                raise ArgumentError(f"run must be named, one of: {', '.join(self.runs)}")
            return self.runs[0]
        self._check(run)
        return run

    def run_series(self, run: str, losses: tuple[str, ...] = ()) -> RunSeries:
        """What a run is judged by; of a run of another writer, its scalars and histograms.

        Args:
          losses: tags of scalars that are losses though their names do not say so.
        """
        self._check(run)
        series = evidence.gather(self.reader, self.scope, run, losses)
        if series.layers:
            return series
        layers = foreign.layers_of(self._histograms(run))
        return RunSeries(run, layers, series.scalars, of_histograms=True)

    def series(self, run: str, kind: str, layer: str) -> Series:
        """One series of ours.

        Raises:
          ArgumentError: no such run or series, with those that there are; or none of its rows can
            be read.
        """
        self._check(run)
        try:
            series = self.reader.series(self.scope, run, kind, layer)
        except RequestError as fault:
            layers = self.layers(run)
            raise ArgumentError(f"{fault}; layers of {shown(run)}: {', '.join(layers)}") from None
        if series.steps.size == 0:
            raise ArgumentError(
                f"no row of {kind} of {shown(layer)} in {shown(run)} can be read: "
                f"{'; '.join(series.skipped) or 'it has none'}"
            )
        return series

    def scalar(self, run: str, tag: str) -> Series:
        """One scalar.

        Raises:
          ArgumentError: no such run or scalar, with those that there are.
        """
        self._check(run)
        try:
            return self.reader.scalars(self.scope, run, tag)
        except RequestError as fault:
            tags = sorted(self.listing().scalars.get(run, {}))
            raise ArgumentError(f"{fault}; scalars of {shown(run)}: {', '.join(tags)}") from None

    def layers(self, run: str) -> list[str]:
        """Paths of a run's layers in model order; empty when it has none of ours."""
        return layers_in(self.reader.run_tags(self.scope, run))

    def _check(self, run: str) -> None:
        if run not in self.runs:
            raise ArgumentError(f"no run {shown(run)} in {self.path}; runs: {', '.join(self.runs)}")

    def _histograms(self, run: str) -> dict[str, list[tuple[int, Any]]]:
        context, experiment = self.scope
        answer = self._provider.read_tensors(
            context,
            experiment_id=experiment,
            plugin_name=_HISTOGRAMS,
            downsample=sys.maxsize,
            run_tag_filter=tb_provider.RunTagFilter(runs=[run]),
        )
        return {
            tag: [(datum.step, datum.numpy) for datum in data]
            for tag, data in answer.get(run, {}).items()
        }


def open_log(path: str | os.PathLike[str], progress: Progress | None = None) -> Log:
    """The runs below a directory, wholly read.

    Args:
      path: a log directory, or the directory of a single run.
      progress: told before each run is read, and once at the end.

    Raises:
      ArgumentError: there is no such directory, or no event file below it.
    """
    directory = Path(path).expanduser()
    if not directory.is_dir():
        raise ArgumentError(f"logdir must be a directory, got {str(path)!r}")
    multiplexer = plugin_event_multiplexer.EventMultiplexer(
        size_guidance={"tensors": _ALL}, tensor_size_guidance={}
    )
    with _quiet():
        multiplexer.AddRunsFromDirectory(str(directory))
        runs = sorted(multiplexer.Runs())
        if not runs:
            raise ArgumentError(f"no event files below {str(path)!r}")
        for place, run in enumerate(runs):
            if progress is not None:
                progress(place, len(runs), run)
            _load(multiplexer, run)
        if progress is not None:
            progress(len(runs), len(runs), "")
        # Marks it as loaded; every run is at the end of its files already.
        multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(directory))
    scope = Scope(tb_context.RequestContext(), "")
    reader = Reader(provider, read_bytes=_READ_BYTES, scalar_rows=sys.maxsize)
    return Log(str(directory), reader, scope, tuple(runs), provider)


def _load(multiplexer: Any, run: str) -> None:
    try:
        multiplexer.GetAccumulator(run).Reload()
    except (OSError, directory_watcher.DirectoryDeletedError) as error:
        raise ArgumentError(f"run {shown(run)} cannot be read: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """TensorBoard's reader logs every restart of a run; what matters of that, the rows tell."""
    logger = logging.getLogger("tensorboard")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
