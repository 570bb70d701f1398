"""Tensors on an accelerator, or in pieces in several processes, that are reduced where they lie.

All tensors of one logged step are read together by one :class:`StepReading`: each process reduces
its pieces, on the device where they are; two collectives merge the sums of all of them, and a third
their spreads, once the means are known; then one copy brings the result to the host, while nobody
waits for it. No weight is gathered. What moves besides sums is what is recorded as it is: the
sampled raw weights, biases, and arrays of up to 1024 entries, whose quantiles are exact.

Every process wants the same, or else what the first one wants is done. See
:mod:`nnviz_tb.adapters.torch.processes` for how they agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnviz_tb.adapters.torch.axis_view import NO_NEURONS, AxisView
from nnviz_tb.adapters.torch.merging import Numbers, OnTheWay, merge
from nnviz_tb.adapters.torch.parts import Part, part_of
from nnviz_tb.adapters.torch.pieces import Piece, is_on_accelerator, piece_of
from nnviz_tb.adapters.torch.processes import is_distributed, is_first_process, processes
from nnviz_tb.adapters.torch.tensors import is_sharded, to_numpy
from nnviz_tb.errors import NnvizError
from nnviz_tb.layers import Array, DistantArray, Found, Wanted
from nnviz_tb.statistics.histogram import BUCKETS
from nnviz_tb.statistics.reduction import Sums
from nnviz_tb.statistics.sketch import scaled
from nnviz_tb.statistics.stats import ratio_of_squares, statistics_of_sums

Way = tuple[NDArray[np.float64], float]


def is_distant(tensor: torch.Tensor) -> bool:
    """Whether the tensor does not lie in this process's memory, or not whole."""
    return is_on_accelerator(tensor) or is_sharded(tensor)


def array_of(
    tensor: torch.Tensor, view: Callable[[Array], Array], key: str, reading: StepReading
) -> Array | DistantArray:
    """The tensor in a view: as NumPy where it lies here and whole, else left where it lies.

    Args:
      tensor: of real or complex numbers; complex ones are moved, and of sharded ones it is the
        shard, as it is where the view does not tell which axes are which.
      view: of the tensor.
      key: tells the array apart from the others of the step, alike in every process.
      reading: of the step.
    """
    if isinstance(view, AxisView) and is_distant(tensor) and not tensor.is_complex():
        fan_in, neurons = view.shape_of(tuple(tensor.shape))
        shape: tuple[int, ...] = (fan_in, neurons)
        if view.flat:
            shape = (neurons,)
        elif view is NO_NEURONS:
            shape = tuple(tensor.shape)
        return TorchArray(key, tensor, view, shape, reading)
    values = to_numpy(tensor)
    return values if view is NO_NEURONS else view(values)


class TorchArray(DistantArray):
    """A tensor that does not lie here, or not whole.

    Args:
      key: tells it apart from the other arrays of the step, alike in every process.
      tensor: on an accelerator, or a DTensor.
      view: of it.
      shape: see :class:`nnviz_tb.layers.DistantArray`.
      reading: of the step.

    Raises:
      ValueError: it is sharded in a way that is not known.
    """

    def __init__(
        self,
        key: str,
        tensor: torch.Tensor,
        view: AxisView,
        shape: tuple[int, ...],
        reading: StepReading,
    ) -> None:
        self.key = key
        self.shape = shape
        self.dtype = tensor.dtype
        self.piece: Piece | None = piece_of(tensor, view)
        self.wanted: Wanted | None = None
        self._reading = reading
        reading.add(self, shared=is_sharded(tensor))

    @property
    def writes(self) -> bool:  # type: ignore[override]
        """Whether this process is the one that writes."""
        return self._reading.writes

    def want(self, wanted: Wanted) -> None:
        """Notes what is wanted at this step."""
        self.wanted = wanted

    def begin(self) -> None:
        """Begins all that was wanted of the arrays of this step."""
        self._reading.begin()

    def is_ready(self) -> bool:
        """Whether :meth:`found` would not wait."""
        return self._reading.is_ready()

    def found(self) -> Found:
        """The answers; waits for them where they are under way."""
        return self._reading.found(self.key)


@dataclass(frozen=True, eq=False)
class _Entry:
    """What is to be found out about one array; of the same content in every process."""

    key: str
    update: str | None
    followed: NDArray[np.int64] | None
    sketched: NDArray[np.int64] | None
    rows: NDArray[np.int64] | None
    neurons: NDArray[np.int64] | None
    seed: int

    @classmethod
    def of(cls, array: TorchArray, wanted: Wanted) -> _Entry:
        update = wanted.update.key if isinstance(wanted.update, TorchArray) else None
        indexes = (wanted.followed, wanted.sketched, wanted.rows, wanted.neurons)
        return cls(array.key, update, *indexes, wanted.seed)

    def to_bytes(self) -> bytes:
        indexes = (self.followed, self.sketched, self.rows, self.neurons)
        told = [b"-" if index is None else index.tobytes() for index in indexes]
        return b"\0".join([repr((self.key, self.update, self.seed)).encode(), *told])

    def wanted(self, kept: Any) -> Wanted:
        return Wanted(self.followed, kept, self.sketched, self.rows, self.neurons, None, self.seed)


