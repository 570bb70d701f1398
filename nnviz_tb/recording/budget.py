"""How the byte budget of a logged step is shared out, from shapes alone. Pure.

Every layer gets the same share, and what small layers leave over goes to the others (max-min
fairness); :mod:`nnviz_tb.recording.serving` says what a layer makes of its share. When even the
coarsest record of every layer does not fit, layers take turns: each is recorded at every second,
third, … logged step.

The bound covers every logged step but the first ones of a tag in a file, which also carry the
tag's metadata (some 150 bytes each, once), and not the scalars that the caller adds. Room is kept
for what may come later in a run (gradients, the probe batch), so that a series never changes its
shape: readers know only the first metadata of a tag.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from nnviz_tb.definitions import RUN_FIELDS
from nnviz_tb.errors import ArgumentError
from nnviz_tb.recording.events import FRAME_BYTES, value_size
from nnviz_tb.recording.serving import LayerShape, LayerShare, Serving
from nnviz_tb.schema import RUN_TAG

DEFAULT_STEP_BYTES = 256 * 1024
MIN_STEP_BYTES = 4096
STATE_BYTES = 48 * 1024 * 1024
"""Memory for the first and the previous weights of the neurons whose way is tracked, in the whole
model. With what a logged step needs besides, that stays below 64 MiB."""

# A step and a wall time, and the length of the summary.
_EVENT_BYTES = FRAME_BYTES + 9 + 11 + 6


@dataclass(frozen=True)
class Allocation:
    """The shares of all layers.

    Attributes:
      shares: one for each shape, in their order.
      turns: logged steps in which every layer has its turn once; layer ``i`` is recorded at the
        logged steps ``n`` with ``n % turns == i % turns``. 1 when all are recorded each time.
      step_bytes: at most so many bytes a record takes, framed, after the first.
    """

    shares: tuple[LayerShare, ...]
    turns: int
    step_bytes: int


def check_step_bytes(max_step_bytes: int) -> None:
    """Raises ArgumentError when the budget is too small for anything."""
    if max_step_bytes < MIN_STEP_BYTES:
        raise ArgumentError(
            f"max_step_bytes must be at least {MIN_STEP_BYTES}, got {max_step_bytes}"
        )


def step_overhead() -> int:
    """Bytes of a record that belong to no layer: the frame, the step, the run's own figures."""
    return _EVENT_BYTES + value_size(len(RUN_TAG), (len(RUN_FIELDS),), 4)


def allocate(
    shapes: Sequence[LayerShape],
    max_step_bytes: int = DEFAULT_STEP_BYTES,
    *,
    taken_bytes: int = 0,
) -> Allocation:
    """Shares with which no later record is longer than ``max_step_bytes``.

    Args:
      shapes: of the layers, in model order.
      max_step_bytes: at least :data:`MIN_STEP_BYTES`.
      taken_bytes: what earlier allocations for the same record already promised.
    """
    room = max(0, max_step_bytes - step_overhead() - taken_bytes)
    least = sum(_least_bytes(shape) for shape in shapes)
    turns = 1 if taken_bytes else max(1, math.ceil(least / max(room, 1)))
    while True:
        groups = [list(range(turn, len(shapes), turns)) for turn in range(turns)]
        fits = all(sum(_least_bytes(shapes[i]) for i in group) <= room for group in groups)
        if fits or taken_bytes or turns >= len(shapes):
            break
        turns += 1
    # Layers share the memory for past weights as evenly as the bytes.
    kernels = sum(shape.neurons > 0 for shape in shapes)
    state_bytes = STATE_BYTES // max(1, kernels)
    shares: list[LayerShare] = [LayerShare()] * len(shapes)
    used = 0
    for group in groups:
        served = _serve_group([shapes[i] for i in group], room, state_bytes)
        used = max(used, sum(share.bytes for share in served))
        for i, share in zip(group, served, strict=True):
            shares[i] = share
    return Allocation(tuple(shares), turns, step_overhead() + taken_bytes + used)


def _serve_group(shapes: list[LayerShape], room: int, state_bytes: int) -> list[LayerShare]:
    demands = [_serve(shape, 1 << 60, state_bytes).bytes for shape in shapes]
    limits = _fair_shares(demands, room)
    shares = [
        _serve(shape, limit, state_bytes) for shape, limit in zip(shapes, limits, strict=True)
    ]
    # What did not come out even is offered again to those who wanted more.
    for _ in range(2):
        rest = room - sum(share.bytes for share in shares)
        hungry = [i for i, share in enumerate(shares) if share.bytes < demands[i]]
        if not hungry or rest < len(hungry) * 64:
            break
        for i in hungry:
            limit = shares[i].bytes + rest // len(hungry)
            shares[i] = _serve(shapes[i], limit, state_bytes)
    return shares


def _fair_shares(demands: Iterable[int], room: int) -> list[int]:
    """Max-min fair parts of ``room``: nobody gets more than wanted while another got less."""
    wanted = list(demands)
    parts = [0] * len(wanted)
    rest = room
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    for place, i in enumerate(order):
        parts[i] = min(wanted[i], rest // (len(wanted) - place))
        rest -= parts[i]
    return parts


@lru_cache(maxsize=4096)
def _least_bytes(shape: LayerShape) -> int:
    serving = Serving(shape, 1 << 60, STATE_BYTES)
    serving.least()
    return serving.share.bytes


@lru_cache(maxsize=16384)
def _serve(shape: LayerShape, limit: int, state_bytes: int) -> LayerShare:
    serving = Serving(shape, limit, state_bytes)
    serving.least()
    serving.rest()
    return serving.share
