"""What this process holds of a tensor, and where in the whole that belongs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnviz_tb.adapters.torch.axis_view import AxisView
from nnviz_tb.adapters.torch.tensors import local

_REDUCING_DEVICES = ("cuda", "xpu")
"""Kinds of accelerators on which tensors are reduced. Others lack float64 or streams of work."""

Place = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Piece:
    """The part of an array that lies in this process, in the array's ``[fan_in, neurons]`` view.

    Attributes:
      values: ``[rows, neurons]``, a view of the tensor's memory where its strides allow one.
      view: of the tensor.
      indexes: the places of each axis of the tensor that the piece has.
      tensor_shape: of the whole tensor.
      groups: process groups over which the pieces are spread; together, each entry is in one
        process of them. Empty where this process has everything.
      device: of those who merge what was found out of the pieces.
    """

    values: torch.Tensor
    view: AxisView
    indexes: tuple[Place, ...]
    tensor_shape: tuple[int, ...]
    groups: tuple[Any, ...]
    device: torch.device

    @property
    def shape(self) -> tuple[int, int]:
        """Fan-in and neurons of the whole array."""
        return self.view.shape_of(self.tensor_shape)

    @cached_property
    def places(self) -> tuple[Place, Place]:
        """The piece's rows and neurons in the whole array."""
        return self.view.places_of(list(self.indexes), self.tensor_shape)


def is_being_captured() -> bool:
    """Whether what is done now becomes a CUDA graph, in which no event may be asked for."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    return torch.cuda.is_current_stream_capturing()


def is_on_accelerator(tensor: torch.Tensor) -> bool:
    """Whether the tensor is to be reduced on its device."""
    return tensor.device.type in _REDUCING_DEVICES


def piece_of(tensor: torch.Tensor, view: AxisView) -> Piece:
    """What lies here of a tensor, which may be a DTensor of any placements.

    Of a sum whose terms lie in several processes, each of these gets a part of the sum.

    Raises:
      ValueError: the placements are of a kind that is not known.
    """
    tensor = _summed(tensor.detach())
    values = local(tensor)
    shape = tuple(int(size) for size in tensor.shape)
    indexes = [np.arange(size, dtype=np.int64) for size in shape]
    groups: list[Any] = []
    device = values.device
    mesh = getattr(tensor, "device_mesh", None)
    if mesh is not None:
        device = torch.device(mesh.device_type) if device.type != mesh.device_type else device
        coordinate = mesh.get_coordinate()
        for number, placement in enumerate(tensor.placements):  # type: ignore[attr-defined]
            axis = getattr(placement, "dim", None)
            if axis is None:
                continue
            axis %= len(shape)
            shares = mesh.size(number)
            # FSDP over tensor parallelism shards what is sharded already: the outer of the two
            # takes a share of every part of the inner one.
            parts = int(getattr(placement, "split_factor", 1))
            indexes[axis] = np.concatenate(
                [
                    _share(part, shares, coordinate[number] if coordinate else shares)
                    for part in (_share(indexes[axis], parts, place) for place in range(parts))
                ]
            )
            groups.append(mesh.get_group(number))
    if tuple(values.shape) != tuple(index.size for index in indexes):
        raise ValueError(
            f"of a tensor of shape {shape} this process has {tuple(values.shape)}, where its "
            f"placements {getattr(tensor, 'placements', ())} say otherwise"
        )
    values = _looked_at(values, indexes, view, shape)
    return Piece(view.matrix(values), view, tuple(indexes), shape, tuple(groups), device)


def _looked_at(
    values: torch.Tensor, indexes: list[Place], view: AxisView, shape: tuple[int, ...]
) -> torch.Tensor:
    """The part of the values that the view looks at; ``indexes`` are cut down to it."""
    window = view.window_of(shape)
    if window is None:
        return values
    inside = np.flatnonzero((indexes[0] >= window[0]) & (indexes[0] < window[1]))
    indexes[0] = indexes[0][inside]
    return taken(values, inside, 0)


def taken(values: torch.Tensor, places: Place, axis: int) -> torch.Tensor:
    """The places of one axis; a view when they are neighbours."""
    stretch = stretch_of(places)
    if stretch is not None:
        return values.narrow(axis, *stretch)
    return values.index_select(axis, on_device(places, values.device))


def stretch_of(places: Place) -> tuple[int, int] | None:
    """Where the places begin and how many they are, when they are neighbours; else None."""
    if not places.size:
        return 0, 0
    if int(places[-1]) - int(places[0]) + 1 != places.size:
        return None
    return int(places[0]), places.size


def on_device(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """The array as a tensor on the device, without waiting for it."""
    tensor = torch.from_numpy(np.array(array))
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def _share(places: Place, shares: int, number: int) -> Place:
    """One of nearly equal shares, as ``torch.chunk`` deals them out; the last may be empty."""
    size = -(-places.size // shares)
    return places[number * size : (number + 1) * size]


def _summed(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor with every sum made, each process getting a part of it."""
    placements = getattr(tensor, "placements", ())
    if not any(placement.is_partial() for placement in placements):
        return tensor
    from torch.distributed.tensor import Replicate, Shard

    made = [
        (Shard(0) if tensor.dim() else Replicate()) if placement.is_partial() else placement
        for placement in placements
    ]
    summed: torch.Tensor = tensor.redistribute(placements=made)  # type: ignore[attr-defined]
    return summed
