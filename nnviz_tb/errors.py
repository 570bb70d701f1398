"""What goes wrong, by name. Imports nothing, so that every module may import it."""

from __future__ import annotations


class NnvizError(Exception):
    """Base of every error that this package raises on purpose."""


class ArgumentError(NnvizError, ValueError):
    """A caller's argument is not allowed; the message names it, its value and what is allowed."""


class StatsError(NnvizError, ValueError):
    """Statistics that cannot be combined or computed: other shapes, other bucket widths."""


class AdapterError(NnvizError, TypeError):
    """A model, or a part of it, that no adapter can read."""


class SchemaError(NnvizError, ValueError):
    """Stored bytes that do not follow the schema: damaged, hostile, or of a newer release."""


class WireError(NnvizError, ValueError):
    """An HTTP response body that cannot be encoded or decoded."""


class HealthWarning(UserWarning):
    """Something is wrong with the network that trains, as its log shows."""


class LoggingWarning(UserWarning):
    """Something could not be logged; training goes on and the loss is counted."""
