"""One block of weights reduced where it lies: bucket counts, and sums and extremes by neuron.

What is counted and compared is the numbers' bits, so buckets, zeros, extremes and what is not
finite are exact, also where the processor takes denormal numbers for zero, as XLA's CPU does.
Without ``jax_enable_x64`` JAX has no float64, so the sums are taken in float32 of weights that are
scaled by a power of two, neuron by neuron, and centred on their mean; they are added up as a tree.
The norm and the standard deviation are then within 2⁻²⁰ of their size of what float64 gives, and
the mean within 2⁻²⁰ of the root mean square, for a million incoming weights and whatever the
outliers: nothing large is subtracted from anything large. (Of a neuron whose weights are all below
2⁻¹²⁶ the sums are zero where denormals are.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from nnviz_tb.layers import Array
from nnviz_tb.statistics.histogram import BUCKETS, NAN_BUCKET, SHIFT

_ROWS_ADDED = 16
"""In one pass."""
_HALF_BITS = 16


@dataclass(frozen=True)
class _Format:
    """How the bits of a float of the width in which sums are taken are laid out."""

    unsigned: Any
    signed: Any
    mantissa_bits: int
    bias: int

    @property
    def infinity(self) -> int:
        """Bits of infinity."""
        return (2 * self.bias + 1) << self.mantissa_bits

    @property
    def magnitude(self) -> int:
        """All bits but the sign."""
        return int(np.iinfo(self.signed).max)


_FLOAT32 = _Format(np.uint32, np.int32, 23, 127)
_FLOAT64 = _Format(np.uint64, np.int64, 52, 1023)


class Block(NamedTuple):
    """What is found out about ``[rows, neurons]`` on one device.

    Attributes:
      counts: ``uint32[2, 4096]`` lower and upper 16 bits of the number of weights in each bucket,
        so that those of many devices add up.
      zero_count: ``uint32[2]`` the same of the weights that are zero.
      neurons: see :class:`Neurons`.
    """

    counts: Any
    zero_count: Any
    neurons: Neurons


class Squares(NamedTuple):
    """How far neurons went, ``[neurons]`` each.

    Attributes:
      exponent: of the power of two that the weights were divided by.
      moved, length: ‖now − before‖² and ‖before‖² after that.
    """

    exponent: Any
    moved: Any
    length: Any


class Neurons(NamedTuple):
    """Sums over the finite weights of each neuron of a block, ``[neurons]`` each.

    Attributes:
      count: how many there are.
      exponent: of the power of two that the weights were divided by.
      pivot: what was subtracted after that, about their mean.
      first, second: sum and sum of squares of what remained.
      low, high: the smallest and the largest, as the bits of a float in an order in which integers
        compare alike, or as they are when they are integers; meaningless where there is none.
    """

    count: Any
    exponent: Any
    pivot: Any
    first: Any
    second: Any
    low: Any
    high: Any


def reduce_block(block: Any) -> Block:
    """The reduction of ``[rows, neurons]``, at least one row; traceable.

    Args:
      block: real numbers of any dtype that JAX has.
    """
    if not jnp.issubdtype(block.dtype, jnp.floating):
        block = block.astype(_whole_bytes(block.dtype))
    narrow, wide = _as_floats(block)
    bits = lax.bitcast_convert_type(narrow, jnp.uint32)
    nan = (bits & jnp.uint32(_FLOAT32.magnitude)) > _FLOAT32.infinity
    bucket = jnp.where(nan, jnp.uint32(NAN_BUCKET), bits >> SHIFT)
    counts = jnp.zeros(BUCKETS, jnp.uint32).at[bucket.reshape(-1)].add(jnp.uint32(1))
    is_float = jnp.issubdtype(block.dtype, jnp.floating)
    zeros = _magnitude(wide) == 0 if is_float else block == 0
    zero_count = jnp.sum(zeros, dtype=jnp.uint32)
    low, high = _extremes(wide if is_float else block)
    return Block(_halves(counts), _halves(zero_count), _moments(wide, low, high))


def as_float32(values: Any) -> Any:
    """The numbers as float32, rounded where they do not fit, bit for bit where they do."""
    if not jnp.issubdtype(values.dtype, jnp.floating):
        values = values.astype(_whole_bytes(values.dtype))
    return _as_floats(values)[0]


def _has_float64() -> bool:
    return bool(jax.dtypes.canonicalize_dtype(np.float64) == np.float64)


def _whole_bytes(dtype: Any) -> Any:
    """The dtype, or an integer that holds its numbers: int4 and bool are none to compute with."""
    if dtype == jnp.bool_:
        return jnp.uint8
    return jnp.int8 if dtype.name in ("int2", "int4", "uint2", "uint4") else dtype


def _as_floats(block: Any) -> tuple[Any, Any]:
    """As float32 by whose bits it is counted, and as what the sums are taken of."""
    dtype = block.dtype
    if dtype == jnp.bfloat16:
        # Converting would lose its denormals; they are the same bits.
        bits = lax.bitcast_convert_type(block, jnp.uint16).astype(jnp.uint32) << 16
        narrow = lax.bitcast_convert_type(bits, jnp.float32)
        return narrow, narrow
    narrow = block.astype(jnp.float32)
    if dtype == jnp.float64:
        largest = jnp.float32(np.finfo(np.float32).max)
        overflowed = jnp.isinf(narrow) & jnp.isfinite(block)
        return jnp.where(overflowed, jnp.where(block > 0, largest, -largest), narrow), block
    wide = jnp.issubdtype(dtype, jnp.integer) and dtype.itemsize > 2 and _has_float64()
    return narrow, block.astype(jnp.float64) if wide else narrow


def _format(values: Any) -> _Format:
    return _FLOAT64 if values.dtype == jnp.float64 else _FLOAT32


def _magnitude(values: Any) -> Any:
    form = _format(values)
    return lax.bitcast_convert_type(values, form.unsigned) & form.unsigned(form.magnitude)


def _is_finite(values: Any) -> Any:
    return _magnitude(values) < _format(values).infinity


def _extremes(values: Any) -> tuple[Any, Any]:
    if not jnp.issubdtype(values.dtype, jnp.floating):
        return values.min(axis=0), values.max(axis=0)
    form, finite = _format(values), _is_finite(values)
    key = _ordered(lax.bitcast_convert_type(values, form.signed), form)
    limits = np.iinfo(form.signed)
    low = jnp.where(finite, key, limits.max).min(axis=0)
    return low, jnp.where(finite, key, limits.min).max(axis=0)


def _ordered(bits: Any, form: _Format) -> Any:
    """Integers that compare as the floats of these bits do; its own inverse."""
    return (bits < 0) * form.signed(form.magnitude) ^ bits


def _moments(values: Any, low: Any, high: Any) -> Neurons:
    finite = _is_finite(values)
    exponent, power = _power(jnp.where(finite, _magnitude(values), 0).max(axis=0), values.dtype)
    scaled = jnp.where(finite, values * power, 0)
    count = jnp.sum(finite, axis=0, dtype=jnp.uint32)
    pivot = sum_rows(scaled) / jnp.maximum(count, 1).astype(values.dtype)
    centred = jnp.where(finite, scaled - pivot, 0)
    return Neurons(
        count, exponent, pivot, sum_rows(centred), sum_rows(centred * centred), low, high
    )


def squares_of_change(now: Any, before: Any) -> Squares:
    """How far the neurons of ``float32[rows, neurons]`` went; NaN where one is not finite."""
    largest = jnp.maximum(
        *(jnp.where(_is_finite(one), _magnitude(one), 0).max(axis=0) for one in (now, before))
    )
    exponent, power = _power(largest, now.dtype)
    moved, start = now * power - before * power, before * power
    return Squares(exponent, sum_rows(moved * moved), sum_rows(start * start))


def _power(largest: Any, dtype: Any) -> tuple[Any, Any]:
    """The exponent of a power of two about as large as the bits say, and the power's inverse."""
    form = _FLOAT64 if dtype == jnp.float64 else _FLOAT32
    top = (largest >> form.mantissa_bits).astype(jnp.int32)
    # One less than the largest: what is multiplied with must itself be no denormal number.
    exponent = jnp.minimum(top - form.bias, form.bias - 1)
    bits = (form.bias - exponent).astype(form.unsigned) << form.mantissa_bits
    return exponent, lax.bitcast_convert_type(bits, dtype)