class StepReading:
    """The distant tensors of one model at one step.

    Attributes:
      shared: some of them lie in several processes, all of which take part.
    """

    def __init__(self, shared: bool = False) -> None:
        self.shared = shared
        self._arrays: dict[str, TorchArray] = {}
        self._begun = False
        self._failure: Exception | None = None
        self._entries: list[_Entry] = []
        self._parts: list[Part] = []
        self._on_the_way: list[OnTheWay] = []
        self._found: dict[str, Found] | None = None

    @property
    def begun(self) -> bool:
        """Whether the processes have been told what is wanted."""
        return self._begun

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes."""
        return not self.shared or is_first_process()

    def add(self, array: TorchArray, shared: bool) -> None:
        """Takes in an array; its key may not have been used."""
        if array.key in self._arrays:
            raise ValueError(f"{array.key!r} is an array of this step already")
        self._arrays[array.key] = array
        self.shared = self.shared or (shared and is_distributed())

    @property
    def has_arrays(self) -> bool:
        """Whether any tensor of this step is distant."""
        return bool(self._arrays)

    def begin(self) -> None:
        """Has everything computed that the arrays want; what goes wrong, ``found`` raises."""
        if self._begun:
            return
        self._begun = True
        try:
            self._read()
        except Exception as error:
            self._failure = error
        # The copies of gradients and of updates are not needed any more.
        for array in self._arrays.values():
            array.piece = None

    def is_ready(self) -> bool:
        """Whether everything that was begun is there."""
        return all(some.is_there() for some in self._on_the_way)

    def found(self, key: str) -> Found:
        """The answers about an array.

        Raises:
          NnvizError: nothing was wanted of it, or another process could not go on.
          Exception: what else went wrong.
        """
        self.begin()
        numbers: dict[int, Numbers] = {}
        if self._found is None:
            for some in self._on_the_way:
                numbers.update(some.numbers())
        if self._failure is not None:
            raise self._failure
        if self._found is None:
            self._found = {
                entry.key: _found_in(numbers[place], entry, part)
                for place, (entry, part) in enumerate(zip(self._entries, self._parts, strict=True))
            }
        if key not in self._found:
            raise NnvizError(f"the first process wants nothing of {key!r}")
        return self._found[key]

    def _read(self) -> None:
        arrays = [(a, a.wanted) for a in self._arrays.values() if a.wanted is not None]
        entries = [_Entry.of(array, wanted) for array, wanted in arrays]
        if not self.shared:
            self._parts = self._local_parts(entries)
            self._entries = entries
            self._on_the_way = merge(self._parts)
            return
        everyone = processes()
        told = b"\1".join(entry.to_bytes() for entry in entries)
        if not everyone.agree(told):
            entries = everyone.first_ones_object(entries)
        failure: Exception | None = None
        parts: list[Part] = []
        try:
            parts = self._local_parts(entries)
        except Exception as error:
            failure = error
        try:
            everyone.confirm(failure is None)
        except NnvizError as error:
            raise failure or error from failure
        self._entries, self._parts = entries, parts
        self._on_the_way = merge(parts)

    def _local_parts(self, entries: list[_Entry]) -> list[Part]:
        parts = []
        with torch.no_grad():
            for entry in entries:
                array = self._arrays[entry.key]
                update = None if entry.update is None else self._arrays[entry.update].piece
                assert array.piece is not None
                kept = None if array.wanted is None else array.wanted.kept
                parts.append(part_of(array.piece, entry.wanted(kept), update))
        return parts


def _found_in(numbers: Numbers, entry: _Entry, part: Part) -> Found:
    """The answers that the numbers over all pieces give."""
    sums = Sums(numbers["mean"])
    sums.count = numbers["count"].astype(np.int64)
    sums.second = numbers["spread"]
    sums.high, sums.low = numbers["largest"][0], -numbers["largest"][1]
    sums.counts = np.rint(numbers["counts"][:BUCKETS]).astype(np.int64)
    sums.zero_count = int(numbers["zero_count"][0])
    with np.errstate(all="ignore"):
        statistics = statistics_of_sums(sums, numbers.get("every"))
        displacement, distance = _ways(numbers)
    sketch, entries = numbers.get("sketch"), numbers.get("entries")
    return Found(
        statistics,
        displacement,
        distance,
        part.kept,
        None if sketch is None else scaled(sketch),
        None if entries is None else entries.astype(np.float32),
        _norm(numbers.get("update")),
        _norm(numbers.get("before")),
    )


def _ways(numbers: Numbers) -> tuple[Way | None, Way | None]:
    """Displacement and distance of the followed neurons."""
    if "known" not in numbers:
        return None, None
    known, unknown = numbers["known"]
    if not unknown:
        moved, gone = numbers["displacement"], numbers["distance"]
        return ratio_of_squares(moved[:, 0], moved[:, 1]), ratio_of_squares(gone[:, 0], gone[:, 1])
    # The first step is where the distance begins.
    return None, (np.zeros(len(numbers["distance"])), 0.0) if not known else None


def _norm(squares: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    if squares is None:
        return None
    norm: NDArray[np.float64] = np.where(squares[:, 1] > 0, np.sqrt(squares[:, 0]), np.nan)
    return norm
