"""How the pictures look: colours, type, axes. Nothing global is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

CYCLE = ("#3b6fb6", "#d9622b", "#2c9c82", "#b0408f", "#8a6d1f", "#6f5bc0", "#c23b4b", "#3a8fb0")
"""Told apart by the colour-blind too, on white and on black."""


@dataclass(frozen=True)
class Look:
    """Colours of one picture.

    Attributes:
      paper: background.
      ink: text and main lines.
      faint: ticks, spines and secondary text.
      rule: grid lines.
      sequence: colour map of heat maps.
    """

    paper: str
    ink: str
    faint: str
    rule: str
    sequence: str


LIGHT = Look("#ffffff", "#1d2733", "#5c6875", "#e6e9ed", "viridis")
DARK = Look("#15191f", "#e8ecf1", "#9aa5b1", "#2a313a", "viridis")


def look_of(dark: bool) -> Look:
    """The light look or the dark one."""
    return DARK if dark else LIGHT


def canvas(ax: Axes | None, look: Look, size: tuple[float, float] = (7.2, 4.2)) -> Axes:
    """The axes to draw on, dressed; new ones of a new pyplot figure when none are given."""
    if ax is None:
        from matplotlib import pyplot

        figure, ax = pyplot.subplots(figsize=size, layout="constrained")
        figure.set_facecolor(look.paper)
    ax.set_facecolor(look.paper)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(look.faint)
        spine.set_linewidth(0.8)
    ax.tick_params(colors=look.faint, labelsize=9, length=3, width=0.8)
    ax.grid(True, color=look.rule, linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def title(ax: Axes, look: Look, text: str, detail: str = "") -> None:
    """A bold title at the left and a faint second line below it."""
    ax.set_title(
        text, loc="left", color=look.ink, fontsize=12, fontweight="bold", pad=22 if detail else 8
    )
    if detail:
        ax.annotate(
            detail,
            (0, 1),
            xytext=(0, 7),
            xycoords="axes fraction",
            textcoords="offset points",
            color=look.faint,
            fontsize=9,
        )


def labels(ax: Axes, look: Look, x: str, y: str) -> None:
    """Axis labels in the faint ink."""
    ax.set_xlabel(x, color=look.faint, fontsize=10)
    ax.set_ylabel(y, color=look.faint, fontsize=10)


def step_axis(ax: Axes, look: Look, y: str) -> None:
    """Steps along x: whole numbers, thousands as k."""
    labels(ax, look, "step", y)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))


def legend(ax: Axes, look: Look, **options: Any) -> None:
    """A legend without a frame."""
    made = ax.legend(frameon=False, fontsize=9, labelcolor=look.ink, **options)
    made.set_zorder(10)
