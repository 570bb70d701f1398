"""Other event files in a run directory, and whether somebody still writes to them.

TensorBoard's Python reader follows one file per run and turns away from it for good once a newer
one appears. Two live writers in one directory therefore hide each other's data, which nothing in
the page tells; so we look, and warn.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import NamedTuple

_MARK = "tfevents."


class EventFileName(NamedTuple):
    """What the name of an event file says of its writer.

    Attributes:
      path: where the file is.
      seconds: when it was made, since 1970.
      host: the writer's machine.
      pid: the writer's process there; 0 when the name does not say.
    """

    path: str
    seconds: int
    host: str
    pid: int


def host_name() -> str:
    """This machine's name, fit to be part of a file name."""
    return socket.gethostname().replace("/", "_").replace("\0", "_") or "localhost"


def event_files(directory: str) -> list[EventFileName]:
    """The event files of a run directory, in the order in which TensorBoard reads them.

    Raises:
      OSError: the directory cannot be listed.
    """
    paths = (os.path.join(directory, name) for name in sorted(os.listdir(directory)))
    return [file for path in paths if (file := parse_path(path)) is not None]


def parse_path(path: str) -> EventFileName | None:
    """What a path says; None when it is not an event file's.

    The end is ``<seconds>.<host>.<pid>.<n>[.v2]``; host names hold dots, so it is read from the
    right.
    """
    _, mark, rest = os.path.basename(path).partition(_MARK)
    if not mark:
        return None
    seconds, _, tail = rest.partition(".")
    parts = tail.split(".")
    while parts and not parts[-1].isdecimal():
        parts.pop()
    pid = int(parts[-2]) if len(parts) >= 3 and parts[-2].isdecimal() else 0
    host = ".".join(parts[:-2]) if pid else ""
    return EventFileName(path, int(seconds) if seconds.isdecimal() else 0, host, pid)


def is_being_written(file: EventFileName) -> bool:
    """Whether a living process on this machine holds the file open to write to it.

    Where the system does not show a process's open files (other than on Linux, or in another
    user's process), a living process that is not this one counts as writing; what a writer on
    another machine does cannot be seen at all.
    """
    if file.pid == 0 or file.host != host_name():
        return False
    try:
        target = os.stat(file.path)
        handles = os.scandir(f"/proc/{file.pid}/fd")
    except FileNotFoundError:
        return not os.path.isdir("/proc/self/fd") and file.pid != os.getpid() and _lives(file.pid)
    except OSError:
        return file.pid != os.getpid() and _lives(file.pid)
    with handles:
        for handle in handles:
            with contextlib.suppress(OSError):  # closed while we looked
                if os.path.samestat(target, handle.stat()) and _is_for_writing(
                    file.pid, handle.name
                ):
                    return True
    return False


def _is_for_writing(pid: int, handle: str) -> bool:
    """Whether a process opened a file to write to it; readers look at event files as well."""
    try:
        with open(f"/proc/{pid}/fdinfo/{handle}") as told:
            flags = next(line for line in told if line.startswith("flags:"))
        return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    except (OSError, StopIteration, ValueError, IndexError):
        return True


def _lives(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
