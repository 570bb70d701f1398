"""What is answered from memory, what is made anew, and who waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nnviz_tb.reading.answers import Answers
from nnviz_tb.reading.desk import Desk
from nnviz_tb.reading.responses import BINARY, Body


class Maker:
    """Makes a new body whenever it is asked, and fails while it is told to."""

    def __init__(self) -> None:
        self.made = 0
        self.failing = False
        self.asked = threading.Semaphore(0)

    def __call__(self) -> Body:
        self.asked.release()
        if self.failing:
            raise LookupError("the data server is gone")
        self.made += 1
        return Body(BINARY, str(self.made).encode())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def busy(desk: Desk) -> Iterator[None]:
    """Meanwhile the desk's one worker gets to nothing else."""
    started, go_on = threading.Event(), threading.Event()
    at_work = threading.Thread(target=lambda: desk.do(lambda: (started.set(), go_on.wait(10))))
    at_work.start()
    assert started.wait(10)
    try:
        yield
    finally:
        go_on.set()
        at_work.join(10)


def test_an_answer_serves_until_what_it_is_made_of_changes() -> None:
    answers, maker = Answers(Desk()), Maker()
    assert [answers.get("q", version, maker).raw for version in (1, 1, 2, 2, 1)] == [
        b"1", b"1", b"2", b"2", b"3",
    ]  # fmt: skip


def test_an_old_answer_is_given_at_once_and_made_anew_for_the_next() -> None:
    clock, maker = Clock(), Maker()
    answers = Answers(desk := Desk(workers=1, later_s=0.0), clock)

    def ask() -> bytes:
        return answers.get("q", "as listed", maker, good_s=20.0).raw

    assert ask() == b"1"
    clock.now = 19.0
    assert ask() == b"1"
    clock.now = 21.0
    with busy(desk):
        assert [ask() for _ in range(5)] == [b"1"] * 5
    for _ in range(2):
        assert maker.asked.acquire(timeout=10)
    desk.do(lambda: None)  # By now the one worker has put away what it made.
    assert ask() == b"2"
    assert maker.made == 2


def test_an_answer_that_could_not_be_made_anew_goes_on_to_serve() -> None:
    clock, maker = Clock(), Maker()
    answers = Answers(desk := Desk(workers=1, later_s=0.0), clock)
    answers.get("q", "as listed", maker, good_s=20.0)
    clock.now, maker.failing = 21.0, True
    answers.get("q", "as listed", maker, good_s=20.0)
    for _ in range(2):
        assert maker.asked.acquire(timeout=10)
    desk.do(lambda: None)
    assert answers.get("q", "as listed", maker, good_s=20.0).raw == b"1"
    with pytest.raises(LookupError, match="data server"):
        answers.get("q", "another listing", maker, good_s=20.0)


def test_what_grew_meanwhile_is_not_replaced_by_what_it_was() -> None:
    clock, maker = Clock(), Maker()
    answers = Answers(desk := Desk(workers=1, later_s=0.0), clock)
    answers.get("q", "short", maker, good_s=20.0)
    clock.now = 21.0
    longer = threading.Thread(target=lambda: answers.get("q", "long", maker, good_s=20.0))
    with busy(desk):
        answers.get("q", "short", maker, good_s=20.0)  # Its renewal waits for the busy worker.
        longer.start()
    longer.join(10)
    desk.do(lambda: None)
    made = maker.made
    assert answers.get("q", "long", maker, good_s=20.0).raw == str(made).encode()
    assert maker.made == made


def test_what_is_made_anew_is_not_made_of_what_is_old() -> None:
    """As findings are, of many series that are each kept for themselves."""
    clock, maker, desk = Clock(), Maker(), Desk(workers=1, later_s=0.0)
    parts = Answers(desk, clock)
    whole = Answers(desk, clock)

    def build() -> Body:
        part = parts.get("part", "as listed", maker, good_s=20.0)
        return Body(BINARY, b"of " + part.raw)

    def ask() -> bytes:
        return whole.get("whole", "as listed", build, good_s=20.0).raw

    assert ask() == b"of 1"
    clock.now = 21.0
    assert ask() == b"of 1"
    for _ in range(2):
        assert maker.asked.acquire(timeout=10)
    desk.do(lambda: None)
    assert ask() == b"of 2"
