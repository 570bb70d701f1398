"""Rows and listings of TensorBoard's own two data providers, before they expand any tensor.

``read_tensors`` turns every row into an array of the shape that the row declares, however large
that is: twenty bytes of a damaged or hostile log become as many gigabytes as they like. Nor can it
read one row without expanding all of them, and NumPy's part of that is two thirds of the time of a
cold overview. So the two providers that TensorBoard ships are asked one layer below, for the stored
tensors; :class:`StoredRow` then checks before it expands. Any other provider, one derived from
these included, and these where a release has changed them, are asked through the public interface;
a test says so when a release has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto import types_pb2

from nnviz_tb.errors import SchemaError

_MULTIPLEXED = "tensorboard.backend.event_processing.data_provider.MultiplexerDataProvider"
_GRPC = "tensorboard.data.grpc_provider.GrpcDataProvider"

_DTYPES: dict[int, tuple[np.dtype[Any], str]] = {
    types_pb2.DT_FLOAT: (np.dtype("<f4"), "float_val"),
    types_pb2.DT_INT32: (np.dtype("<i4"), "int_val"),
}
"""The two that the schema knows, and where a tensor keeps them when not in ``tensor_content``."""

_step, _wall_time = attrgetter("step"), attrgetter("wall_time")


class StoredRow:
    """One row as it is stored; expanded, and checked, when :attr:`numpy` is asked for."""

    __slots__ = ("_tensor", "step", "wall_time")

    def __init__(self, step: int, wall_time: float, tensor: Any) -> None:
        self.step, self.wall_time, self._tensor = step, wall_time, tensor

    @property
    def numpy(self) -> NDArray[Any]:
        """The row, read-only; a single value that stands for many takes no memory for them.

        Raises:
          SchemaError: it is of another type, or contradicts itself.
        """
        return array_of(self._tensor)


def array_of(tensor: Any) -> NDArray[Any]:
    """A ``TensorProto`` of float32 or int32 as a read-only array.

    Raises:
      SchemaError: another type, or a shape that the stored values do not fill.
    """
    known = _DTYPES.get(tensor.dtype)
    if known is None:
        raise SchemaError(f"a row of {_name_of(tensor.dtype)}, not float32 or int32")
    dtype, field = known
    shape = tuple([axis.size for axis in tensor.tensor_shape.dim])
    count = math.prod(shape)
    if len(shape) > 32 or count < 0 or any(size < 0 for size in shape):
        raise SchemaError("a row of a shape that does not exist")
    content = tensor.tensor_content
    if content:
        if len(content) != count * dtype.itemsize:
            raise SchemaError(f"a row of {len(content)} bytes for {count} numbers")
        return np.frombuffer(content, dtype).reshape(shape)
    listed = getattr(tensor, field)
    if len(listed) == count:
        values = np.array(listed, dtype).reshape(shape)
        values.flags.writeable = False
        return values
    if len(listed) != 1:
        raise SchemaError(f"a row of {len(listed)} values for {count} numbers")
    try:
        return np.broadcast_to(np.array(listed[0], dtype), shape)
    except ValueError:
        raise SchemaError("a row of a shape that no memory holds") from None


def _name_of(dtype: int) -> str:
    name = types_pb2.DataType.Name(dtype) if dtype in types_pb2.DataType.values() else "DT_?"
    return {"DT_DOUBLE": "float64", "DT_HALF": "float16"}.get(name, name[3:].lower())


Rows = Mapping[str, Sequence[StoredRow]]


class Listed(NamedTuple):
    """What TensorBoard says about one tag without reading it.

    It changes whenever a row is added, replaced or dropped, unless the row lies below the largest
    step and is older than the latest: a run resumed on a machine whose clock is behind.

    Attributes:
      last_step, last_wall_time: the largest it holds; 0 while it holds none. A wall time that is
        not finite counts as 0, so that equal rows compare equal.
      content: the bytes of our metadata, not yet checked; empty for scalars.
    """

    last_step: int
    last_wall_time: float
    content: bytes


def beneath(provider: Any) -> Multiplexed | Remote | None:
    """What stands below a provider; None where only its public interface may be used."""
    kind = f"{type(provider).__module__}.{type(provider).__qualname__}"
    if kind == _MULTIPLEXED and hasattr(provider, "_multiplexer"):
        return Multiplexed(provider._multiplexer)
    if kind == _GRPC and hasattr(provider, "_stub"):
        return Remote(provider._stub)
    return None


class Multiplexed:
    """The Python reader's multiplexer. What it lists is found by looking at every row it holds."""

    def __init__(self, multiplexer: Any) -> None:
        self._multiplexer = multiplexer
        self._known: dict[tuple[str, str], tuple[int, Any, Listed]] = {}

    def rows(self, experiment: str, plugin: str, run: str, tags: Sequence[str], limit: int) -> Rows:
        """``{tag: rows}``; all rows of a tag that has more than ``limit``, the last one for 1."""
        found = {}
        for tag in tags:
            try:
                metadata = self._multiplexer.SummaryMetadata(run, tag)
                events = self._multiplexer.Tensors(run, tag)
            except KeyError:
                continue
            if metadata.plugin_data.plugin_name == plugin:
                kept = events[-1:] if limit == 1 else events
                found[tag] = [StoredRow(e.step, e.wall_time, e.tensor_proto) for e in kept]
        return found

    def tags(
        self, plugins: Mapping[str, int], run: str | None = None
    ) -> dict[str, dict[str, dict[str, Listed]]]:
        """``{plugin: {run: {tag: Listed}}}`` of several plugins at once, each with its data class.

        The largest step is looked for among all rows only where the rows are not those of the last
        time: a tag that grows, restarts or is sampled anew has another number of rows or another
        last one.

        Args:
          run: the only one wanted; None for all.
        """
        now: dict[tuple[str, str], tuple[int, Any, Listed]] = {}
        result: dict[str, dict[str, dict[str, Listed]]] = {plugin: {} for plugin in plugins}
        for name in self._multiplexer.Runs() if run is None else (run,):
            with suppress(KeyError):  # Gone meanwhile, or never there.
                self._add(name, plugins, result, now)
        if run is None:
            self._known = now
        else:
            self._known.update(now)
        return result

    def _add(
        self,
        run: str,
        plugins: Mapping[str, int],
        result: dict[str, dict[str, dict[str, Listed]]],
        now: dict[tuple[str, str], tuple[int, Any, Listed]],
    ) -> None:
        accumulator = self._multiplexer.GetAccumulator(run)
        for tag, metadata in accumulator.AllSummaryMetadata().items():
            plugin = metadata.plugin_data.plugin_name
            if plugin not in plugins or plugins[plugin] != metadata.data_class:
                continue
            events = accumulator.Tensors(tag)
            last = events[-1] if events else None
            entry = self._known.get((run, tag))
            if entry is None or entry[0] != len(events) or entry[1] is not last:
                entry = len(events), last, _found(events, metadata.plugin_data.content)
            now[run, tag] = entry
            result[plugin].setdefault(run, {})[tag] = entry[2]


