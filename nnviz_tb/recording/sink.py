"""What every place that records go to has in common: counts, tags, and warnings told once.

A sink never raises where a record cannot be stored: it counts it, and warns once of each cause.
"""

from __future__ import annotations

import abc
import os
import sys
import threading
import warnings
from collections.abc import Sequence

from nnviz_tb.errors import LoggingWarning
from nnviz_tb.recording import events, forks
from nnviz_tb.recording.events import Value

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


class Tally:
    """What a sink has lost, and has to say. Its lock is never held while anything is stored.

    Attributes:
      dropped_count: records that could not be stored.
      silent_thread: does not warn, but leaves that to others; an identifier, 0 for none.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.dropped_count = 0
        self.silent_thread = 0
        self._told: set[str] = set()
        self._untold: list[str] = []
        forks.renew_lock_after_fork(self)

    def drop(self) -> None:
        """Counts a record that was lost."""
        with self.lock:
            self.dropped_count += 1

    def note(self, key: str, message: str) -> None:
        """Keeps a warning until :meth:`tell`, once for each key."""
        with self.lock:
            if key not in self._told:
                self._told.add(key)
                self._untold.append(message)

    def tell(self) -> None:
        """Warns of what was noted; no lock may be held, since a warning may raise, or log."""
        while self._untold and threading.get_ident() != self.silent_thread:
            with self.lock:
                message = self._untold.pop(0) if self._untold else None  # another thread told it
            if message is not None:
                warnings.warn(message, LoggingWarning, stacklevel=_depth_of_caller())


class Sink(abc.ABC):
    """Takes the records of one run. Safe to share between threads, and to inherit through a fork.

    Attributes:
      directory: of the run, a path or an address; empty when it is not known.
      record_bytes: size of the last record of :meth:`write`.
      tally: what was lost, and is to be told.
    """

    def __init__(self, directory: str) -> None:
        """
        Args:
          directory: of the run.
        """
        self.directory = directory
        self.record_bytes = 0
        self.lock = threading.RLock()
        self.tally = Tally()
        self._pid = os.getpid()
        self._plugins: dict[str, str] = {}
        forks.renew_lock_after_fork(self)

    @property
    def dropped_count(self) -> int:
        """Records that could not be stored."""
        return self.tally.dropped_count

    def plugin_of(self, tag: str) -> str | None:
        """The plugin under which the tag is known here; None when it is new."""
        return self._plugins.get(tag)

    def write_scalar(self, tag: str, step: int, wall_time: float, value: float) -> bool:
        """Whether one scalar was stored, as a record of its own."""
        return self.write(step, wall_time, [events.scalar(tag, value)])

    @abc.abstractmethod
    def write(self, step: int, wall_time: float, values: Sequence[Value]) -> bool:
        """Whether the values were stored, all in one record, so that readers see all or none."""

    @abc.abstractmethod
    def flush(self) -> None:
        """Brings every record to where it is safe."""

    @abc.abstractmethod
    def close(self) -> None:
        """Brings every record to where it is safe; a later write goes on all the same."""

    def drop(self, reason: str) -> None:
        """Counts a record that was lost before it came here, and warns of the first."""
        self.tally.drop()
        self.warn("drop", reason)

    def warn(self, key: str, message: str) -> None:
        """Warns, once for each key in the life of the sink."""
        self.tally.note(key, message)
        self.tally.tell()


def _depth_of_caller() -> int:
    """How many frames up from our caller the first is that does not belong to this package."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        depth, frame = depth + 1, frame.f_back
    return depth
