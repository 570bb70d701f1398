"""The models of one run, step after step: what is recorded, and what recording them costs."""

from __future__ import annotations

import atexit
import math
import sys
import time
import weakref
from dataclasses import dataclass

import numpy as np

from nnviz_tb.definitions import RUN_FIELDS
from nnviz_tb.health import HealthMonitor
from nnviz_tb.layers import Layer
from nnviz_tb.recording import distant, watching
from nnviz_tb.recording.events import SCALARS_PLUGIN, Value
from nnviz_tb.recording.recorder import ModelRecorder, Prepared, Recording
from nnviz_tb.recording.sink import Sink
from nnviz_tb.schema import PLUGIN_NAME, RUN_TAG, RunMetadata
from nnviz_tb.version import version

ACTIVATIONS = "\0activations"
"""Key of the recorder of single activations; no model can have it as a name."""
_FRAMEWORKS = ("keras", "tensorflow", "torch", "jax", "flax", "equinox", "numpy")


@dataclass(frozen=True)
class Begun:
    """A step whose distant arrays are being read.

    Attributes:
      recorder: of the model.
      prepared: None when there is nothing to record.
      step, wall_time, scalars, probe_seconds: as given to :meth:`ModelLog.begin`.
      seconds: that it has taken so far.
      writes: this process is the one that writes.
    """

    recorder: ModelRecorder
    prepared: Prepared | None
    step: int
    wall_time: float
    scalars: list[Value]
    seconds: float
    probe_seconds: float
    writes: bool

    def is_ready(self) -> bool:
        """Whether :meth:`ModelLog.finish` would not wait."""
        return self.prepared is None or self.prepared.is_ready()

    def may_be_late(self) -> bool:
        """Whether nothing of the step can have changed at a later call, distant or not."""
        return self.prepared is not None and distant.may_be_late(self.prepared.layers)


