"""Finished answers, each made once for all who ask, and kept until what it is made of changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from nnviz_tb.reading import wire
from nnviz_tb.reading.cache import ByteCache, SingleFlight
from nnviz_tb.reading.desk import Desk
from nnviz_tb.reading.queries import Answer
from nnviz_tb.reading.responses import BINARY, Body, body_of
from nnviz_tb.reading.rows import Series
from nnviz_tb.reading.source import Scope

BODY_BYTES = 72 * 1024 * 1024
"""What finished answers may hold in memory, beside the reader's cache."""
AGE_S = 1.0
"""How old an answer may be that is not looked after otherwise."""

Values = dict[str, str]
"""The parameters of a request."""


class Answers:
    """Safe to use from several threads."""

    def __init__(self, desk: Desk) -> None:
        """
        Args:
          desk: where they are made.
        """
        self._bodies: ByteCache[tuple[Hashable, Body]] = ByteCache(BODY_BYTES)
        self._flights: SingleFlight[Body] = SingleFlight(desk)

    def kept(self, question: Hashable, version: Hashable, build: Callable[[], Body]) -> Body:
        """What ``build`` gives, or gave to this question before; built once for all who ask.

        Args:
          version: of what the answer is made of. An answer takes the place of the one before it,
            so that a run that grows for days is not kept in all its lengths.
        """
        held = self._bodies.get(question)
        if held is not None and held[0] == version:
            return held[1]

        def build_and_keep() -> Body:
            body = build()
            self._bodies.put(question, (version, body), body.byte_count)
            return body

        return self._flights.run((question, version), build_and_keep)

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
        return self.kept(question, version, lambda: container(answer()))

    def aging(self, question: Hashable, build: Callable[[], Body]) -> Body:
        """What ``build`` gives, or gave a moment ago.

        TensorBoard itself looks for new data every five seconds at best. What takes long, of a
        great many runs, is not made anew as soon as it is done.
        """
        held = self._bodies.get(question)
        if held is not None and isinstance(held[0], float) and time.monotonic() < held[0]:
            return held[1]

        def build_and_keep() -> Body:
            start = time.monotonic()
            body = build()
            end = time.monotonic()
            good_until = end + max(AGE_S, 2 * (end - start))
            self._bodies.put(question, (good_until, body), body.byte_count)
            return body

        return self._flights.run(question, build_and_keep)


def container(answer: Answer) -> Body:
    """The binary body of an answer."""
    return body_of(BINARY, wire.encode(answer.meta, answer.arrays))
