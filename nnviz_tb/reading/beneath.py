"""TensorBoard's own two data providers, one layer below their public interface.

``read_tensors`` turns every row into an array of the shape that the row declares, however large
that is, and cannot read one row without expanding all of them; ``list_tensors`` makes an object of
every tag, of which a sweep of 500 runs has 400,000. So the two providers that TensorBoard ships are
asked for what they store. Any other provider, one derived from these included, and these where a
release has changed them, are asked through the public interface; a test says so when a release has.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any

from tensorboard.compat.proto import summary_pb2

from nnviz_tb.reading.stored import Listed, StoredRows

_MULTIPLEXED = "tensorboard.backend.event_processing.data_provider.MultiplexerDataProvider"
_GRPC = "tensorboard.data.grpc_provider.GrpcDataProvider"

_NUDGES_S = (0.002, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128)
"""After so long the server is nudged, again and again; what takes longer is not held up by that."""

_step, _wall_time = attrgetter("step"), attrgetter("wall_time")

Listing = dict[str, dict[str, dict[str, Listed]]]
"""``{plugin: {run: {tag: Listed}}}``."""


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
        self._known: dict[str, dict[str, tuple[int, Any, Listed]]] = {}

    def rows(
        self, experiment: str, plugin: str, run: str, tags: Sequence[str], limit: int
    ) -> dict[str, StoredRows]:
        """``{tag: rows}``; all rows of a tag that has more than ``limit``, the last one for 1."""
        found = {}
        for tag in tags:
            try:
                metadata = self._multiplexer.SummaryMetadata(run, tag)
                events = self._multiplexer.Tensors(run, tag)
            except KeyError:
                continue
            if metadata.plugin_data.plugin_name == plugin:
                kept = self._last(run, tag, events) if limit == 1 else events
                steps, wall_times = list(map(_step, kept)), list(map(_wall_time, kept))
                found[tag] = StoredRows(steps, wall_times, [event.tensor_proto for event in kept])
        return found

    def _last(self, run: str, tag: str, events: Sequence[Any]) -> Sequence[Any]:
        """The row of the last step; of a run that went back, that is not the one written last."""
        _, _, listed = self._known.get(run, {}).get(tag, (0, None, None))
        if not events or (listed is not None and listed.last_step == events[-1].step):
            return events[-1:]
        return [max(reversed(events), key=_step)]

    def tags(
        self,
        experiment: str,
        plugins: Mapping[str, int],
        runs: Collection[str] | None,
        tags: Collection[str] | None,
    ) -> Listing:
        """What there is of several plugins, each with its data class.

        The largest step is looked for among all rows only where the rows are not those of the last
        time: a tag that grows, restarts or is sampled anew has another number of rows or another
        last one.

        Args:
          runs, tags: the only ones wanted; None for all.
        """
        result: Listing = {plugin: {} for plugin in plugins}
        if runs is None:
            runs = self._names()
            for gone in self._known.keys() - set(runs):
                self._known.pop(gone, None)
        for run in runs:
            for plugin, found in self._of_run(run, plugins, tags).items():
                if found:
                    result[plugin][run] = found
        return result

    def _of_run(
        self, run: str, plugins: Mapping[str, int], tags: Collection[str] | None
    ) -> dict[str, dict[str, Listed]]:
        """``{plugin: {tag: Listed}}``."""
        try:
            accumulator = self._multiplexer.GetAccumulator(run)
            return {
                plugin: self._of_plugin(run, accumulator, plugin, data_class, tags)
                for plugin, data_class in plugins.items()
            }
        except KeyError:  # Gone, of which TensorBoard keeps the name, or never there.
            self._known.pop(run, None)
            return {}

    def runs(self) -> list[tuple[float | None, str]]:
        """``(wall time of the first event, name)`` of every run."""
        found = []
        for run in self._names():
            start = None
            with suppress(KeyError):
                with suppress(ValueError):  # Of a run without an event yet.
                    start = self._multiplexer.FirstEventTimestamp(run)
                found.append((start, run))
        return found

    def _names(self) -> list[str]:
        # Not Runs(): it lists every tag of every run. Some of these may be gone.
        return list(self._multiplexer.RunPaths())

    def _of_plugin(
        self,
        run: str,
        accumulator: Any,
        plugin: str,
        data_class: int,
        tags: Collection[str] | None,
    ) -> dict[str, Listed]:
        try:
            contents = accumulator.PluginTagToContent(plugin)
        except KeyError:
            return {}
        known = self._known.setdefault(run, {})
        found = {}
        for tag in contents if tags is None else contents.keys() & set(tags):
            if accumulator.SummaryMetadata(tag).data_class != data_class:
                continue
            with suppress(KeyError):  # Described, and not a row of it yet.
                events = accumulator.Tensors(tag)
                last = events[-1] if events else None
                entry = known.get(tag)
                if entry is None or entry[0] != len(events) or entry[1] is not last:
                    entry = known[tag] = len(events), last, _summed_up(events, contents[tag])
                found[tag] = entry[2]
        return found


def _summed_up(events: Sequence[Any], content: bytes) -> Listed:
    if len(events) < 2:
        step, time = (events[0].step, events[0].wall_time) if events else (0, 0.0)
        return Listed(step, time if math.isfinite(time) else 0.0, content)
    times = filter(math.isfinite, map(_wall_time, events))
    return Listed(max(map(_step, events)), max(times, default=0.0), content)


class Remote:
    """The Rust server behind gRPC."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self._trifles: set[Any] = set()

    def rows(
        self, experiment: str, plugin: str, run: str, tags: Sequence[str], limit: int
    ) -> dict[str, StoredRows]:
        """``{tag: rows}``, at most ``limit`` rows of each."""
        from tensorboard.data.proto import data_provider_pb2

        request = data_provider_pb2.ReadTensorsRequest(experiment_id=experiment)
        request.plugin_filter.plugin_name = plugin
        _ask_for(request.run_tag_filter, [run], tags)
        request.downsample.num_points = limit
        return {
            entry.tag_name: rows_of(entry.data)
            for found in self._answer(self._stub.ReadTensors, request).runs
            if found.run_name == run
            for entry in found.tags
        }

    def tags(
        self,
        experiment: str,
        plugins: Mapping[str, int],
        runs: Collection[str] | None,
        tags: Collection[str] | None,
    ) -> Listing:
        """What there is of several plugins, as :meth:`Multiplexed.tags`."""
        return {
            plugin: self._of_plugin(experiment, plugin, data_class, runs, tags)
            for plugin, data_class in plugins.items()
        }

    def _of_plugin(
        self,
        experiment: str,
        plugin: str,
        data_class: int,
        runs: Collection[str] | None,
        tags: Collection[str] | None,
    ) -> dict[str, dict[str, Listed]]:
        from tensorboard.data.proto import data_provider_pb2

        if data_class == summary_pb2.DATA_CLASS_SCALAR:
            request, ask = data_provider_pb2.ListScalarsRequest(), self._stub.ListScalars
        else:
            request, ask = data_provider_pb2.ListTensorsRequest(), self._stub.ListTensors
        request.experiment_id = experiment
        request.plugin_filter.plugin_name = plugin
        _ask_for(request.run_tag_filter, runs, tags)
        return {
            found.run_name: {entry.tag_name: _listed(entry.metadata) for entry in found.tags}
            for found in self._answer(ask, request).runs
        }

    def _answer(self, ask: Any, request: Any) -> Any:
        """What the server answers, which is asked for trifles meanwhile.

        It writes an answer of more than 16 KiB in pieces, and holds the second one back until the
        first is acknowledged (Nagle, RFC 896), which the kernel on this side does 40 ms later
        unless it has something to send (RFC 1122, 4.2.3.2). So something is sent: the tags of 50
        layers come in 7 ms instead of 48. To be removed when the server sets TCP_NODELAY.
        """
        from tensorboard.data.proto import data_provider_pb2

        answer, arrived = ask.future(request), threading.Event()
        answer.add_done_callback(lambda _: arrived.set())
        trifle = data_provider_pb2.GetExperimentRequest(experiment_id=request.experiment_id)
        for wait_s in _NUDGES_S:
            if arrived.wait(wait_s):
                break
            asked = self._stub.GetExperiment.future(trifle)
            # A call that nobody holds any more is cancelled, and a server that sees many of those
            # takes it for an attack and hangs up.
            self._trifles.add(asked)
            asked.add_done_callback(self._trifles.discard)
        return answer.result()


def rows_of(data: Any) -> StoredRows:
    """The rows of a ``TensorData`` of the data server.

    Raises:
      ValueError: its columns differ in length.
    """
    count = len(data.step)
    if len(data.wall_time) != count or len(data.value) != count:
        raise ValueError("the data server's columns differ in length")
    return StoredRows(list(data.step), list(data.wall_time), data.value, data)


def _ask_for(
    run_tag_filter: Any, runs: Collection[str] | None, tags: Collection[str] | None
) -> None:
    # A filter without names lets nothing through; one that is not set lets everything.
    if runs is not None:
        run_tag_filter.runs.names.extend(sorted(runs))
        run_tag_filter.runs.SetInParent()
    if tags is not None:
        run_tag_filter.tags.names.extend(sorted(tags))
        run_tag_filter.tags.SetInParent()


def _listed(series: Any) -> Listed:
    wall_time = series.max_wall_time
    # A finite number less itself is 0; math.isfinite would be a call for each of 400,000 tags.
    if wall_time - wall_time != 0:
        wall_time = 0.0
    return Listed(series.max_step, wall_time, series.summary_metadata.plugin_data.content)
