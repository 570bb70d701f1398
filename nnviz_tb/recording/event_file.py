"""An event file on disk that survives kills, forks, threads and full disks.

Every record goes to the operating system in one unbuffered append before the call returns, so a
process that dies loses nothing that was logged. Nothing runs in the background, so nothing is left
behind in a forked child.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import time
from collections.abc import Sequence

from nnviz_tb.recording import events, forks, neighbours
from nnviz_tb.recording.appends import append_event, append_like_before
from nnviz_tb.recording.events import Value
from nnviz_tb.recording.scalar_records import ScalarRecords
from nnviz_tb.recording.sink import Sink

_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 0.1
"""How far apart records look after their place; a look costs as much as a scalar.

That the file itself is there and is ours, all but scalars ask each time.
"""
_numbers = itertools.count()

# The file itself is at fault or lost; the next record gets a new one. After the other errors (disk
# full, quota) the same file serves again as soon as there is room.
_FILE_IS_LOST = {errno.EFBIG, errno.EBADF, errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE}


class EventFile(Sink):
    """The event files that one writer appends to a run directory, one at a time.

    A new file is begun when the old one is lost: its directory was removed, it reached a size
    limit, a write failed halfway and could not be undone, or the process was forked (the child
    writes a file of its own; what the parent wrote is never written again).
    """

    def __init__(self, directory: str, writer: str) -> None:
        """Opens the first file.

        Args:
          directory: of the run, made when missing.
          writer: name and version, for the file's source metadata.

        Raises:
          OSError: the directory cannot be made or written to.
        """
        super().__init__(directory)
        self._writer = writer
        self._fd = -1
        self._identity = self._place = (0, 0)
        self._path = ""
        self._size = 0
        self._scalars: dict[str, ScalarRecords] = {}
        self._failed_at = float("-inf")
        self._looked_at = time.monotonic()
        self._directory_changed_ns = 0
        with self.lock:
            self._open()
        self.tally.tell()

    @property
    def path(self) -> str:
        """The file now written to; empty when there is none."""
        return self._path if self._fd >= 0 else ""

    def write_scalar(self, tag: str, step: int, wall_time: float, value: float) -> bool:
        """Whether one scalar was stored, as a record of its own."""
        with self.lock:
            if self._pid != forks.pid:
                self._begin_anew_in_child()
            if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                self._look()
            records = self._scalars.get(tag)
            stored = False
            if records is not None and self._fd >= 0:
                record = records.record(wall_time, step, value)
                try:
                    stored = os.write(self._fd, record) == len(record)
                except OSError:
                    pass  # tried again below, where faults are dealt with
                else:
                    if stored:
                        self._size += len(record)
                    else:
                        self._cut_back()
            if not stored:
                stored = self._write(step, wall_time, [events.scalar(tag, value)])
                if stored:
                    self._scalars[tag] = ScalarRecords(tag)
        self.tally.tell()
        return stored

    def write(self, step: int, wall_time: float, values: Sequence[Value]) -> bool:
        """Whether the values were stored, all in one record, so that readers see all or none."""
        with self.lock:
            if self._pid != os.getpid():  # which a scalar would pay too much for
                self._begin_anew_in_child()
            if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
                self._look()
            try:
                written = append_like_before(
                    self._fd, self._identity, wall_time, step, values, self._plugins
                )
            except BaseException as error:
                self._cut_back()
                if not isinstance(error, OSError):
                    raise  # Ctrl-C between two parts of a record
                written = 0
            if written:
                self.record_bytes = written
                self._size += written
                stored = True
            else:
                self._look()
                stored = self._write(step, wall_time, values)
        self.tally.tell()
        return stored

    def flush(self) -> None:
        """Does nothing: every record is with the operating system when its call returns."""

    def close(self) -> None:
        """Closes the file; a later write opens a new one, as other writers do."""
        with self.lock:
            self._look()
            self._leave()
        self.tally.tell()

    # From here on the lock is held.

    def _write(self, step: int, wall_time: float, values: Sequence[Value]) -> bool:
        for attempt in range(2):
            if self._fd < 0 and not self._reopen():
                break
            if self._append(wall_time, step, values, retry=attempt == 0):
                return True
            if self._fd >= 0:
                break
        self.tally.drop()
        return False

    def _append(self, wall_time: float, step: int, values: Sequence[Value], retry: bool) -> bool:
        """Whether the whole record is in the file; if not, none of it is, or the file was left."""
        try:
            written = append_event(self._fd, wall_time, step, values, self._plugins)
        except BaseException as error:
            self._cut_back()
            if not isinstance(error, OSError):
                raise  # Ctrl-C between two parts of a record, or a tensor that nobody could read
            if error.errno in _FILE_IS_LOST:
                self._leave()
            if not retry or self._fd >= 0:
                self._note_fault(error)
            return False
        self.record_bytes = written
        self._size += written
        return True

    def _cut_back(self) -> None:
        """Takes half a record away again, or leaves the file where that is impossible."""
        try:
            size = os.fstat(self._fd).st_size
            if size != self._size:
                # Only ever our own tail: a forked child and other writers have their own files.
                os.ftruncate(self._fd, self._size)
                # Tags that were known from the record that is gone have to be described again.
                self._scalars.clear()
                self._plugins.clear()
        except OSError:
            self._leave()

    def _look(self) -> None:
        """Notices that the file was removed, or that somebody else began to write beside it."""
        self._looked_at = time.monotonic()
        if self._pid != os.getpid():  # forked by other means than Python's
            self._begin_anew_in_child()
        if self._fd < 0:
            return
        try:
            status = os.fstat(self._fd)
            if (status.st_dev, status.st_ino) != self._identity:
                # Somebody closed our descriptor and the number has gone to another file.
                self._fd = -1
                return
            if status.st_nlink == 0:
                self._leave()
                return
            self._size = status.st_size  # Ctrl-C may come between a record and its count
            place = os.stat(self.directory)
        except OSError:
            self._leave()
            return
        if (place.st_dev, place.st_ino) != self._place:
            # What stood there was unmounted or moved away: nobody would find what we write on.
            self._leave()
            return
        changed_ns = place.st_mtime_ns
        if changed_ns != self._directory_changed_ns:
            self._look_around()

    def _look_around(self) -> None:
        try:
            self._directory_changed_ns = os.stat(self.directory).st_mtime_ns
            others = [
                file
                for file in neighbours.event_files(self.directory)
                if file.path != self._path and neighbours.is_being_written(file)
            ]
        except OSError:
            return
        if others:
            self.tally.note(
                "company",
                f"{others[0].path!r} is being written too. TensorBoard may stop following one of "
                f"two writers in a run directory: give one of them a directory of its own below "
                f"{self.directory!r}",
            )

    def _reopen(self) -> bool:
        """Whether there is a file again; tries at most once a second after a failure."""
        if time.monotonic() - self._failed_at < _RETRY_SECONDS:
            return False
        try:
            self._open()
        except OSError as error:
            self._failed_at = time.monotonic()
            self._note_fault(error)
            return False
        return True

    def _open(self) -> None:
        os.makedirs(self.directory, exist_ok=True)
        # Readers order files by name: a later file must come later even within one second, or a
        # resumed run would seem older than the one it resumes.
        newest = max((file.seconds for file in neighbours.event_files(self.directory)), default=-1)
        seconds = max(int(time.time()), newest + 1)
        name = (
            f"events.out.tfevents.{seconds:010d}.{neighbours.host_name()}."
            f"{os.getpid()}.{next(_numbers)}"
        )
        path = os.path.join(self.directory, name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        # Neither flag exists everywhere; O_BINARY keeps Windows from rewriting line ends.
        flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        fd = os.open(path, flags, 0o666)
        head = events.frame(events.encode_file_version(time.time(), self._writer))
        try:
            if os.write(fd, head) != len(head):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        except OSError:
            os.close(fd)
            os.unlink(path)
            raise
        status = os.fstat(fd)
        self._fd, self._path, self._size = fd, path, len(head)
        self._identity = (status.st_dev, status.st_ino)
        place = os.stat(self.directory)
        self._place = (place.st_dev, place.st_ino)
        self._scalars.clear()
        self._plugins.clear()
        self._failed_at = float("-inf")
        self._look_around()

    def _leave(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):  # of a file that is lost already
                os.close(fd)

    def _begin_anew_in_child(self) -> None:
        # Closing the child's copy of the descriptor leaves the parent's alone.
        self._leave()
        self._pid = os.getpid()
        self.tally.dropped_count = 0
        self._failed_at = float("-inf")

    def _note_fault(self, error: OSError) -> None:
        self.tally.note(
            f"fault {error.errno}",
            f"cannot write to {self.directory!r}: {error.strerror or error}. Training goes on; "
            "records are dropped and counted until writing works again",
        )
