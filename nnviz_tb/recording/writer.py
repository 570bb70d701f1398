"""The summary writer: scalars, histograms and whole models, into one run directory.

Bad arguments raise at once. What goes wrong later (a full disk, a directory that is gone, a
layer that cannot be read) never reaches the training loop: it is warned of once, counted, and
shown in the panel.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from nnviz_tb import adapters
from nnviz_tb.definitions import RUN_FIELDS
from nnviz_tb.errors import ArgumentError, NnvizError
from nnviz_tb.health import HealthMonitor
from nnviz_tb.layers import Layer
from nnviz_tb.recording import arguments, budget, forks, watching
from nnviz_tb.recording.event_file import EventFile
from nnviz_tb.recording.events import HISTOGRAMS_PLUGIN, SCALARS_PLUGIN, Value, scalar
from nnviz_tb.recording.recorder import ModelRecorder, Recording
from nnviz_tb.schema import PLUGIN_NAME, RUN_TAG, RunMetadata
from nnviz_tb.statistics import stats
from nnviz_tb.version import version

_HISTOGRAM_ROWS = 64
_ACTIVATIONS = "\0activations"
"""Key of the recorder of single activations; no model can have it as a name."""
_FRAMEWORKS = ("keras", "tensorflow", "torch", "jax", "flax", "equinox", "numpy")


class SummaryWriter:
    """Writes one run. Safe to share between threads, and to inherit through a fork.

    What was logged is with the operating system when the call returns: nothing is lost when the
    process is killed, and :meth:`flush` has nothing to do.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        *,
        max_step_bytes: int = budget.DEFAULT_STEP_BYTES,
        seed: int = 0,
    ) -> None:
        """
        Args:
          logdir: directory of the run; made when missing.
          max_step_bytes: of a record of :meth:`log_model`, after the first, without the scalars.
          seed: of every fixed choice: which neurons are tracked, the signs of the sketches.

        Raises:
          ArgumentError: an argument is not allowed, or the directory cannot be written to.
        """
        self._directory = arguments.checked_directory(logdir)
        self._max_step_bytes = arguments.checked_step(max_step_bytes, "max_step_bytes")
        self._seed = arguments.checked_step(seed, "seed")
        ModelRecorder("", self._max_step_bytes, self._seed)  # raises while we are still called
        self._writer = f"nnviz_tb {version()}"
        try:
            self._file = EventFile(self._directory, self._writer)
        except OSError as error:
            raise ArgumentError(
                f"logdir must be a directory that can be written to, got {self._directory!r}: "
                f"{error.strerror or error}"
            ) from error
        self.lock = threading.RLock()
        forks.renew_lock_after_fork(self)
        self._recorders: dict[str, ModelRecorder] = {}
        self._children: dict[str, SummaryWriter] = {}
        self._run_content: bytes | None = None
        self._began = time.perf_counter()
        self._spent = 0.0
        self.monitor: HealthMonitor | None = None
        """Judges every logged step; what its ``on_finding`` raises comes out of the log call."""

    @property
    def log_dir(self) -> str:
        """Absolute path of the run directory."""
        return self._directory

    @property
    def dropped_count(self) -> int:
        """Records that could not be written since the writer was made."""
        return self._file.dropped_count

    def get_logdir(self) -> str:
        """Absolute path of the run directory."""
        return self._directory

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
        if self._file.plugin_of(tag) != SCALARS_PLUGIN:
            self._free_tag(tag, SCALARS_PLUGIN)
        self._file.write_scalar(tag, step, wall_time, value)
        if self.monitor is not None:
            self.monitor.observe(step, scalars={tag: float(value)})

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
        self._file.write(step, wall_time, [Value(tag, intervals, HISTOGRAMS_PLUGIN)])

    def add_activation(
        self,
        name: str,
        fn: Callable[..., Any],
        inputs: Any,
        global_step: int,
        walltime: float | None = None,
    ) -> None:
        """Logs an activation function and what reaches it, for code without layer objects.

        Args:
          name: of the layer in the panel.
          fn: the function, elementwise on arrays.
          inputs: ``[..., neurons]`` pre-activations.
          global_step: an integer >= 0.
          walltime: seconds since 1970, now by default.

        Raises:
          ArgumentError: an argument is not as described.
        """
        if not isinstance(name, str) or not name:
            raise ArgumentError(f"name must be a string that is not empty, got {name!r:.80}")
        given = {name: (fn, inputs)}
        self._record_model(None, global_step, walltime, None, _ACTIVATIONS, activations=given)

    def log_model(
        self,
        model: Any,
        step: int,
        *,
        inputs: Any = None,
        scalars: Mapping[str, Any] | None = None,
        gradients: Any = None,
        activations: Mapping[str, tuple[Callable[..., Any], Any]] | None = None,
        name: str = "",
        walltime: float | None = None,
    ) -> None:
        """Logs the whole model at one step, as one record.

        Args:
          model: a Keras model, or a pytree of arrays.
          step: an integer >= 0; a resumed run may go back.
          inputs: a probe batch for one forward pass in inference mode; without it there are no
            densities.
          scalars: numbers for the Scalars dashboard, by tag.
          gradients: ``∂L/∂parameter``, in the order of the trainable parameters or by name.
          activations: ``{layer name: (function, pre-activations)}``.
          name: goes before the layers' names, for a second model in the same run.
          walltime: seconds since 1970, now by default.

        Raises:
          ArgumentError: an argument is not as described.
          AdapterError: no adapter knows the model.
        """
        self._record_model(
            model,
            step,
            walltime,
            scalars,
            arguments.checked_name(name),
            inputs=inputs,
            gradients=gradients,
            activations=activations,
        )

    def log_layers(
        self,
        layers: list[Layer],
        step: int,
        *,
        scalars: Mapping[str, Any] | None = None,
        name: str = "",
        walltime: float | None = None,
        probe_seconds: float = 0.0,
    ) -> None:
        """Logs layers that an integration has read itself, as one record.

        Args:
          layers: :class:`nnviz_tb.layers.Layer`, in model order, each under a name of its own.
          step: an integer >= 0.
          scalars: numbers for the Scalars dashboard, by tag.
          name: goes before the layers' names.
          walltime: seconds since 1970, now by default.
          probe_seconds: what reading them took.

        Raises:
          ArgumentError: an argument is not as described.
        """
        began = time.perf_counter() - probe_seconds
        step = arguments.checked_step(step)
        wall_time = arguments.checked_wall_time(walltime)
        values = self._scalar_values(scalars)
        key = arguments.checked_name(name)
        with self.lock:
            self._write_layers(layers, step, wall_time, values, key, began, probe_seconds)
        self._judge()

    def _judge(self) -> None:
        """Lets the monitor speak, without the lock: it may log, or raise to stop the training."""
        if self.monitor is not None:
            began = time.perf_counter()
            try:
                self.monitor.judge()
            finally:
                self._spent += time.perf_counter() - began

    def flush(self) -> None:
        """Does nothing: every call has already handed its record to the operating system."""

    def close(self) -> None:
        """Closes the files. A later call opens new ones, as with other writers."""
        with self.lock:
            for child in self._children.values():
                child.close()
            self._file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _record_model(
        self,
        model: Any,
        step: int,
        walltime: float | None,
        scalars: Mapping[str, Any] | None,
        key: str,
        **rest: Any,
    ) -> None:
        began = time.perf_counter()
        step = arguments.checked_step(step, "global_step" if key == _ACTIVATIONS else "step")
        wall_time = arguments.checked_wall_time(walltime)
        values = self._scalar_values(scalars)
        with self.lock:
            try:
                layers = adapters.layers_of(model, **rest)
            except Exception as error:
                # What the framework raised behind a model that was read before is no bad argument
                # but a fault of this moment, as memory that ran out.
                cause = error.__cause__ if isinstance(error, NnvizError) else error
                if cause is None or key not in self._recorders:
                    raise
                self._file.drop(f"step {step} was not recorded: {type(error).__name__}: {error}")
                layers = []
            probe = time.perf_counter() - began if rest.get("inputs") is not None else 0.0
            self._write_layers(layers, step, wall_time, values, key, began, probe)
        self._judge()

    def _write_layers(
        self,
        layers: list[Layer],
        step: int,
        wall_time: float,
        values: list[Value],
        key: str,
        began: float,
        probe_seconds: float,
    ) -> None:
        """Records the layers beside the scalars; the lock is held."""
        recording = self._recording(layers, step, key)
        for problem in recording.problems:
            self._file.warn(
                problem.partition(": ")[0], f"{problem}. It is left out; the rest is not"
            )
        for note in recording.notes:
            self._file.warn(note, note)
        values = [*self._without_clashes(recording.values, values), *values]
        if recording.values:
            values.append(self._run_value(recording, began, probe_seconds))
        if values:
            self._file.write(step, wall_time, values)
        if self.monitor is not None:
            watching.observe(self.monitor, step, values)
        self._spent += time.perf_counter() - began

    def _recording(self, layers: list[Layer], step: int, key: str) -> Recording:
        recorder = self._recorders.get(key)
        if recorder is None:
            prefix = f"{key}/" if key and key != _ACTIVATIONS else ""
            recorder = ModelRecorder(prefix, self._max_step_bytes, self._seed)
            self._recorders[key] = recorder
        if not layers:
            return Recording([], [], [])
        try:
            return recorder.record(layers)
        except Exception as error:
            self._file.drop(f"step {step} was not recorded: {type(error).__name__}: {error}")
            return Recording([], [], [])

    def _run_value(self, recording: Recording, began: float, probe_seconds: float) -> Value:
        if self._run_content is None:
            versions = {
                name: str(getattr(sys.modules[name], "__version__", "unknown"))
                for name in _FRAMEWORKS
                if name in sys.modules
            }
            metadata = RunMetadata(
                self._writer, versions, self._max_step_bytes, tuple(recording.notes)
            )
            self._run_content = metadata.to_bytes()
        now = time.perf_counter()
        figures = {
            "cost_seconds": now - began,
            "probe_seconds": probe_seconds,
            "record_bytes": self._file.record_bytes,
            "dropped_count": self._file.dropped_count,
            "overhead_share": (self._spent + now - began) / max(now - self._began, 1e-9),
        }
        row = np.array([figures[name] for name in RUN_FIELDS], np.float32)
        return Value(RUN_TAG, row, PLUGIN_NAME, self._run_content)

    def _without_clashes(self, values: list[Value], scalars: list[Value]) -> list[Value]:
        """Without those whose tag is a scalar's: TensorBoard knows a tag by one plugin only."""
        tags = {value.tag for value in scalars}
        kept = []
        for value in values:
            known = self._file.plugin_of(value.tag)
            if value.tag in tags or known not in (None, value.plugin):
                self._file.warn(
                    f"clash {value.tag}",
                    f"{value.tag!r} is a tag of {known or SCALARS_PLUGIN} already, so the model's "
                    f"array of that name is not recorded under {value.plugin}",
                )
            else:
                kept.append(value)
        return kept

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
        known = self._file.plugin_of(arguments.checked_tag(tag, name))
        if known not in (None, plugin):
            raise ArgumentError(
                f"{name} {tag!r:.80} is taken by {known} in this run, so {plugin} cannot have it"
            )

    def _child(self, name: str) -> SummaryWriter | None:
        """The writer of a child run; None while its directory cannot be written to."""
        with self.lock:
            child = self._children.get(name)
            if child is None:
                # A name is one directory: it must not lead out of the run.
                directory = os.path.join(self._directory, arguments.as_directory_name(name))
                try:
                    child = SummaryWriter(
                        directory, max_step_bytes=self._max_step_bytes, seed=self._seed
                    )
                except ArgumentError as error:
                    self._file.drop(str(error))
                    return None
                self._children[name] = child
            return child