class ModelLog:
    """Records layers into a sink, one record for each step. The caller holds the lock.

    Attributes:
      monitor: judges every logged step; None when nobody wants to know.
    """

    def __init__(self, sink: Sink, max_step_bytes: int, seed: int) -> None:
        """
        Args:
          sink: where records go.
          max_step_bytes: of a record after the first, without the scalars.
          seed: of every fixed choice.
        """
        self.monitor: HealthMonitor | None = None
        self._sink = sink
        self._max_step_bytes = max_step_bytes
        self._seed = seed
        self._recorders: dict[str, ModelRecorder] = {}
        self._steps: dict[str, tuple[int, int]] = {}
        self._late: dict[str, Begun] = {}
        self._flushes_at_exit = False
        self._run_content: bytes | None = None
        self._began = math.nan
        self._spent = 0.0

    def knows(self, key: str) -> bool:
        """Whether the model of that name was recorded before."""
        return key in self._recorders

    def write(
        self,
        layers: list[Layer],
        step: int,
        wall_time: float,
        scalars: list[Value],
        key: str,
        began: float,
        probe_seconds: float,
    ) -> None:
        """Records the layers beside the scalars; the arguments are those of :meth:`begin`.

        What an accelerator still works on is recorded with the model's next step, or with the next
        :meth:`flush`, so that the training does not wait for it.
        """
        late = self._late.pop(key, None)
        if late is not None:
            self.finish(late)
        begun = self.begin(layers, step, wall_time, scalars, key, began, probe_seconds)
        if begun.may_be_late() and not begun.is_ready():
            if not self._flushes_at_exit:
                self._flushes_at_exit = True
                atexit.register(_flush_at_exit, weakref.ref(self))
            self._late[key] = begun
        else:
            self.finish(begun)

    def flush(self) -> None:
        """Records what accelerators were still working on; waits for it."""
        while self._late:
            self.finish(self._late.pop(next(iter(self._late))))

    def begin(
        self,
        layers: list[Layer],
        step: int,
        wall_time: float,
        scalars: list[Value],
        key: str,
        began: float,
        probe_seconds: float,
    ) -> Begun:
        """Has the layers' distant arrays read; :meth:`finish` records what was found.

        Args:
          layers: in model order; empty for the scalars alone.
          step: an integer >= 0.
          wall_time: seconds since 1970.
          scalars: of the same record.
          key: name of the model, or :data:`ACTIVATIONS`.
          began: when the work for this step began, by ``time.perf_counter``.
          probe_seconds: part of it that the forward pass over the probe batch took.
        """
        recorder = self._recorder_of(key, step if layers else None)
        if layers and math.isnan(self._began):
            self._began = began
        prepared = None
        try:
            prepared = recorder.prepare(layers) if layers else None
        except Exception as error:
            self._drop(step, error)
        # Where another one writes, this process takes part.
        writes = all(array.writes for array in distant.arrays_of(enumerate(layers)))
        seconds = time.perf_counter() - began
        return Begun(recorder, prepared, step, wall_time, scalars, seconds, probe_seconds, writes)

    def finish(self, begun: Begun) -> None:
        """Records a step that was begun; waits for its distant arrays."""
        began = time.perf_counter() - begun.seconds
        step, wall_time, scalars = begun.step, begun.wall_time, begun.scalars
        recording = Recording([], [], [])
        if begun.prepared is not None:
            try:
                recording = begun.recorder.finish(begun.prepared)
            except Exception as error:
                self._drop(step, error)
        if not begun.writes:
            return
        for problem in recording.problems:
            self._sink.warn(
                problem.partition(": ")[0], f"{problem}. It is left out; the rest is not"
            )
        for note in recording.notes:
            self._sink.warn(note, note)
        values = [*self._without_clashes(recording.values, scalars), *scalars]
        if recording.values:
            values.append(self._run_value(recording, began, begun.probe_seconds))
        if values:
            self._sink.write(step, wall_time, values)
        if self.monitor is not None:
            watching.observe(self.monitor, step, values)
        self._spent += time.perf_counter() - began

    def judge(self) -> None:
        """Lets the monitor speak, without the lock: it may log, or raise to stop the training."""
        if self.monitor is not None:
            began = time.perf_counter()
            try:
                self.monitor.judge()
            finally:
                self._spent += time.perf_counter() - began

    def _recorder_of(self, key: str, step: int | None = None) -> ModelRecorder:
        """The recorder of a model, which a training that begins anew at ``step`` has to itself.

        The cell of a notebook is run again, and the directory's writer is still the same: what the
        weights of the training before were says nothing of these.
        """
        recorder = self._recorders.get(key)
        if recorder is None or (step is not None and self._begins_anew(key, step)):
            prefix = f"{key}/" if key and key != ACTIVATIONS else ""
            recorder = ModelRecorder(prefix, self._max_step_bytes, self._seed)
            self._recorders[key] = recorder
        return recorder

    def _begins_anew(self, key: str, step: int) -> bool:
        """Notes the step; whether the steps of the model have come back to where they began.

        A training that goes back to a checkpoint, or logs its first step twice, goes on.
        """
        first, last = self._steps.get(key, (step, step))
        anew = step <= first < last
        self._steps[key] = (step, step) if anew else (min(first, step), max(last, step))
        if anew and len(self._steps) == 1:
            self._began, self._spent = math.nan, 0.0
        return anew

    def _drop(self, step: int, error: Exception) -> None:
        self._sink.drop(f"step {step} was not recorded: {type(error).__name__}: {error}")

    def _run_value(self, recording: Recording, began: float, probe_seconds: float) -> Value:
        if self._run_content is None:
            versions = {
                name: str(getattr(sys.modules[name], "__version__", "unknown"))
                for name in _FRAMEWORKS
                if name in sys.modules
            }
            metadata = RunMetadata(
                f"nnviz_tb {version()}", versions, self._max_step_bytes, tuple(recording.notes)
            )
            self._run_content = metadata.to_bytes()
        now = time.perf_counter()
        figures = {
            "cost_seconds": now - began,
            "probe_seconds": probe_seconds,
            "record_bytes": self._sink.record_bytes,
            "dropped_count": self._sink.dropped_count,
            "overhead_share": (self._spent + now - began) / max(now - self._began, 1e-9),
        }
        row = np.array([figures[name] for name in RUN_FIELDS], np.float32)
        return Value(RUN_TAG, row, PLUGIN_NAME, self._run_content)

    def _without_clashes(self, values: list[Value], scalars: list[Value]) -> list[Value]:
        """Without those whose tag is a scalar's: TensorBoard knows a tag by one plugin only."""
        tags = {value.tag for value in scalars}
        kept = []
        for value in values:
            known = self._sink.plugin_of(value.tag)
            if value.tag in tags or known not in (None, value.plugin):
                self._sink.warn(
                    f"clash {value.tag}",
                    f"{value.tag!r} is a tag of {known or SCALARS_PLUGIN} already, so the model's "
                    f"array of that name is not recorded under {value.plugin}",
                )
            else:
                kept.append(value)
        return kept


def _flush_at_exit(log: weakref.ref[ModelLog]) -> None:
    living = log()
    if living is not None:
        living.flush()
