"""Arrays on accelerators, and arrays that are sharded: reduced where they lie.

What is wanted is put in the devices' queues and its answers are sent to the host as they come, so
that nothing waits until they are asked for. Every process of a training on several hosts takes part
in the same programs in the same order; the first one writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from nnviz_tb.adapters.jax import meshes, ways
from nnviz_tb.adapters.jax.meshes import Axes, Layout
from nnviz_tb.adapters.jax.partial_sums import counts_of, put_together, rows_of
from nnviz_tb.adapters.jax.reduction import Block, Squares
from nnviz_tb.adapters.jax.shards import as_numpy, is_in_host_memory, sums_of_shards
from nnviz_tb.layers import Array, DistantArray, Found, Wanted
from nnviz_tb.statistics import sketch, stats
from nnviz_tb.statistics.reduction import Sums

_MOVED_SHARDED = 1024
"""So few entries are moved, because their quantiles are exact everywhere."""
_MOVED_WHOLE = 1 << 14
"""As many bytes as the bucket counts and their like, and one copy in place of several programs."""


def lies_elsewhere(value: jax.Array) -> bool:
    """Whether an array is to be reduced where it is: it is not all in this host's memory."""
    return not is_in_host_memory(value) or not (
        len(value.sharding.device_set) == 1 or value.is_fully_replicated
    )


def is_laid_out(value: jax.Array) -> bool:
    """Whether there is a layout by which programs can be written over the array."""
    return Layout.of(value, ()) is not None


@dataclass(frozen=True, eq=False)
class _Kept:
    """What the next step is compared with.

    Attributes:
      layout: of the array that they are of.
      followed: neurons.
      first, previous: their weights: :class:`ways.Columns`, or ``float32[fan_in, followed]``.
    """

    layout: Layout
    followed: NDArray[np.int64]
    first: Any
    previous: Any


