"""Few threads make all answers, and never wait for one another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from nnviz_tb.reading.cache import SingleFlight
from nnviz_tb.reading.desk import Desk


def test_however_many_ask_only_a_few_are_at_work() -> None:
    desk = Desk(workers=3)
    lock, at_work, most = threading.Lock(), 0, 0

    def work(number: int) -> tuple[int, str]:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.01)
        with lock:
            at_work -= 1
        return number, threading.current_thread().name

    with ThreadPoolExecutor(32) as clients:
        done = list(clients.map(lambda number: desk.do(lambda: work(number)), range(100)))
    assert [number for number, _ in done] == list(range(100))
    assert most == 3
    assert len({name for _, name in done}) == 3


def test_who_asks_one_after_the_other_is_served_by_one_thread() -> None:
    desk = Desk(workers=3)
    names = {desk.do(lambda: threading.current_thread().name) for _ in range(200)}
    assert len(names) == 1


def test_what_goes_wrong_reaches_who_asked_and_nobody_else() -> None:
    desk = Desk(workers=1)

    def fail() -> None:
        raise LookupError("no such series")

    for _ in range(3):
        with pytest.raises(LookupError, match="no such series"):
            desk.do(fail)
    assert desk.do(lambda: "next") == "next"


def test_a_desk_full_of_answers_that_read_what_others_wait_to_read_gets_done() -> None:
    """Each answer reads a series that a client behind the desk has begun to ask for."""
    desk = Desk(workers=2)
    series: SingleFlight[str] = SingleFlight(desk)
    answers: SingleFlight[str] = SingleFlight(desk)
    waiting = threading.Barrier(3)

    def answer(name: str) -> str:
        waiting.wait(10)
        time.sleep(0.2)  # by now the clients have asked, and stand behind the two answers
        return series.run(name, lambda: name.upper())

    great = [client(answers.run, name, lambda name=name: answer(name)) for name in "ab"]
    waiting.wait(10)
    small = [client(series.run, name, lambda name=name: name.upper()) for name in "ab"]
    assert [one.result(10) for one in (*great, *small)] == ["A", "B", "A", "B"]


def client(ask: Callable[..., str], *arguments: object) -> Future[str]:
    """Asks in a thread that does not keep the tests from ending if it is never answered."""
    answered: Future[str] = Future()
    asking = threading.Thread(target=lambda: answered.set_result(ask(*arguments)), daemon=True)
    asking.start()
    return answered
