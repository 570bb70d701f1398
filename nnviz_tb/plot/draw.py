"""One picture of a log straight into a file, without a display."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nnviz_tb.errors import ArgumentError
from nnviz_tb.offline.logdir import Progress, open_log
from nnviz_tb.plot import activations, curves, heat
from nnviz_tb.plot.look import look_of

FORMATS = (".png", ".svg", ".pdf")


def draw(
    logdir: str | os.PathLike[str],
    picture: str,
    output: str | os.PathLike[str],
    *,
    run: str | None = None,
    layer: str | None = None,
    tag: str | None = None,
    statistic: str = "weight_norm",
    step: int | None = None,
    dpi: float = 160.0,
    dark: bool = False,
    size: tuple[float, float] = (7.2, 4.2),
    progress: Progress | None = None,
) -> None:
    """Draw one picture to a PNG, SVG or PDF file.

    Args:
      picture: ``loss``, ``activation``, ``weights``, ``biases`` or ``neurons``.
      output: the file; its ending gives the format.
      run, layer, tag, statistic, step: as the function of the picture takes them.
      dpi: dots per inch of a PNG.
      size: inches.

    Raises:
      ArgumentError: an unknown picture or ending, or what the picture itself raises.
    """
    target = Path(output)
    if target.suffix.lower() not in FORMATS:
        raise ArgumentError(f"output must end in {', '.join(FORMATS)}, got {target.name!r}")
    if not 10 <= dpi <= 2400:
        raise ArgumentError(f"dpi must be 10 to 2400, got {dpi!r}")
    pictures: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "loss": (curves.loss, {"tag": tag}),
        "activation": (activations.activation, {"layer": layer, "step": step}),
        "weights": (curves.weights, {"layer": layer}),
        "biases": (curves.biases, {"layer": layer}),
        "neurons": (heat.neurons, {"layer": layer, "statistic": statistic}),
    }
    if picture not in pictures:
        raise ArgumentError(f"picture must be one of {', '.join(pictures)}, got {picture!r}")
    function, options = pictures[picture]
    log = open_log(logdir, progress)
    figure = Figure(figsize=size, layout="constrained", facecolor=look_of(dark).paper)
    FigureCanvasAgg(figure)
    function(log, run=run, ax=figure.subplots(), dark=dark, **options)
    try:
        figure.savefig(target, dpi=dpi)
    except OSError as error:
        raise ArgumentError(f"output {str(target)!r} cannot be written: {error}") from error
