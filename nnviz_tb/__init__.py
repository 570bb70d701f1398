"""Look inside a neural network while it trains.

``nnviz_tb.log_model(model, step, logdir=…)`` is all that a training loop needs;
:class:`SummaryWriter` is a writer of one's own. ``nnviz_tb.keras`` has the callback for ``fit``,
``nnviz_tb.torch`` the watch over a module, ``nnviz_tb.lightning`` and ``nnviz_tb.transformers``
have callbacks for those trainers. ``nnviz_tb.report(logdir)`` says what is wrong,
``nnviz_tb.plot`` draws without a server. Every name is imported when it is first used, so that
importing the package costs next to nothing and brings in no framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnviz_tb import errors, jax, keras, lightning, plot, torch, transformers
    from nnviz_tb.health import HealthMonitor
    from nnviz_tb.offline.reporting import report
    from nnviz_tb.recording.shared_writers import log_model
    from nnviz_tb.recording.writer import SummaryWriter

    __version__: str

__all__ = [
    "HealthMonitor",
    "SummaryWriter",
    "__version__",
    "errors",
    "jax",
    "keras",
    "lightning",
    "log_model",
    "plot",
    "report",
    "torch",
    "transformers",
]

_MODULES = ("errors", "jax", "keras", "lightning", "plot", "torch", "transformers")
_ROOMS = {
    "HealthMonitor": "health",
    "SummaryWriter": "recording.writer",
    "log_model": "recording.shared_writers",
    "report": "offline.reporting",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from nnviz_tb.version import version

        return version()
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    value = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