class Located(DistantArray):
    """A JAX array, and which of its axes are neurons.

    Attributes:
      dtype: of the entries.
      shape: see :class:`nnviz_tb.layers.DistantArray`.
    """

    def __init__(
        self, value: jax.Array, neuron_axes: Axes = (), shape: tuple[int, ...] | None = None
    ) -> None:
        layout = Layout.of(value, neuron_axes)
        if layout is None:
            raise TypeError(f"an array with {value.sharding} has no mesh")
        self._value: jax.Array | None = value
        self._own_shape = tuple(value.shape)
        self.dtype = np.dtype(value.dtype)
        self.shape = tuple(value.shape) if shape is None else shape
        self.writes = jax.process_index() == 0
        self.may_be_late = not is_in_host_memory(value)
        self._layout = layout
        self._wanted = Wanted()
        self._under_way: dict[str, Any] | None = None
        self._sums: Sums | None = None
        self._columns: ways.Columns | None = None
        self._found: Found | None = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def value(self) -> jax.Array:
        """The array, until it is being read."""
        if self._value is None:
            raise RuntimeError("the array has been read")
        return self._value

    def matrix(self, neuron_axes: Axes) -> Located:
        """The same as ``[fan_in, neurons]``."""
        neurons = int(np.prod([self.value.shape[axis] for axis in neuron_axes], dtype=np.int64))
        return Located(self.value, neuron_axes, (self.size // max(1, neurons), neurons))

    def vector(self) -> Located:
        """The same as ``[neurons]``."""
        return Located(self.value, tuple(range(self.value.ndim)), (self.size,))

    @property
    def can_be_cut(self) -> bool:
        """Whether an entry of the first axis lies on the devices as the whole does."""
        return not self._layout.names[0]

    def __getitem__(self, index: int) -> Located:
        """One entry of the first axis; its devices copy their parts of it."""
        return Located(_entry(self.value, np.int32(index)))

    def want(self, wanted: Wanted) -> None:
        """See :class:`nnviz_tb.layers.DistantArray`."""
        self._wanted, self._under_way, self._found = wanted, None, None

    def begin(self) -> None:
        """See :class:`nnviz_tb.layers.DistantArray`."""
        if self._under_way is not None:
            return
        if self._is_moved:
            self._under_way = {"copy": meshes.copy(self._layout)(self.value)}
            if isinstance(self._wanted.update, Located):
                update = self._wanted.update
                self._under_way["update"] = meshes.copy(update._layout)(update.value)
        else:
            self._under_way = self._programs()
        for answer in jax.tree.leaves(self._under_way):
            answer.copy_to_host_async()
        # All is in the queues, and what is not needed there need not be kept for us any longer.
        self._value = None

    def is_ready(self) -> bool:
        """See :class:`nnviz_tb.layers.DistantArray`."""
        return all(answer.is_ready() for answer in jax.tree.leaves(self._under_way or {}))

    def found(self) -> Found:
        """See :class:`nnviz_tb.layers.DistantArray`."""
        if self._found is None:
            self.begin()
            answers = jax.device_get(self._under_way)
            self._found = self._of_copy(**answers) if self._is_moved else self._of_answers(answers)
            self._under_way = {}
        return self._found

    @property
    def _is_moved(self) -> bool:
        return self.size <= (_MOVED_WHOLE if self._layout.mesh is None else _MOVED_SHARDED)

    def _is_comparable(self, kept: Any) -> bool:
        """Whether the same neurons were followed, on the same devices."""
        followed = self._wanted.followed
        return (
            isinstance(kept, _Kept)
            and followed is not None
            and kept.layout == self._layout
            and np.array_equal(kept.followed, followed)
        )

    def _programs(self) -> dict[str, Any]:
        """Everything that is wanted, in the devices' queues."""
        wanted, layout, value = self._wanted, self._layout, self.value
        answers: dict[str, Any] = {}
        if is_in_host_memory(value):
            self._sums = sums_of_shards(value, layout, self._view_shape)
        else:
            answers["block"] = meshes.reduction(layout)(value)
        if wanted.followed is not None:
            self._columns = ways.columns_of(value, layout, wanted.followed)
            kept = wanted.kept
            if self._is_comparable(kept):
                change, now = ways.change(layout), self._columns.values
                answers["distance"] = change(now, kept.first.values)
                answers["displacement"] = change(now, kept.previous.values)
        if wanted.sketched is not None:
            columns = ways.columns_of(value, layout, wanted.sketched)
            fan_in = [value.shape[axis] for axis in layout.fan_in_axes]
            signs = _signs(self._view_shape[0], wanted.seed).reshape(fan_in)
            answers["sketch"] = ways.projection(layout)(columns.values, signs)
            self._sketched = columns.neurons
        if wanted.rows is not None and wanted.neurons is not None:
            rows, neurons = (index.astype(np.int32) for index in (wanted.rows, wanted.neurons))
            answers["entries"] = meshes.entries(layout)(value, rows, neurons)
        if isinstance(wanted.update, Located):
            update = wanted.update.value
            before = _difference(value.sharding)(value, update)
            answers["update"] = meshes.reduction(wanted.update._layout)(update)
            answers["before"] = meshes.reduction(layout)(before)
        return answers

    @property
    def _view_shape(self) -> tuple[int, int]:
        sizes = [self._own_shape[axis] for axis in self._layout.neuron_axes]
        neurons = int(np.prod(sizes, dtype=np.int64))
        return self.size // max(1, neurons), neurons

    def _of_answers(self, answers: dict[str, Any]) -> Found:
        wanted = self._wanted
        if "block" in answers:
            self._sums = self._sums_of(answers["block"], self.dtype)
        assert self._sums is not None
        found = Found(stats.statistics_of_sums(self._sums))
        self._sums = None
        if wanted.followed is not None and self._columns is not None:
            now, kept = self._columns, wanted.kept
            known = "distance" in answers
            count = wanted.followed.size
            found = replace(
                found,
                kept=_Kept(self._layout, wanted.followed, kept.first if known else now, now),
                distance=_way(answers["distance"], now) if known else (np.zeros(count), 0.0),
                displacement=_way(answers["displacement"], now) if known else None,
            )
            self._columns = None
        if "sketch" in answers:
            projected = answers["sketch"].astype(np.float64).sum(axis=0)
            order = _positions(self._sketched)
            found = replace(found, sketch=sketch.scaled(projected[order]))
        if isinstance(wanted.update, Located):
            norms = {
                name: self._sums_of(answers[name], dtype).moments()[0]
                for name, dtype in (("update", wanted.update.dtype), ("before", np.float32))
            }
            found = replace(found, update_norm=norms["update"], norm_before=norms["before"])
        return replace(found, entries=answers.get("entries"))

    def _sums_of(self, block: Block, dtype: Any) -> Sums:
        return put_together(self._view_shape[1], rows_of(block.neurons, dtype), *counts_of(block))

    def _of_copy(self, copy: Array, update: Array | None = None) -> Found:
        """The same of an array that was moved."""
        wanted = self._wanted
        view = meshes.matrix_of(as_numpy(copy), self._layout)
        found = Found(stats.kernel_statistics(view))
        if wanted.followed is not None:
            now, kept = np.array(view[:, wanted.followed], np.float32, order="C"), wanted.kept
            known = self._is_comparable(kept)
            found = replace(
                found,
                kept=_Kept(self._layout, wanted.followed, kept.first if known else now, now),
                distance=stats.relative_change(now, kept.first if known else now),
                displacement=stats.relative_change(now, kept.previous) if known else None,
            )
        if wanted.sketched is not None:
            projected = sketch.sketch(view[:, wanted.sketched], wanted.seed)
            found = replace(found, sketch=projected)
        if wanted.rows is not None and wanted.neurons is not None:
            crossings = view[np.ix_(wanted.rows, wanted.neurons)].astype(np.float32)
            found = replace(found, entries=crossings)
        if update is not None:
            change = meshes.matrix_of(as_numpy(update), self._layout)
            wide = np.float64 if view.dtype == np.float64 else np.float32
            before = view.astype(wide) - change.astype(wide)
            norms = stats.neuron_norms(change), stats.neuron_norms(before)
            found = replace(found, update_norm=norms[0], norm_before=norms[1])
        return found


def _way(squares: Squares, columns: ways.Columns) -> tuple[NDArray[np.float64], float]:
    order = _positions(columns.neurons)
    power = np.ldexp(1.0, 2 * np.asarray(squares.exponent, np.int64))
    moved, length = (
        (np.asarray(part, np.float64) * power).sum(axis=0)[order]
        for part in (squares.moved, squares.length)
    )
    return stats.ratio_of_squares(moved, length)


def _positions(neurons: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the neurons stand, in ascending order, without places that hold none."""
    order = np.argsort(neurons, kind="stable")
    return order[neurons[order] >= 0]


@lru_cache(maxsize=256)
def _signs(fan_in: int, seed: int) -> NDArray[np.uint8]:
    return sketch.sign_bytes(0, fan_in, seed)


@jax.jit
def _entry(array: Any, index: Any) -> Any:
    return array[index]


@lru_cache(maxsize=256)
def _difference(sharding: Any) -> Any:
    """A program from an array and its update to what it was before."""

    def before(now: Any, update: Any) -> Any:
        wide = jnp.float64 if now.dtype == jnp.float64 else jnp.float32
        return now.astype(wide) - update.astype(wide)

    return jax.jit(before, out_shardings=sharding)
