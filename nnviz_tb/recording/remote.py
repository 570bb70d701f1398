"""Event files in a remote store, through fsspec: whole parts, now and then, in the background.

Object stores cannot append. So records gather in memory, and are uploaded as event files of their
own that are never touched again: every byte is sent once, and no call of the training waits for
the store. Parts come every ten seconds at first and at every 64th of the run's time later, up to
five minutes, so that a day's run has a few hundred of them.

What that promises: a part that was uploaded is safe and complete. A process that is killed loses
the records since the last part. While the store is down, records wait in memory, up to a limit;
beyond it they are dropped and counted. ``flush``, ``close`` and an orderly end of the interpreter
upload the rest.
"""

from __future__ import annotations

import atexit
import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from nnviz_tb.errors import ArgumentError
from nnviz_tb.recording import events, neighbours
from nnviz_tb.recording.events import Value
from nnviz_tb.recording.pieces import framed_event
from nnviz_tb.recording.sink import Sink

FIRST_SECONDS, LAST_SECONDS = 10.0, 300.0
_SHARE_OF_AGE = 1.0 / 64.0
PART_BYTES = 16 << 20
"""A part is uploaded early when it has grown so large."""
WAITING_BYTES = 64 << 20
"""At most so much waits in memory."""
PATIENCE_SECONDS = 30.0
"""How long ``flush`` and ``close`` wait for a store that does not answer."""
_numbers = itertools.count()


