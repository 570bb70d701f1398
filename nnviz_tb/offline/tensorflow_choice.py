"""Whether a log is worth TensorFlow.

TensorBoard's reader opens files and reads records with TensorFlow where that is installed, and with
functions of its own where it is not. TensorFlow reads a large log several times as fast, but takes
longer to be imported than a small one to be read, and writes to the terminal while it is.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

SMALL_BYTES = 64 << 20
"""A log of so many bytes is read without TensorFlow in about the time that its import takes."""

_MARK = "tensorboard.compat.notf"
"""TensorBoard's own sign that it is to do without: a module that can be imported.

Source: tensorboard/compat/__init__.py.
"""


def spare_tensorflow(directory: str) -> None:
    """Has TensorBoard read without TensorFlow, when the log is small.

    This is for the rest of the process, so only for one that does nothing else.

    Args:
      directory: with event files below it.
    """
    if "tensorflow" not in sys.modules and _is_small(directory):
        sys.modules.setdefault(_MARK, ModuleType(_MARK))


def _is_small(directory: str) -> bool:
    total = 0
    for folder, _, names in os.walk(os.path.expanduser(directory)):
        for name in names:
            if "tfevents" in name:
                try:
                    total += os.path.getsize(os.path.join(folder, name))
                except OSError:  # gone meanwhile; the reader says more about that
                    continue
                if total > SMALL_BYTES:
                    return False
    return True
