"""Where records go in a process that only takes part in what another one writes."""

from __future__ import annotations

from collections.abc import Sequence

from nnviz_tb.recording.events import Value
from nnviz_tb.recording.sink import Sink


class Silence(Sink):
    """Takes every record, stores none, and has no word to say."""

    def __init__(self) -> None:
        super().__init__("")

    def write(self, step: int, wall_time: float, values: Sequence[Value]) -> bool:
        """True: nothing was to be stored."""
        return True

    def flush(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""

    def drop(self, reason: str) -> None:
        """Does nothing; the process that writes tells what is lost."""

    def warn(self, key: str, message: str) -> None:
        """Does nothing; the process that writes warns."""
