"""Records through a summary writer that exists already, so that a run keeps one event file.

What is promised of a record is then what that writer promises: they all buffer, and write in a
thread or in a kernel of their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from nnviz_tb.errors import ArgumentError
from nnviz_tb.recording import events
from nnviz_tb.recording.events import Value
from nnviz_tb.recording.sink import Sink

_EVENT_CLASSES = {
    "torch": "tensorboard.compat.proto.event_pb2",
    "tensorboardX": "tensorboardX.proto.event_pb2",
}
"""Where a package that such a writer belongs to has its ``Event``, imported with the writer."""

_Emit = Callable[[int, float, bytes], None]


class ViaWriter(Sink):
    """Hands records to a writer of torch, tensorboardX or TensorFlow."""

    def __init__(self, writer: Any, directory: str = "") -> None:
        """
        Args:
          writer: a ``SummaryWriter`` of ``torch.utils.tensorboard`` or tensorboardX, or what
            ``tf.summary.create_file_writer`` returned.
          directory: of the run; the writer's own where it tells.

        Raises:
          ArgumentError: the writer is none of these.
        """
        emit = _emitter(writer)
        if emit is None:
            kind = type(writer)
            raise ArgumentError(
                "via must be a summary writer of torch, tensorboardX or TensorFlow, got a "
                f"{kind.__module__}.{kind.__qualname__}"
            )
        told = getattr(writer, "get_logdir", None) or (lambda: getattr(writer, "logdir", ""))
        super().__init__(directory or os.fspath(told() or ""))
        self._writer = writer
        self._emit = emit

    def write(self, step: int, wall_time: float, values: Sequence[Value]) -> bool:
        """Whether the writer took the values, all in one record."""
        with self.lock:
            message = events.encode_values(values, self._plugins)
            try:
                self._emit(step, wall_time, message)
            except Exception as error:
                self.tally.drop()
                self.tally.note(
                    f"fault {type(error).__name__}",
                    f"the writer given as via failed: {type(error).__name__}: {error}. Training "
                    "goes on; records are dropped and counted",
                )
                stored = False
            else:
                self._plugins.update({value.tag: value.plugin for value in values})
                self.record_bytes = len(message) + events.FRAME_BYTES
                stored = True
        self.tally.tell()
        return stored

    def flush(self) -> None:
        """Asks the writer to write out what it holds."""
        try:
            self._writer.flush()
        except Exception as error:
            self.warn("flush", f"the writer given as via failed: {type(error).__name__}: {error}")

    def close(self) -> None:
        """As :meth:`flush`: the writer is its owner's to close."""
        self.flush()


def _emitter(writer: Any) -> _Emit | None:
    """What hands one record to the writer; None when it is none that we know."""
    package = type(writer).__module__.partition(".")[0]
    if package == "tensorflow" and hasattr(writer, "as_default"):
        tf = sys.modules["tensorflow"]

        def emit_summary(step: int, wall_time: float, values: bytes) -> None:
            # TensorFlow stamps the time itself, which is now.
            with writer.as_default(step=step):
                tf.summary.experimental.write_raw_pb(values, step=step)

        return emit_summary
    module = sys.modules.get(_EVENT_CLASSES.get(package, ""))
    if module is None or not hasattr(writer, "_get_file_writer"):
        return None

    def emit_event(step: int, wall_time: float, values: bytes) -> None:
        event = module.Event.FromString(events.encode_event(wall_time, step, values))
        # As its own methods do: after `close` a new file is begun.
        writer._get_file_writer().add_event(event, step, wall_time)

    return emit_event
