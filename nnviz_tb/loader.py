"""What TensorBoard calls at start-up. It imports next to nothing and never raises.

An exception in ``fix_flags``, or an import error of this module, stops TensorBoard for everybody,
with or without our data in the log; so the plugin is imported late, and its failure is logged.
"""

from __future__ import annotations

import logging
from typing import Any

from tensorboard.plugins import base_plugin

logger = logging.getLogger(__name__)

PLUGIN_NAME = "nnviz"
KEPT_STEPS = 5000
"""Steps that TensorBoard is asked to keep of each of our series, where the user has not said.

Left alone it keeps 10 (Python reader) or 100 (Rust server), and loses the first one. The writer's
own cadence keeps about 500 logged steps; this leaves room for ten times as many. It is a bound and
not 0 ("all"), because 0 means "none" to those parts of TensorBoard that read the hint.
"""


class Loader(base_plugin.TBLoader):  # type: ignore[misc]
    """Loads the plugin, and asks TensorBoard to keep enough of its data."""

    def fix_flags(self, flags: Any) -> None:
        """Adds ``nnviz`` to ``--samples_per_plugin``, unless the user did; never raises."""
        try:
            hints = samples_with_ours(getattr(flags, "samples_per_plugin", None))
            if hints is not None:
                flags.samples_per_plugin = hints
        except Exception:
            logger.warning("nnviz could not ask TensorBoard to keep its steps", exc_info=True)

    def load(self, context: base_plugin.TBContext) -> Any:
        """The plugin, or None where it cannot be loaded: TensorBoard then goes on without it."""
        try:
            from nnviz_tb.reading.plugin import Plugin

            return Plugin(context)
        except Exception:
            logger.exception("nnviz cannot be loaded; TensorBoard goes on without it")
            return None


def samples_with_ours(given: object) -> dict[str, int] | None:
    """The flag's value with our entry added; None where it is to be left as it is.

    Args:
      given: the flag: a dict when TensorBoard parsed it, None when nothing was said, a str when a
        caller handed ``program.TensorBoard().configure()`` one. TensorBoard can only use a dict
        from there on, so a str in its own notation comes back as the dict it stands for.
    """
    if given is None:
        return {PLUGIN_NAME: KEPT_STEPS}
    if isinstance(given, str):
        pairs = (entry.split("=") for entry in given.split(",") if entry.strip())
        given = {name.strip(): int(count) for name, count in pairs}
        return {PLUGIN_NAME: KEPT_STEPS, **given}
    if isinstance(given, dict) and PLUGIN_NAME not in given:
        return {**given, PLUGIN_NAME: KEPT_STEPS}
    return None
