"""Pictures of a network without a server: one line each, each returns the Matplotlib Axes.

``nnviz_tb.plot.loss("runs/exp1")`` reads a log directory; ``nnviz_tb.plot.loss(steps, values)``
takes arrays. Needs the extra ``plot``: ``pip install "nnviz_tb[plot]"``.
"""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError('nnviz_tb.plot needs Matplotlib: pip install "nnviz_tb[plot]"') from error

from nnviz_tb.plot.activations import activation
from nnviz_tb.plot.curves import biases, loss, weights
from nnviz_tb.plot.draw import draw
from nnviz_tb.plot.heat import neurons

__all__ = ["activation", "biases", "draw", "loss", "neurons", "weights"]