def sum_rows(values: Any) -> Any:
    """Over the rows, as a tree of pairs."""
    while values.shape[0] > 1:
        rows = -(-values.shape[0] // _ROWS_ADDED) * _ROWS_ADDED
        padded = jnp.pad(values, ((0, rows - values.shape[0]), (0, 0)))
        values = padded.reshape(-1, _ROWS_ADDED, values.shape[1])
        # In pairs here too, and all of it in one pass: summing one by one rounds as many times.
        while values.shape[1] > 1:
            half = values.shape[1] // 2
            values = values[:, :half] + values[:, half:]
        values = values[:, 0]
    return values[0]


def _halves(counts: Any) -> Any:
    return jnp.stack([counts & ((1 << _HALF_BITS) - 1), counts >> _HALF_BITS])


def as_numbers(extremes: Array, dtype: Any) -> NDArray[np.float64]:
    """The smallest or the largest weights that :func:`reduce_block` found, as numbers.

    Args:
      extremes: ``low`` or ``high``, in host memory.
      dtype: of the block.
    """
    if jnp.issubdtype(dtype, jnp.floating):
        form = _FLOAT64 if dtype == jnp.float64 else _FLOAT32
        float_type = np.dtype(f"f{extremes.dtype.itemsize}")
        extremes = np.where(extremes < 0, extremes ^ form.signed(form.magnitude), extremes)
        extremes = extremes.view(float_type)
    return np.asarray(extremes, np.float64)
