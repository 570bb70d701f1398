"""A run directory that may stop answering, without the training waiting for it.

Where a place answers, the training thread writes itself: that is quickest, and what was logged is
with the operating system when the call returns. But a thread that writes to a mount whose server
is gone cannot be called back. So a place that may hang is written to by a thread of its own. The
training waits for it as well, so that the same holds as elsewhere, but once in a silence only, and
no longer than :data:`PATIENCE_SECONDS`. From then on, until the place answers in time again,
records wait in memory, up to :data:`WAITING_BYTES`; beyond it they are dropped and counted.

What may hang are network and FUSE mounts, from the start, and any place at which a write took
longer than that, until none has for :data:`CALM_SECONDS`. So a local disk that stops answering
holds the training up once. Nothing runs in the background before, nor is left behind in a forked
child.
"""

from __future__ import annotations

import atexit
import queue
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial

from nnviz_tb.recording import forks, mounts
from nnviz_tb.recording.event_file import EventFile
from nnviz_tb.recording.events import SCALARS_PLUGIN, Value
from nnviz_tb.recording.sink import Sink

PATIENCE_SECONDS = 1.0
"""How long the training waits for a place that may hang."""
CALM_SECONDS = 60.0
"""After so long without a slow write, a local place is written to directly again."""
END_SECONDS = 30.0
"""How long ``flush``, ``close`` and the end of the interpreter wait."""
WAITING_BYTES = 64 << 20
"""At most so much waits in memory."""
_RECORD_BYTES = 256
"""About what a record takes in memory beside its tensors."""


class _Errand:
    """One thing to be done by the thread that may wait."""

    __slots__ = ("bytes", "done", "result", "work")

    def __init__(self, work: Callable[[], bool], size: int) -> None:
        self.work = work
        self.bytes = size
        self.result = True  # that it was taken, as long as nothing else is known
        self.done = threading.Lock()
        self.done.acquire()


