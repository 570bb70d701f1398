"""A few threads that make all answers, however many clients ask at once.

TensorBoard starts a thread for every request. Were each to read and compute by itself, a crowd of
clients would decide how much is held in memory at a time; and glibc, which gives threads memory
from places of their own, would keep what each of those places has once needed: of 32 clients that
poll a growing run, 163 MiB instead of 42.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

Answer = TypeVar("Answer")

WORKERS = 4
"""So many that a long answer holds no short one up; the interpreter runs one of them at a time."""

LATER_S = 2.0
"""What nobody waits for is put off for so long: by then the page that asked is open."""

_numbers = itertools.count(1)


class Desk:
    """Does work in its own threads. They are daemons: a reader that hangs keeps no server alive."""

    def __init__(self, workers: int = WORKERS, later_s: float = LATER_S) -> None:
        """Starts no thread before there is something to do.

        Args:
          workers: how many threads.
          later_s: how long what nobody waits for is put off.
        """
        self._workers, self._later_s = workers, later_s
        self._lock = threading.Lock()
        self._started = 0
        self._idle = threading.Semaphore(0)
        self._here = threading.local()
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()

    def do(self, work: Callable[[], Answer]) -> Answer:
        """What ``work()`` returns, or raises. Not for a part of work that is done here already."""
        done: Future[Answer] = Future()
        self._hand_over(done, work)
        return done.result()

    def later(self, work: Callable[[], object]) -> None:
        """Does work that nobody waits for; what goes wrong with it is left for who asks next."""
        timer = threading.Timer(self._later_s, self._hand_over, [Future(), work])
        timer.daemon = True
        timer.start()

    def at_work(self) -> bool:
        """Whether this thread is one of those that do the work."""
        return getattr(self._here, "at_work", False)

    def _hand_over(self, done: Future[Any], work: Callable[[], Any]) -> None:
        self._waiting.put((done, work))
        with self._lock:
            # No more threads than there is to do at once: each would keep memory of its own.
            if self._idle.acquire(blocking=False) or self._started == self._workers:
                return
            self._started += 1
            name = f"nnviz-desk-{next(_numbers)}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        self._here.at_work = True
        while True:
            done, work = self._waiting.get()
            answer, failure = None, None
            try:
                answer = work()
            except BaseException as error:
                failure = error
            # First, so that who has this answer and asks on finds the thread idle.
            self._idle.release()
            if failure is not None:
                done.set_exception(failure)
            else:
                done.set_result(answer)
            # Until the next comes, which may be hours, nothing of this one is held.
            del done, work, answer, failure
