"""Where a picture's numbers come from: a log directory, or the caller's own arrays."""

from __future__ import annotations

import os
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health.loss import is_loss
from nnviz_tb.offline.logdir import Log, open_log
from nnviz_tb.schema import tag_of

Steps = NDArray[np.float64]


def is_log(source: Any) -> TypeGuard[str | os.PathLike[str] | Log]:
    """Whether a picture's first argument names a log rather than holding numbers."""
    return isinstance(source, (str, os.PathLike, Log))


def opened(source: str | os.PathLike[str] | Log) -> Log:
    """The log; an opened one is taken as it is."""
    return source if isinstance(source, Log) else open_log(source)


def layer_with(log: Log, run: str, kind: str, layer: str | None) -> str:
    """The layer asked for, or the first in model order that has the series ``kind``.

    Raises:
      ArgumentError: it has no such series, with the layers that have.
    """
    tags = log.listing().ours.get(run, {})
    having = [name for name in log.layers(run) if tag_of(kind, name) in tags]
    if layer is None and having:
        return having[0]
    if layer in having:
        return str(layer)
    known = ", ".join(having) or "none"
    wanted = "no layer" if layer is None else f"layer {layer!r} of run {run!r} has no series"
    raise ArgumentError(f"{wanted} with {kind!r}; layers that have one: {known}")


def loss_tag(log: Log, run: str, tag: str | None) -> str | None:
    """The scalar to draw as the loss: the one asked for, the one named so, or the only one."""
    tags = list(log.listing().scalars.get(run, {}))
    if tag is not None:
        return tag if tag in tags else None
    return next((name for name in tags if is_loss(name)), tags[0] if len(tags) == 1 else None)


def as_steps(steps: Any, count: int) -> Steps:
    """``float64[count]`` of the caller's steps; 0, 1, 2 … for None.

    Raises:
      ArgumentError: another number of them.
    """
    if steps is None:
        return np.arange(count, dtype=np.float64)
    array = np.asarray(steps, dtype=np.float64).ravel()
    if array.size != count:
        raise ArgumentError(f"steps must be {count} as the values are, got {array.size}")
    return array


def as_rows(values: Any, name: str) -> NDArray[np.float64]:
    """``float64[neurons, steps]`` of the caller's values; one row for a vector.

    Raises:
      ArgumentError: not one or two axes.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ArgumentError(f"{name} must be [steps] or [neurons, steps], got shape {array.shape}")
    return np.atleast_2d(array)
