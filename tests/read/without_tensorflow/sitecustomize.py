"""On a process's ``PYTHONPATH``, this is run at its start: TensorFlow cannot be imported in it."""

from __future__ import annotations

import sys


class _Blocker:
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "tensorflow":
            raise ImportError("this process has no TensorFlow")


sys.meta_path.insert(0, _Blocker())
