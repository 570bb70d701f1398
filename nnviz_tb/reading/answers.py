"""Finished answers, each made once for all who ask, and kept until what it is made of changes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from typing import NamedTuple

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


class Kept(NamedTuple):
    """An answer.

    Attributes:
      version: of what it is made of.
      good_until: by the clock; later it may not be right any more although the version is.
    """

    version: Hashable
    good_until: float
    body: Body


class Answers:
    """Safe to use from several threads."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
          desk: where they are made.
          clock: in seconds.
        """
        self._desk = desk
        self._clock = clock
        self._bodies: ByteCache[Kept] = ByteCache(BODY_BYTES)
        self._flights: SingleFlight[Body] = SingleFlight(desk)

    def kept(
        self,
        question: Hashable,
        version: Hashable,
        build: Callable[[], Body],
        good_s: float = math.inf,
    ) -> Body:
        """What ``build`` gives, or gave to this question before; built once for all who ask.

        Args:
          version: of what the answer is made of. An answer takes the place of the one before it,
            so that a run that grows for days is not kept in all its lengths.
          good_s: what is older is made anew although its version is the same, a little later and
            for those who ask then: whoever comes back to a finished run waits for nothing.
        """
        held = self._bodies.get(question)
        if held is not None and held.version == version:
            if self._clock() > held.good_until:
                self._keep(question, version, held.body, good_s)  # So that one renewal is enough.
                self._desk.later(lambda: self._renew(question, version, build, good_s))
            return held.body

        def build_and_keep() -> Body:
            body = build()
            self._keep(question, version, body, good_s)
            return body

        return self._flights.run((question, version), build_and_keep)

    def _keep(self, question: Hashable, version: Hashable, body: Body, good_s: float) -> None:
        self._bodies.put(question, Kept(version, self._clock() + good_s, body), body.byte_count)

    def _renew(
        self, question: Hashable, version: Hashable, build: Callable[[], Body], good_s: float
    ) -> None:
        held = self._bodies.get(question)
        if held is not None and held.version == version:
            self._keep(question, version, build(), good_s)

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
        if held is not None and self._clock() < held.good_until:
            return held.body

        def build_and_keep() -> Body:
            start = self._clock()
            body = build()
            self._keep(question, None, body, max(AGE_S, 2 * (self._clock() - start)))
            return body

        return self._flights.run(question, build_and_keep)


def container(answer: Answer) -> Body:
    """The binary body of an answer."""
    return body_of(BINARY, wire.encode(answer.meta, answer.arrays))
