"""Where a run's records go: a local file, a remote store, or a writer that exists already."""

from __future__ import annotations

import os
from typing import Any

from nnviz_tb.errors import ArgumentError
from nnviz_tb.recording import arguments
from nnviz_tb.recording.patience import PatientFile
from nnviz_tb.recording.remote import RemoteEvents
from nnviz_tb.recording.sink import Sink
from nnviz_tb.recording.via import ViaWriter


def open_sink(logdir: str | os.PathLike[str] | None, via: Any, writer: str) -> Sink:
    """The place for the records of a run.

    Args:
      logdir: a path or an address; with ``via``, only where child runs go.
      via: a summary writer of another package, a sink, or None.
      writer: name and version, for the files' source metadata.

    Raises:
      ArgumentError: an argument is not allowed, or the place cannot be written to.
    """
    if isinstance(via, Sink):
        return via
    if via is not None:
        return ViaWriter(via, "" if logdir is None else arguments.checked_location(logdir))
    location = arguments.checked_location(logdir)
    try:
        if arguments.is_remote(location):
            return RemoteEvents(location, writer)
        return PatientFile(location, writer)
    except ArgumentError:
        raise
    except Exception as error:
        told = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise ArgumentError(
            f"logdir must be a directory that can be written to, got {location!r}: {told}"
        ) from error
