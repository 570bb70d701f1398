"""What one process contributes to the answers about an array: sums over the piece it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnviz_tb.adapters.torch.piece_sums import piece_sums, projected, squared_change, squares
from nnviz_tb.adapters.torch.pieces import (
    Piece,
    is_on_accelerator,
    on_device,
    stretch_of,
    taken,
)
from nnviz_tb.layers import Wanted
from nnviz_tb.statistics.stats import EXACT_QUANTILES

_Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Kept:
    """What a later step is compared with; each process keeps its own piece of it.

    Attributes:
      followed: the neurons, as bytes.
      first, previous: ``float32[rows, neurons]`` of those of them that lie here.
    """

    followed: bytes
    first: torch.Tensor
    previous: torch.Tensor


@dataclass(eq=False)
class Part:
    """The contribution of this process to the answers about one array; float64 tensors.

    Attributes:
      sums: what adds up over the pieces, by name.
      largest: what is the larger one: ``[2, neurons]`` highest weight, and lowest with its sign
        turned.
      mean, spread, count: ``[neurons]`` of the piece.
      groups: process groups over which the pieces are spread.
      device: where they are merged.
      kept: see :attr:`nnviz_tb.layers.Found.kept`.
    """

    sums: dict[str, torch.Tensor]
    largest: torch.Tensor
    mean: torch.Tensor
    spread: torch.Tensor
    count: torch.Tensor
    groups: tuple[Any, ...]
    device: torch.device
    kept: Kept | None = field(default=None)


def part_of(piece: Piece, wanted: Wanted, update: Piece | None) -> Part:
    """Everything that is wanted of a piece, being computed where it lies.

    Args:
      piece: of the array.
      wanted: of all of the array.
      update: the piece of the array's change that lies here.

    Raises:
      ValueError: array and update do not lie alike.
    """
    values = piece.values
    (rows, neurons), (fan_in, width) = piece.places, piece.shape
    found = piece_sums(values, with_torch=is_on_accelerator(values))

    def by_neuron(local: torch.Tensor, fill: float = 0.0) -> torch.Tensor:
        return _placed(local, neurons, width, fill)

    count, mean = by_neuron(found.count), by_neuron(found.mean)
    sums = {
        "counts": found.counts,
        "zero_count": found.zero_count,
        "count": count,
        "total": count * mean,
    }
    if fan_in * width <= EXACT_QUANTILES:
        sums["every"] = _block(piece, np.arange(fan_in), np.arange(width))
    if wanted.rows is not None and wanted.neurons is not None:
        sums["entries"] = _block(piece, wanted.rows, wanted.neurons)
    if wanted.sketched is not None:
        at, here = _met(wanted.sketched, neurons)
        local = projected(taken(values, here, 1), rows, wanted.seed)
        sums["sketch"] = _placed(local, at, wanted.sketched.size)
    if update is not None:
        if update.values.shape != values.shape:
            raise ValueError("an array and its update are sharded in different ways")
        sums["update"] = by_neuron(squares(update.values).T)
        sums["before"] = by_neuron(squares(values, update.values).T)
    kept = None if wanted.followed is None else _follow(piece, wanted.followed, wanted.kept, sums)
    return Part(
        sums,
        torch.stack([by_neuron(found.high, -np.inf), by_neuron(-found.low, -np.inf)]),
        mean,
        by_neuron(found.spread),
        count,
        piece.groups,
        piece.device,
        kept,
    )


def _follow(piece: Piece, followed: _Places, before: Any, sums: dict[str, torch.Tensor]) -> Kept:
    """Adds how far the piece of the followed neurons went; a copy of it, for the next step."""
    at, here = _met(followed, piece.places[1])
    now = taken(piece.values, here, 1).to(torch.float32, copy=True)
    token = followed.tobytes()
    known = (
        isinstance(before, Kept)
        and before.followed == token
        and before.first.shape == now.shape
        and before.first.device == now.device
    )
    for name in ("displacement", "distance"):
        if known:
            local = squared_change(now, before.previous if name == "displacement" else before.first)
        else:
            local = torch.zeros(2, now.shape[1], dtype=torch.float64, device=now.device)
        sums[name] = _placed(local.T, at, followed.size)
    # Only where every process knows its piece of the earlier step is there a way.
    sums["known"] = on_device(np.array([float(known), float(not known)]), now.device)
    return Kept(token, before.first if known else now, now)


def _met(wanted: _Places, present: _Places) -> tuple[_Places, _Places]:
    """Places among the wanted ones, and among those present, of those that are both."""
    _, at, here = np.intersect1d(wanted, present, assume_unique=True, return_indices=True)
    return at, here


def _block(piece: Piece, rows: _Places, neurons: _Places) -> torch.Tensor:
    """``float64[rows, neurons]`` of the array, 0 where its entries lie elsewhere."""
    at_row, row = _met(rows, piece.places[0])
    at_neuron, neuron = _met(neurons, piece.places[1])
    local = taken(taken(piece.values, row, 0), neuron, 1).double()
    wide = _placed(local.T, at_neuron, neurons.size).T
    return _placed(wide, at_row, rows.size)


def _placed(local: torch.Tensor, places: _Places, size: int, fill: float = 0.0) -> torch.Tensor:
    """A tensor of so many places on its first axis: the local one's are at ``places``."""
    stretch = stretch_of(places)
    if stretch == (0, size):
        return local
    whole = torch.full((size, *local.shape[1:]), fill, dtype=local.dtype, device=local.device)
    if stretch is None:
        whole.index_copy_(0, on_device(places, local.device), local)
    else:
        whole.narrow(0, *stretch).copy_(local)
    return whole
