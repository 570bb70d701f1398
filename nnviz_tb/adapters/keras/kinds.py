"""Which Keras classes an object is an instance of, without importing Keras."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any


def keras_module() -> Any:
    """The imported ``keras``."""
    return sys.modules["keras"]


def keras_kinds(operation: object) -> Iterator[str]:
    """Names of the Keras classes that the operation is an instance of, most special first."""
    for kind in type(operation).__mro__:
        if kind.__module__.split(".")[0] == "keras":
            yield kind.__name__


def is_keras_own(operation: object) -> bool:
    """Whether the class itself, not only a base class of it, comes with Keras."""
    return type(operation).__module__.split(".")[0] == "keras"
