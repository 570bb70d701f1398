"""Finished answers, each made once for all who ask, and kept until what it is made of changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from nnviz_tb.reading import wire
from nnviz_tb.reading.desk import Desk
from nnviz_tb.reading.queries import Answer
from nnviz_tb.reading.responses import BINARY, Body, body_of
from nnviz_tb.reading.rows import Series
from nnviz_tb.reading.shelf import Shelf
from nnviz_tb.reading.source import Scope

BODY_BYTES = 72 * 1024 * 1024
"""What finished answers may hold in memory, beside the reader's cache."""
AGE_S = 1.0
"""How old an answer may be that is not looked after otherwise."""

Values = dict[str, str]
"""The parameters of a request."""


class Answers(Shelf[Body]):
    """Safe to use from several threads."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
          desk: where they are made.
          clock: in seconds.
        """
        super().__init__(BODY_BYTES, lambda _, body: body.byte_count, desk, clock)

    def of_series(
        self,
        route: str,
        scope: Scope,
        values: Values,
        series: Series,
        answer: Callable[[], Answer],
    ) -> Body:
        """The container of what a query makes of a series."""
        followed = {name: values[name] for name in ("after", "have") if name in values}
        asked = sorted(values.items() - followed.items())
        question = (route, scope.experiment, bool(followed), *asked)
        version = (series.serial, *followed.values())
        return self.get(question, version, lambda: container(answer()))

    def aging(self, question: Hashable, build: Callable[[], Body]) -> Body:
        """What ``build`` gives, or gave a moment ago.

        TensorBoard itself looks for new data every five seconds at best. What takes long, of a
        great many runs, is not made anew as soon as it is done.
        """
        held = self.look(question, None)
        if held is not None:
            return held

        def build_and_put() -> Body:
            start = self._clock()
            body = build()
            self.put(question, None, body, max(AGE_S, 2 * (self._clock() - start)))
            return body

        return self._flights.run((question, None), build_and_put)


def container(answer: Answer) -> Body:
    """The binary body of an answer."""
    return body_of(BINARY, wire.encode(answer.meta, answer.arrays))
