"""What a request is refused with: the one list of statuses, codes and what they mean.

The messages are sentences for people. They may quote names from the request or the log, always cut
and escaped by :func:`shown`, so that a name of a megabyte or of control characters does no harm.
"""

from __future__ import annotations

from nnviz_tb.errors import NnvizError


class RequestError(NnvizError):
    """A request that gets no data. ``http_api.md`` lists the codes."""

    status = 500
    code = "internal"


class BadRequestError(RequestError):
    """A parameter is missing, unknown, repeated or out of range."""

    status = 400
    code = "bad_request"


class NotFoundError(RequestError):
    """No such run, layer, series or neuron in what TensorBoard holds now."""

    status = 404
    code = "not_found"


class MethodError(RequestError):
    """Anything but GET and HEAD."""

    status = 405
    code = "method_not_allowed"


class TooLargeError(RequestError):
    """A series beyond what may be read at once."""

    status = 413
    code = "too_large"


class BadDataError(RequestError):
    """The log holds something that cannot be read."""

    status = 422
    code = "bad_data"


class UnavailableError(RequestError):
    """TensorBoard's data provider failed; the same request may work later."""

    status = 503
    code = "unavailable"


FAULTS: tuple[type[RequestError], ...] = (
    BadRequestError,
    NotFoundError,
    MethodError,
    TooLargeError,
    BadDataError,
    UnavailableError,
)

SHOWN_LENGTH = 80


def shown(text: str) -> str:
    """``text`` in quotes, escaped, and cut to :data:`SHOWN_LENGTH` characters."""
    cut = text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"
    return repr(cut)
