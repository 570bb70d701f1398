"""What every summary writer offers: scalars and histograms, in the language of torch's.

Bad arguments raise at once. What goes wrong later (a full disk, a directory that is gone) never
reaches the training loop: it is warned of once, counted, and shown in the panel.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TypeVar

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import HealthMonitor
from nnviz_tb.recording import arguments, budget, forks
from nnviz_tb.recording.events import HISTOGRAMS_PLUGIN, SCALARS_PLUGIN, Value, scalar
from nnviz_tb.recording.model_log import ModelLog
from nnviz_tb.recording.places import open_sink
from nnviz_tb.statistics import stats
from nnviz_tb.version import version

_HISTOGRAM_ROWS = 64
_Self = TypeVar("_Self", bound="PlainWriter")


class PlainWriter:
    """Scalars and histograms of one run.

    Safe to share between threads, and to inherit through a fork.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str] | None = None,
        *,
        max_step_bytes: int = budget.DEFAULT_STEP_BYTES,
        seed: int = 0,
        via: Any = None,
    ) -> None:
        """
        Args:
          logdir: directory of the run; made when missing. An address as ``s3://bucket/run`` or
            ``memory://run`` is uploaded to now and then, through fsspec: see
            :mod:`nnviz_tb.recording.remote` for what that promises.
          max_step_bytes: of a record of :meth:`log_model`, after the first, without the scalars.
          seed: of every fixed choice: which neurons are tracked, the signs of the sketches.
          via: a summary writer of torch, tensorboardX or TensorFlow, to write through it instead
            of into a file of our own; it stays yours to close.

        Raises:
          ArgumentError: an argument is not allowed, or the directory cannot be written to.
        """
        self._max_step_bytes = arguments.checked_step(max_step_bytes, "max_step_bytes")
        self._seed = arguments.checked_step(seed, "seed")
        budget.check_step_bytes(self._max_step_bytes)
        self._sink = open_sink(logdir, via, f"nnviz_tb {version()}")
        self.lock = threading.RLock()
        forks.renew_lock_after_fork(self)
        self._children: dict[str, PlainWriter] = {}
        self._models = ModelLog(self._sink, self._max_step_bytes, self._seed)

    @property
    def log_dir(self) -> str:
        """Absolute path or address of the run directory; empty where a ``via`` does not tell."""
        return self._sink.directory

    @property
    def dropped_count(self) -> int:
        """Records that could not be written since the writer was made."""
        return self._sink.dropped_count

    def get_logdir(self) -> str:
        """Absolute path or address of the run directory; empty where a ``via`` does not tell."""
        return self._sink.directory

    @property
    def monitor(self) -> HealthMonitor | None:
        """Judges every logged step; what its ``on_finding`` raises comes out of the log call."""
        return self._models.monitor

    @monitor.setter
    def monitor(self, monitor: HealthMonitor | None) -> None:
        self._models.monitor = monitor

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int,
        walltime: float | None = None,
        new_style: bool = True,
        double_precision: bool = False,
    ) -> None:
        """Logs one number for TensorBoard's Scalars dashboard, as float32.

        Args:
          tag: name of the series.
          scalar_value: a number, or an array or tensor that holds one; NaN is logged.
          global_step: an integer >= 0.
          walltime: seconds since 1970, now by default.
          new_style, double_precision: as in other writers; they change nothing here.

        Raises:
          ArgumentError: an argument is not as described.
        """
        step = arguments.checked_step(global_step, "global_step")
        value = arguments.checked_scalar(scalar_value)
        wall_time = time.time() if walltime is None else arguments.checked_wall_time(walltime)
        if self._sink.plugin_of(tag) != SCALARS_PLUGIN:
            self._free_tag(tag, SCALARS_PLUGIN)
        self._sink.write_scalar(tag, step, wall_time, value)
        if self._models.monitor is not None:
            self._models.monitor.observe(step, scalars={tag: value})

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: int,
        walltime: float | None = None,
    ) -> None:
        """Logs several numbers to be seen in one chart: each in a child run, as torch does.

        Args:
          main_tag: the tag in every child run.
          tag_scalar_dict: numbers by name; the child run is ``<main_tag>_<name>``.
          global_step: an integer >= 0.
          walltime: seconds since 1970, now by default.

        Raises:
          ArgumentError: an argument is not as described.
        """
        step = arguments.checked_step(global_step, "global_step")
        wall_time = arguments.checked_wall_time(walltime)
        self._free_tag(main_tag, SCALARS_PLUGIN)
        if not isinstance(tag_scalar_dict, Mapping):
            raise ArgumentError(f"tag_scalar_dict must be a dict, got {tag_scalar_dict!r:.80}")
        values = {
            arguments.checked_tag(name, "name in tag_scalar_dict"): arguments.checked_scalar(
                value, f"tag_scalar_dict[{name!r:.80}]"
            )
            for name, value in tag_scalar_dict.items()
        }
        for name, value in values.items():
            child = self._child(f"{main_tag}_{name}")
            if child is not None:
                child.add_scalar(main_tag, value, step, wall_time)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int,
        bins: object = None,
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Logs the distribution of an array for TensorBoard's Histograms and Distributions.

        Args:
          tag: name of the series.
          values: an array or tensor of real numbers; what is not finite is left out.
          global_step: an integer >= 0.
          bins: as in other writers; the borders are chosen here, so it changes nothing.
          walltime: seconds since 1970, now by default.
          max_bins: at most so many intervals, 64 by default.

        Raises:
          ArgumentError: an argument is not as described.
        """
        step = arguments.checked_step(global_step, "global_step")
        wall_time = arguments.checked_wall_time(walltime)
        self._free_tag(tag, HISTOGRAMS_PLUGIN)
        limit = (
            _HISTOGRAM_ROWS if max_bins is None else arguments.checked_step(max_bins, "max_bins")
        )
        histogram, _ = stats.array_statistics(arguments.real_array(values, "values"))
        intervals = histogram.intervals(max(1, limit))
        self._sink.write(step, wall_time, [Value(tag, intervals, HISTOGRAMS_PLUGIN)])

    def flush(self) -> None:
        """Uploads what waits for a remote store, and flushes a ``via``.

        A local file has every record when the call that logged it returns; but for a model on an
        accelerator, which is waited for here.
        """
        with self.lock:
            self._models.flush()
        for sink in [self._sink, *(child._sink for child in list(self._children.values()))]:
            sink.flush()

    def close(self) -> None:
        """Closes the files. A later call opens new ones, as with other writers."""
        with self.lock:
            self._models.flush()
            for child in self._children.values():
                child.close()
            self._sink.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _scalar_values(self, scalars: Mapping[str, Any] | None) -> list[Value]:
        if scalars is None:
            return []
        if not isinstance(scalars, Mapping):
            raise ArgumentError(f"scalars must be a dict of numbers by tag, got {scalars!r:.80}")
        values = []
        for tag, number in scalars.items():
            self._free_tag(tag, SCALARS_PLUGIN, "tag in scalars")
            values.append(scalar(tag, arguments.checked_scalar(number, f"scalars[{tag!r:.80}]")))
        return values

    def _free_tag(self, tag: Any, plugin: str, name: str = "tag") -> None:
        """Raises ArgumentError unless the tag may be used for the plugin."""
        known = self._sink.plugin_of(arguments.checked_tag(tag, name))
        if known not in (None, plugin):
            raise ArgumentError(
                f"{name} {tag!r:.80} is taken by {known} in this run, so {plugin} cannot have it"
            )

    def _child(self, name: str) -> PlainWriter | None:
        """The writer of a child run; None while its directory cannot be written to."""
        # A name is one directory: it must not lead out of the run, and others may come to the same.
        name = arguments.as_directory_name(name)
        with self.lock:
            child = self._children.get(name)
            if child is None:
                if not self.log_dir:
                    raise ArgumentError(
                        "add_scalars makes child runs, and the writer given as via does not tell "
                        "its directory: give it as logdir too"
                    )
                directory = f"{self.log_dir}/{name}"
                try:
                    child = type(self)(
                        directory, max_step_bytes=self._max_step_bytes, seed=self._seed
                    )
                except ArgumentError as error:
                    self._sink.drop(str(error))
                    return None
                self._children[name] = child
            return child