class PatientFile(Sink):
    """The event files of one writer, in a directory that may stop answering."""

    def __init__(self, directory: str, writer: str) -> None:
        """Opens the first file, which takes as long as the place does.

        Args:
          directory: of the run, made when missing.
          writer: name and version, for the files' source metadata.

        Raises:
          OSError: the directory cannot be made or written to.
        """
        super().__init__(directory)
        self._file = EventFile(directory, writer)
        self.tally = self._file.tally
        self._always = mounts.may_hang(directory)
        self._begin_desk()
        self._hands_over = self._always
        self._slow_at = float("-inf")
        self._is_registered = False

    def _begin_desk(self) -> None:
        self._pid = forks.pid
        self._errands: queue.SimpleQueue[_Errand | None] = queue.SimpleQueue()
        self._keeper: threading.Thread | None = None
        self._waiting_bytes = 0
        self._waiting_count = 0
        self._silent = False
        self.tally.silent_thread = 0

    @property
    def path(self) -> str:
        """The file now written to; empty when there is none."""
        return self._file.path

    def plugin_of(self, tag: str) -> str | None:
        """The plugin under which the tag is known, or waits to be; None when it is new."""
        return self._file.plugin_of(tag) or self._plugins.get(tag)

    def write_scalar(self, tag: str, step: int, wall_time: float, value: float) -> bool:
        """Whether one scalar was stored, or waits to be, as a record of its own."""
        if not self._hands_over:
            began = time.monotonic()
            stored = self._file.write_scalar(tag, step, wall_time, value)
            if time.monotonic() - began > PATIENCE_SECONDS:
                self._expect_silence()
            return stored
        work = partial(self._file.write_scalar, tag, step, wall_time, value)
        return self._hand_over(work, _RECORD_BYTES, [(tag, SCALARS_PLUGIN)])

    def write(self, step: int, wall_time: float, values: Sequence[Value]) -> bool:
        """Whether the values were stored, or wait to be, all in one record."""
        if not self._hands_over:
            began = time.monotonic()
            stored = self._file.write(step, wall_time, values)
            if time.monotonic() - began > PATIENCE_SECONDS:
                self._expect_silence()
        else:
            # The arrays are their owners' again when this call returns, written or not.
            values = [value._replace(tensor=value.tensor.copy()) for value in values]
            size = sum(value.tensor.nbytes + _RECORD_BYTES for value in values)
            work = partial(self._file.write, step, wall_time, values)
            stored = self._hand_over(work, size, [(value.tag, value.plugin) for value in values])
        self.record_bytes = self._file.record_bytes
        return stored

    def flush(self) -> None:
        """Waits until what waits is written, or half a minute for a place that does not answer."""
        with self.lock:
            if self._pid != forks.pid or not self._waiting_count:
                return
            errand = self._queue(lambda: True, 0)
        if not errand.done.acquire(timeout=END_SECONDS):
            self._note_silence()
        self.tally.tell()

    def close(self) -> None:
        """As :meth:`flush`, then closes the file; a later write opens a new one."""
        self.flush()
        with self.lock:
            if self._pid != forks.pid:
                self._begin_desk()
            if not self._hands_over:
                self._file.close()
                return
            if self._waiting_count:
                return  # what waits is still written when the place answers
            errand = self._queue(self._close_file, 0)  # which may wait for the place as well
            self._dismiss()
        if not errand.done.acquire(timeout=END_SECONDS):
            self._note_silence()
        self.tally.tell()

    def _expect_silence(self) -> None:
        with self.lock:
            self._slow_at = time.monotonic()
            self._hands_over = True

    def _hand_over(self, work: Callable[[], bool], size: int, tags: list[tuple[str, str]]) -> bool:
        with self.lock:
            if self._pid != forks.pid:
                self._begin_desk()  # what waits is the parent's to write
            calm = time.monotonic() - self._slow_at > CALM_SECONDS
            if calm and not self._always and not self._waiting_count:
                self._dismiss()
                self._hands_over = False
                return work()
            if self._waiting_bytes + size > WAITING_BYTES:
                self.tally.drop()
                self._note_silence()
                errand = None
            else:
                self._plugins.update(tags)
                errand = self._queue(work, size)
            waits = not self._silent
        stored = errand is not None
        if errand is not None and waits:
            if errand.done.acquire(timeout=PATIENCE_SECONDS):
                stored = errand.result
            else:
                self._silent = True
                self._note_silence()
        self.tally.tell()
        return stored

    def _close_file(self) -> bool:
        self._file.close()
        return True

    def _note_silence(self) -> None:
        self.tally.note(
            "silence",
            f"{self.directory!r} does not answer. Training goes on; records wait in memory, and "
            f"beyond {WAITING_BYTES >> 20} MiB they are dropped and counted",
        )

    # From here on the lock is held, but for `_keep`.

    def _queue(self, work: Callable[[], bool], size: int) -> _Errand:
        errand = _Errand(work, size)
        self._waiting_bytes += size
        self._waiting_count += 1
        self._errands.put(errand)
        if self._keeper is None:
            if not self._is_registered:
                self._is_registered = True
                atexit.register(_close, weakref.ref(self))
            keeper = threading.Thread(
                target=self._keep, args=(self._errands,), name="nnviz_tb write", daemon=True
            )
            try:
                keeper.start()
            except RuntimeError:  # the interpreter is shutting down and starts no threads any more
                self._dismiss()
                self._keep(self._errands)
            else:
                self._keeper = keeper
        return errand

    def _dismiss(self) -> None:
        self._errands.put(None)
        if self._keeper is not None:
            self._keeper = None
            self._errands = queue.SimpleQueue()

    def _keep(self, errands: queue.SimpleQueue[_Errand | None]) -> None:
        """Does one errand after the other; the one place that may wait for ever."""
        self.tally.silent_thread = threading.get_ident()
        while (errand := errands.get()) is not None:
            began = time.monotonic()
            try:
                errand.result = errand.work()
            except Exception as error:
                errand.result = False
                self.tally.drop()
                self.tally.note("errand", f"a record is lost: {type(error).__name__}: {error}")
            ended = time.monotonic()
            with self.lock:
                self._waiting_bytes -= errand.bytes
                self._waiting_count -= 1
                if ended - began > PATIENCE_SECONDS:
                    self._slow_at = ended
                elif not self._waiting_count:
                    self._silent = False
                if not self._waiting_count:
                    self._plugins.clear()
            errand.done.release()
        if self.tally.silent_thread == threading.get_ident():
            self.tally.silent_thread = 0


def _close(reference: weakref.ref[PatientFile]) -> None:
    file = reference()
    if file is not None:
        file.close()