class RemoteEvents(Sink):
    """The event files that one writer uploads to a remote run directory."""

    def __init__(
        self,
        url: str,
        writer: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Uploads the first, empty event file, so that a store that refuses is noticed at once.

        Args:
          url: of the run directory, as ``s3://bucket/run``.
          writer: name and version, for the files' source metadata.
          clock: seconds, of any origin.

        Raises:
          ArgumentError: fsspec, or its driver for this kind of store, is not installed.
          Exception: whatever the store says.
        """
        super().__init__(url.rstrip("/"))
        self._writer = writer
        self._clock = clock
        self._connect(fresh=False)
        self._store.makedirs(self._root, exist_ok=True)
        # Readers order files by name: those of a resumed run must come later.
        try:
            paths = self._store.ls(self._root, detail=False)
        except FileNotFoundError:  # object stores have no empty directories
            paths = []
        files = [file for path in paths if (file := neighbours.parse_path(path)) is not None]
        newest = max((file.seconds for file in files), default=-1)
        self._seconds = max(int(time.time()), newest + 1)
        self._parts = 0
        self._number = next(_numbers)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._in_part: set[str] = set()
        self._sealed: list[tuple[str, bytes]] = []
        self._upload: threading.Thread | None = None
        self._began = self._uploaded_at = clock()
        self._store.pipe_file(self._next_path(), self._head())
        atexit.register(_close, weakref.ref(self))

    def write(self, step: int, wall_time: float, values: Sequence[Value]) -> bool:
        """Whether the values were taken; they are uploaded later, all in one record."""
        with self.lock:
            if self._pid != os.getpid():
                self._begin_anew_in_child()
            stored = self._gather(step, wall_time, values)
            if self._is_due():
                self._begin_upload()
        self.tally.tell()
        return stored

    def flush(self) -> None:
        """Uploads what waits, and returns when the store has it or does not answer."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.lock:
            if self._pid != os.getpid():
                self._begin_anew_in_child()
            running = self._upload
        if running is not None:
            running.join(max(0.0, deadline - time.monotonic()))
        with self.lock:
            if not self._is_uploading():
                self._begin_upload()
            running = self._upload
        if running is not None:
            running.join(max(0.0, deadline - time.monotonic()))
        with self.lock:
            if running is not None and running.is_alive():
                self.tally.note(
                    "silence", f"{self.directory!r} does not answer; records wait in memory"
                )
        self.tally.tell()

    def close(self) -> None:
        """As :meth:`flush`; what could not be uploaded is kept for a later try, and told."""
        self.flush()

    # From here on the lock is held, but for `_send`.

    def _gather(self, step: int, wall_time: float, values: Sequence[Value]) -> bool:
        record = b"".join(framed_event(wall_time, step, values, self._in_part).pieces)
        held = self._waiting_bytes + sum(len(content) for _, content in self._sealed)
        if held + len(record) > WAITING_BYTES:
            self.tally.drop()
            self.tally.note(
                "full",
                f"{WAITING_BYTES >> 20} MiB wait for {self.directory!r}: records are dropped and "
                "counted until it takes some",
            )
            return False
        self._waiting.append(record)
        self._waiting_bytes += len(record)
        self.record_bytes = len(record)
        for value in values:
            self._in_part.add(value.tag)
            self._plugins[value.tag] = value.plugin
        return True

    def _is_uploading(self) -> bool:
        return self._upload is not None and self._upload.is_alive()

    def _is_due(self) -> bool:
        if self._is_uploading():
            return False
        now = self._clock()
        pause = min(LAST_SECONDS, max(FIRST_SECONDS, (now - self._began) * _SHARE_OF_AGE))
        is_large = self._waiting_bytes >= PART_BYTES and not self._sealed
        return is_large or now - self._uploaded_at >= pause

    def _begin_upload(self) -> None:
        self._uploaded_at = self._clock()
        if self._waiting:
            content = b"".join([self._head(), *self._waiting])
            self._sealed.append((self._next_path(), content))
            # Every part stands on its own: it says again what its tags are.
            self._waiting, self._waiting_bytes, self._in_part = [], 0, set()
        if not self._sealed:
            return
        self._upload = threading.Thread(target=self._send, name="nnviz_tb upload", daemon=True)
        try:
            self._upload.start()
        except RuntimeError:  # the interpreter is shutting down and starts no threads any more
            self._upload = None
            self._send()

    def _send(self) -> None:
        """Uploads sealed parts, in order; the first failure leaves the rest for later."""
        while True:
            with self.lock:
                if not self._sealed:
                    return
                path, content = self._sealed[0]
                store = self._store
            try:
                store.pipe_file(path, content)
            except Exception as error:
                with self.lock:
                    self.tally.note(
                        f"fault {type(error).__name__}",
                        f"cannot write to {self.directory!r}: {type(error).__name__}: {error}. "
                        "Training goes on; records wait in memory, and are dropped and counted "
                        f"beyond {WAITING_BYTES >> 20} MiB",
                    )
                return
            with self.lock:
                self._sealed.pop(0)

    def _head(self) -> bytes:
        return events.frame(events.encode_file_version(time.time(), self._writer))

    def _next_path(self) -> str:
        name = (
            f"events.out.tfevents.{self._seconds:010d}.{neighbours.host_name()}."
            f"{os.getpid()}.{self._number}-{self._parts:06d}"
        )
        self._parts += 1
        return f"{self._root}/{name}"

    def _connect(self, fresh: bool) -> None:
        try:
            from fsspec.core import url_to_fs

            self._store: Any
            self._store, root = url_to_fs(self.directory, skip_instance_cache=fresh)
        except ImportError as error:
            raise ArgumentError(
                f"logdir {self.directory!r} is in a remote store, and the driver for it is "
                f"missing: {error}. The extras 'nnviz_tb[s3]' and 'nnviz_tb[gs]' bring those of "
                "s3:// and gs://, 'nnviz_tb[remote]' fsspec alone"
            ) from error
        except ValueError as error:
            raise ArgumentError(f"logdir {self.directory!r}: {error}") from error
        self._root = root.rstrip("/")

    def _begin_anew_in_child(self) -> None:
        # What waits is the parent's to upload, and so is its connection.
        self._pid = os.getpid()
        self._connect(fresh=True)
        self._waiting, self._waiting_bytes, self._sealed = [], 0, []
        self._in_part = set()
        self._upload = None
        self.tally.dropped_count = 0


def _close(reference: weakref.ref[RemoteEvents]) -> None:
    sink = reference()
    if sink is not None:
        sink.close()
