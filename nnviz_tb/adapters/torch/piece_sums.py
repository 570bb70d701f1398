"""Sums over the piece of an array that lies in this process, taken on the piece's own device.

Nothing here waits for the device: no number is read back, and the size of no result depends on a
value. What :mod:`nnviz_tb.statistics.reduction` computes is the definition, bit for bit in the
counts; on the CPU it is used itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nnviz_tb.adapters.torch.pieces import on_device
from nnviz_tb.adapters.torch.tensors import to_numpy
from nnviz_tb.sampling import hash64
from nnviz_tb.schema import SKETCH_DIMENSIONS
from nnviz_tb.statistics.histogram import BUCKETS, NAN_BUCKET, SHIFT
from nnviz_tb.statistics.reduction import reduce_kernel

_BLOCK_ENTRIES = 1 << 22
"""Read at a time: what is made of them in between takes some 200 MiB on the device."""

_LANES = 32
"""Tables in which neighbours are counted. Most weights are in a few buckets, and a device adds to
one place one at a time."""

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_INFINITY = float("inf")


@dataclass(frozen=True, eq=False)
class PieceSums:
    """What adds up, or is the larger of two, over the pieces of an array; float64 all of it.

    Attributes:
      counts: ``[BUCKETS]`` entries in each bucket, exact up to 2⁵³.
      zero_count: ``[1]``.
      count: ``[neurons]`` finite entries.
      mean: ``[neurons]`` of them; 0 where there are none.
      spread: ``[neurons]`` sum of their squared distances from the mean.
      low, high: ``[neurons]`` the smallest and the largest; infinite where there are none.
    """

    counts: torch.Tensor
    zero_count: torch.Tensor
    count: torch.Tensor
    mean: torch.Tensor
    spread: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor


def piece_sums(values: torch.Tensor, with_torch: bool) -> PieceSums:
    """Of a piece, ``[rows, neurons]`` of any real dtype and strides.

    Args:
      values: on any device.
      with_torch: compute where the values are; else they must be on the CPU, and compiled loops
        do it.
    """
    return _with_torch(values) if with_torch else _compiled(values)


def _compiled(values: torch.Tensor) -> PieceSums:
    sums = reduce_kernel(to_numpy(values))
    known = np.maximum(sums.count, 1)
    mean = np.where(sums.count > 0, sums.pivot + sums.first / known, 0.0) / sums.scale
    spread = np.maximum(sums.second - sums.first * sums.first / known, 0.0) / sums.scale**2
    rows = (sums.counts, [sums.zero_count], sums.count, mean, spread, sums.low, sums.high)
    return PieceSums(*(torch.from_numpy(np.array(row, np.float64)) for row in rows))


def _with_torch(values: torch.Tensor) -> PieceSums:
    neurons, device = int(values.shape[1]), values.device
    counts = torch.zeros(_LANES * BUCKETS, dtype=torch.int64, device=device)
    zero_count, count, total, spread = (
        torch.zeros(size, dtype=torch.float64, device=device) for size in (1, *[neurons] * 3)
    )
    low = torch.full_like(total, _INFINITY)
    high = torch.full_like(total, -_INFINITY)
    for rows, columns in _blocks(values):
        block = values[rows, columns]
        _count_buckets(block, counts)
        zero_count += (block == 0).sum()
        wide = block.double()
        finite = torch.isfinite(wide)
        count[columns] += finite.sum(0)
        total[columns] += torch.where(finite, wide, 0.0).sum(0)
        smallest = torch.where(finite, wide, _INFINITY).amin(0)
        largest = torch.where(finite, wide, -_INFINITY).amax(0)
        low[columns] = torch.minimum(low[columns], smallest)
        high[columns] = torch.maximum(high[columns], largest)
    mean = total / count.clamp(min=1.0)
    for rows, columns in _blocks(values):
        # A second pass about the mean, because sums of squares cancel where a neuron's weights are
        # nearly equal. The device reads faster than anybody could tell.
        off = values[rows, columns].double() - mean[columns]
        off = torch.where(torch.isfinite(off), off, 0.0)
        spread[columns] += (off * off).sum(0)
    by_bucket = counts.view(_LANES, BUCKETS).sum(0).double()
    return PieceSums(by_bucket, zero_count, count, mean, spread, low, high)


def _count_buckets(block: torch.Tensor, counts: torch.Tensor) -> None:
    narrow = block.float()
    if block.dtype == torch.float64:
        # A finite number beyond float32's range must not be counted as infinite.
        bounded = narrow.clamp(-_FLOAT32_MAX, _FLOAT32_MAX)
        narrow = torch.where(torch.isfinite(block), bounded, narrow)
    bucket = (narrow.view(torch.int32) >> SHIFT) & (BUCKETS - 1)
    bucket = bucket.masked_fill_(torch.isnan(narrow), NAN_BUCKET).reshape(-1).long()
    lanes = torch.arange(bucket.numel(), device=bucket.device).bitwise_and_(_LANES - 1)
    bucket += lanes.mul_(BUCKETS)
    counts.scatter_add_(0, bucket, torch.ones_like(bucket))


def squares(values: torch.Tensor, less: torch.Tensor | None = None) -> torch.Tensor:
    """``float64[2, neurons]`` sum of the squares of the finite entries, and how many they are.

    Args:
      values: ``[rows, neurons]``.
      less: of the same shape, subtracted first.
    """
    found = torch.zeros(2, values.shape[1], dtype=torch.float64, device=values.device)
    # Narrow floats would round the difference of two nearly equal numbers once more.
    wide = torch.float64 if values.dtype == torch.float64 else torch.float32
    for rows, columns in _blocks(values):
        entries = values[rows, columns].to(wide)
        if less is not None:
            entries = entries - less[rows, columns].to(wide)
        entries = entries.double()
        finite = torch.isfinite(entries)
        entries = torch.where(finite, entries, 0.0)
        found[0, columns] += (entries * entries).sum(0)
        found[1, columns] += finite.sum(0)
    return found


def squared_change(now: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """``float64[2, neurons]`` of ‖now − before‖² and of ‖before‖², infinite or NaN as they come."""
    found = torch.zeros(2, now.shape[1], dtype=torch.float64, device=now.device)
    for rows, columns in _blocks(now):
        start = before[rows, columns].double()
        change = now[rows, columns].double() - start
        found[0, columns] += (change * change).sum(0)
        found[1, columns] += (start * start).sum(0)
    return found


def projected(values: torch.Tensor, rows: NDArray[np.int64], seed: int) -> torch.Tensor:
    """``float64[neurons, 8]`` the part of the sketch's sums that these rows make up.

    Args:
      values: ``[rows, neurons]``.
      rows: their places among all incoming weights.
      seed: of the signs.
    """
    found = torch.zeros(
        values.shape[1], SKETCH_DIMENSIONS, dtype=torch.float64, device=values.device
    )
    hashed = (hash64(rows.astype(np.uint64), seed) & np.uint64(0xFF)).astype(np.uint8)
    byte = on_device(hashed, values.device).long().unsqueeze(1)
    bit = torch.arange(SKETCH_DIMENSIONS, device=values.device)
    signs = ((byte >> bit) & 1).double() * 2.0 - 1.0
    for part, columns in _blocks(values):
        entries = values[part, columns].double()
        entries = torch.where(torch.isfinite(entries), entries, 0.0)
        found[columns] += entries.T @ signs[part]
    return found


def _blocks(values: torch.Tensor) -> Iterator[tuple[slice, slice]]:
    """Rows and neurons of blocks that are together the whole piece, along its memory."""
    rows, neurons = values.shape
    if not rows or not neurons:
        return
    if values.stride(1) >= values.stride(0):
        height = min(rows, _BLOCK_ENTRIES)
        width = max(1, _BLOCK_ENTRIES // height)
    else:
        width = min(neurons, _BLOCK_ENTRIES)
        height = max(1, _BLOCK_ENTRIES // width)
    for column in range(0, neurons, width):
        for row in range(0, rows, height):
            yield slice(row, min(row + height, rows)), slice(column, min(column + width, neurons))
