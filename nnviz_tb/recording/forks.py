"""What a forked child needs: to know that it is one, and locks that it can take.

Another thread may hold a lock at the moment of a fork. The child has a copy of the lock, held, and
not of the thread that would release it, so every lock of ours is made anew there.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Protocol

pid = os.getpid()
"""Of this process. To ask the system costs as much as to encode a scalar, so forks tell us."""


class LockOwner(Protocol):
    """Something with one lock."""

    lock: Any
    __weakref__: Any


def renew_lock_after_fork(owner: LockOwner) -> None:
    """Gives the owner a new ``threading.RLock`` in every child that is forked from now on."""
    _owners.add(owner)


_owners: weakref.WeakSet[Any] = weakref.WeakSet()


def _begin_in_child() -> None:
    global pid
    pid = os.getpid()
    for owner in list(_owners):
        owner.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
