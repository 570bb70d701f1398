"""The contributions of all processes put together, and brought to the host without waiting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from nnviz_tb.adapters.torch.device_samples import to_host
from nnviz_tb.adapters.torch.parts import Part

Numbers = dict[str, NDArray[np.float64]]


class OnTheWay:
    """Numbers of several arrays that a device is still working out.

    Args:
      flat: ``float64`` on the device, one array after another.
      shapes: of what it consists of, by the array's number and the name.
    """

    def __init__(self, flat: torch.Tensor, shapes: list[tuple[int, str, torch.Size]]) -> None:
        self._shapes = shapes
        self._event: Any = None
        self._host = flat
        if flat.device.type != "cpu":
            # Only a copy into pinned memory leaves the training thread alone.
            self._host = to_host(flat)
            self._event = event_on(flat.device)

    def is_there(self) -> bool:
        """Whether reading the numbers would not wait."""
        return self._event is None or bool(self._event.query())

    def numbers(self) -> dict[int, Numbers]:
        """The numbers of each array, by its number; waits for them."""
        if self._event is not None:
            self._event.synchronize()
        flat, start = self._host.numpy(), 0
        found: dict[int, Numbers] = {}
        for number, name, shape in self._shapes:
            stop = start + shape.numel()
            found.setdefault(number, {})[name] = flat[start:stop].reshape(tuple(shape))
            start = stop
        return found


class Arriving:
    """All that devices were asked for before; see :class:`nnviz_tb.layers.Arrival`."""

    def __init__(self, devices: Iterable[torch.device]) -> None:
        self._all = [OnTheWay(torch.empty(0, device=device), []) for device in devices]

    def is_ready(self) -> bool:
        """Whether all is done."""
        return all(one.is_there() for one in self._all)

    def wait(self) -> None:
        """Returns when all is done."""
        for one in self._all:
            one.numbers()


def event_on(device: torch.device) -> Any:
    """An event that is there once all is done that the device was asked for before."""
    event = getattr(torch, device.type).Event()
    event.record(getattr(torch, device.type).current_stream(device))
    return event


def merge(parts: list[Part]) -> list[OnTheWay]:
    """The numbers over all pieces of the arrays. Every process merges the same arrays, in order."""
    together: dict[Any, list[int]] = {}
    for number, part in enumerate(parts):
        key = (*map(id, part.groups), part.device)
        together.setdefault(key, []).append(number)
    return [_merge({number: parts[number] for number in some}) for some in together.values()]


def _merge(parts: dict[int, Part]) -> OnTheWay:
    """Of arrays that are spread over the same processes, and merged on one device."""
    first = next(iter(parts.values()))
    groups, device = first.groups, first.device
    named = [(number, name, value) for number, p in parts.items() for name, value in p.sums.items()]
    sums = _merged([value for _, _, value in named], groups, device, dist_op="SUM")
    bounds = _merged([p.largest for p in parts.values()], groups, device, dist_op="MAX")
    whole = {(n, name): value for (n, name, _), value in zip(named, sums, strict=True)}
    spreads, means = [], []
    for number, part in parts.items():
        mean = part.mean.to(device, non_blocking=True)
        spread = part.spread.to(device, non_blocking=True)
        if groups:
            count = part.count.to(device, non_blocking=True)
            overall = whole[number, "total"] / whole[number, "count"].clamp(min=1.0)
            # Chan, Golub & LeVeque (1979): squares about the own mean, moved to that of all.
            off = mean - overall
            spread = spread + count * off * off
            mean = overall
        spreads.append(spread)
        means.append(mean)
    spreads = _merged(spreads, groups, device, dist_op="SUM")
    made = [(number, name, value) for (number, name), value in whole.items() if name != "total"]
    for number, largest, mean, spread in zip(parts, bounds, means, spreads, strict=True):
        made += [(number, "largest", largest), (number, "mean", mean), (number, "spread", spread)]
    flat = torch.cat([value.reshape(-1) for _, _, value in made])
    return OnTheWay(flat, [(number, name, value.shape) for number, name, value in made])


def _merged(
    tensors: Iterable[torch.Tensor], groups: tuple[Any, ...], device: torch.device, dist_op: str
) -> list[torch.Tensor]:
    """Each tensor over all processes of the groups, in one collective for all of them."""
    tensors = list(tensors)
    if not groups:
        return tensors
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors]).to(device, non_blocking=True)
    for group in groups:
        dist.all_reduce(flat, getattr(dist.ReduceOp, dist_op), group=group)
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
