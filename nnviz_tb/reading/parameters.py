"""A query string as typed, bounded values; whatever else it holds is refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from nnviz_tb.definitions import NEURON_STATISTICS
from nnviz_tb.reading.faults import BadRequestError, shown
from nnviz_tb.reading.rows import MAX_STEP

MIN_STEPS = 2
MAX_STEPS = 10_000
DEFAULT_STEPS = 1_000
OVERVIEW_STEPS = 100
MAX_NAME_LENGTH = 4096
MAX_QUERY_LENGTH = 32 * 1024
MAX_PARAMETERS = 16

SELECTION = ("steps", "from", "to", "after", "have")
"""Parameters of every answer that can be zoomed and followed live."""

_WHOLE = re.compile(r"[0-9]{1,16}\Z")
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?\Z")
_KEY = re.compile(r"[0-9a-f]{1,64}\Z")


@dataclass(frozen=True)
class Selection:
    """Which steps are asked for.

    Attributes:
      limit: at most so many come back.
      first, last: closed range of steps, None where it is open.
      after, have: last step and key of the answer the client holds; None or "" without one.
    """

    limit: int = DEFAULT_STEPS
    first: int | None = None
    last: int | None = None
    after: int | None = None
    have: str = ""


def parse(query_string: str, allowed: Iterable[str]) -> dict[str, str]:
    """The parameters of a query string, each at most once and each among ``allowed``.

    Raises:
      BadRequestError: anything else, malformed percent-encoding included.
    """
    if len(query_string) > MAX_QUERY_LENGTH:
        raise BadRequestError(f"query of {len(query_string)} characters")
    if not query_string:
        return {}
    try:
        query_string.encode("ascii")
        pairs = parse_qsl(
            query_string,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        raise BadRequestError(
            f"malformed query {shown(query_string)}: it must be at most {MAX_PARAMETERS} pairs "
            "name=value, percent-encoded UTF-8"
        ) from None
    allowed = tuple(allowed)
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in allowed:
            known = ", ".join(allowed) if allowed else "none"
            raise BadRequestError(f"unknown parameter {shown(name)}; allowed here: {known}")
        if name in values:
            raise BadRequestError(f"parameter {name} is given twice")
        values[name] = value
    return values


def name(values: dict[str, str], parameter: str) -> str:
    """A run, layer, tag or array: any text from 1 to ``MAX_NAME_LENGTH`` characters.

    A run may be named ``.`` or the empty string is refused: TensorBoard names the logdir itself
    ``.``.

    Raises:
      BadRequestError: it is missing, empty or too long.
    """
    value = values.get(parameter)
    if not value:
        raise BadRequestError(f"parameter {parameter} is missing")
    if len(value) > MAX_NAME_LENGTH:
        raise BadRequestError(
            f"{parameter} has {len(value)} characters; at most {MAX_NAME_LENGTH} are allowed"
        )
    return value


def choice(values: dict[str, str], parameter: str, allowed: Iterable[str]) -> str:
    """One of the words in ``allowed``.

    Raises:
      BadRequestError: missing, or another word.
    """
    value = name(values, parameter)
    if value not in tuple(allowed):
        raise BadRequestError(
            f"{parameter} must be one of {', '.join(allowed)}; got {shown(value)}"
        )
    return value


def statistic(values: dict[str, str]) -> str:
    """The name of a per-neuron statistic."""
    return choice(values, "statistic", NEURON_STATISTICS)


def whole(values: dict[str, str], parameter: str, low: int, high: int) -> int | None:
    """A whole number in decimal digits from ``low`` to ``high``; None when it is not given.

    Raises:
      BadRequestError: anything else.
    """
    text = values.get(parameter)
    if text is None:
        return None
    if not _WHOLE.match(text) or not low <= int(text) <= high:
        raise BadRequestError(
            f"{parameter} must be a whole number from {low} to {high}; got {shown(text)}"
        )
    return int(text)


def limits(values: dict[str, str]) -> dict[str, float]:
    """Thresholds that are changed, from ``thresholds=name:number,name:number``.

    Raises:
      BadRequestError: not of that form, or a name given twice. Whether there are such thresholds is
        for the rules to say.
    """
    found: dict[str, float] = {}
    for pair in filter(None, values.get("thresholds", "").split(",")):
        key, _, number = pair.partition(":")
        if not _NUMBER.match(number) or key in found:
            raise BadRequestError(
                f"thresholds must be name:number, each once, with commas between; got {shown(pair)}"
            )
        found[key] = float(number)
    return found


def selection(values: dict[str, str], default_limit: int = DEFAULT_STEPS) -> Selection:
    """The steps that a request asks for.

    Raises:
      BadRequestError: a number out of range, an empty range, or ``have`` without ``after``.
    """
    limit = whole(values, "steps", MIN_STEPS, MAX_STEPS)
    first, last = whole(values, "from", 0, MAX_STEP), whole(values, "to", 0, MAX_STEP)
    after, have = whole(values, "after", 0, MAX_STEP), values.get("have", "")
    if first is not None and last is not None and first > last:
        raise BadRequestError(f"from must not lie behind to; got {first} and {last}")
    if (after is None) == ("have" in values):
        raise BadRequestError("after and have belong together; one of them is missing")
    if "have" in values and not _KEY.match(have):
        raise BadRequestError(f"have must be the key of an answer; got {shown(have)}")
    return Selection(default_limit if limit is None else limit, first, last, after, have)


Parser = Callable[[dict[str, str]], Any]
