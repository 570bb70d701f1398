"""Short projections of weight vectors, from which the reader makes paths and finds twins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.sampling import hash64
from nnviz_tb.schema import SKETCH_DIMENSIONS
from nnviz_tb.statistics import engine
from nnviz_tb.statistics.blocks import Array, is_plain_float32, kernel_view, tiles

_UINT64 = 0xFFFFFFFFFFFFFFFF


def sketch(kernel: Any, seed: int = 0) -> NDArray[np.float32]:
    """``float32[neurons, 8]`` random projection of each neuron's weight vector.

    Lengths and distances are kept on average: E‖sketch‖² = ‖w‖². Every incoming weight has eight
    fixed signs, the bits of one hashed byte, so sketches of other steps and runs compare. Weights
    that are not finite count as zero.

    Args:
      kernel: ``[fan_in, neurons]`` of any real dtype and strides, as the tracked neurons' columns.
      seed: of the signs.

    Raises:
      StatsError: it has another number of axes, or does not hold real numbers.

    Source: Achlioptas, "Database-friendly random projections" (2003).
    """
    view = kernel_view(kernel)
    projected = np.zeros((view.shape[1], SKETCH_DIMENSIONS))
    add_projection(view, 0, seed, projected)
    return scaled(projected)


def add_projection(view: Array, start: int, seed: int, projected: NDArray[np.float64]) -> None:
    """Adds what some of the incoming weights contribute to :func:`scaled`'s argument.

    Args:
      view: ``[rows, neurons]`` of the kernel.
      start: which incoming weight the first row is.
      seed: of the signs.
      projected: ``float64[neurons, 8]``, zero before the first rows.
    """
    if engine.compiled is not None and is_plain_float32(view):
        # The signs are hashed from the sum of both.
        engine.compiled.sketch(view, (seed + start) & _UINT64, projected)
        return
    for rows, columns in tiles(view):
        block = view[rows, columns].astype(np.float64)
        np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        projected[columns] += block.T @ _signs(start + rows.start, start + rows.stop, seed)


def scaled(projected: NDArray[np.float64]) -> NDArray[np.float32]:
    """The sketch from the sums of ``float64[neurons, 8]`` signed weights."""
    limit = np.finfo(np.float32).max
    bounded = np.clip(projected / np.sqrt(SKETCH_DIMENSIONS), -limit, limit)
    sketched: NDArray[np.float32] = bounded.astype(np.float32)
    return sketched


def sign_bytes(start: int, stop: int, seed: int) -> NDArray[np.uint8]:
    """``uint8[stop - start]`` of a range of incoming weights: bit ``d`` is its sign in dimension d.

    A set bit is a plus. For code that projects weights where they lie.
    """
    byte = hash64(np.arange(start, stop, dtype=np.uint64), seed) & np.uint64(0xFF)
    signs: NDArray[np.uint8] = byte.astype(np.uint8)
    return signs


def _signs(start: int, stop: int, seed: int) -> NDArray[np.float64]:
    """``float64[stop - start, 8]`` of ±1 for a range of incoming weights."""
    byte = sign_bytes(start, stop, seed)
    bits = np.unpackbits(byte[:, np.newaxis], axis=1, bitorder="little")
    return bits.astype(np.float64) * 2.0 - 1.0