def _found(events: Sequence[Any], content: bytes) -> Listed:
    if len(events) < 2:
        step, time = (events[0].step, events[0].wall_time) if events else (0, 0.0)
        return Listed(step, time if math.isfinite(time) else 0.0, content)
    times = filter(math.isfinite, map(_wall_time, events))
    return Listed(max(map(_step, events)), max(times, default=0.0), content)


class Remote:
    """The Rust server behind gRPC."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def rows(self, experiment: str, plugin: str, run: str, tags: Sequence[str], limit: int) -> Rows:
        """``{tag: rows}``, at most ``limit`` rows of each."""
        from tensorboard.data.proto import data_provider_pb2

        request = data_provider_pb2.ReadTensorsRequest(experiment_id=experiment)
        request.plugin_filter.plugin_name = plugin
        request.run_tag_filter.runs.names.append(run)
        request.run_tag_filter.tags.names.extend(sorted(tags))
        request.downsample.num_points = limit
        return {
            entry.tag_name: list(self._stored(entry.data))
            for found in self._stub.ReadTensors(request).runs
            if found.run_name == run
            for entry in found.tags
        }

    def _stored(self, data: Any) -> Iterator[StoredRow]:
        for step, wall_time, tensor in zip(data.step, data.wall_time, data.value, strict=True):
            yield StoredRow(step, wall_time, tensor)
