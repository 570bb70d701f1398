"""The only module that touches TensorBoard's data provider. It hands out typed, checked series.

No call reads more than its budget: sizes are known from the metadata before anything is read, and
the provider is asked for one row more than fits, so that metadata that lies is found out. What was
read is kept in a cache bounded in bytes, under the largest step and wall time that TensorBoard
names for the tag at that moment, and no longer than :data:`MAX_AGE_S`: a run that is resumed on a
machine whose clock is behind changes neither.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tensorboard import context as tb_context
from tensorboard import errors as tb_errors
from tensorboard.data import provider as tb_provider

from nnviz_tb import rows
from nnviz_tb.cache import ByteCache, SingleFlight
from nnviz_tb.errors import SchemaError
from nnviz_tb.faults import (
    BadDataError,
    NotFoundError,
    RequestError,
    TooLargeError,
    UnavailableError,
    shown,
)
from nnviz_tb.rows import Series
from nnviz_tb.schema import (
    MAX_LAYER_NAME_LENGTH,
    PLUGIN_NAME,
    RUN_TAG,
    LayerMetadata,
    Metadata,
    metadata_from_bytes,
    parse_tag,
    tag_of,
)

READ_BYTES = 64 * 1024 * 1024
"""What one request may read. TensorBoard's data server cannot send more than 256 MiB at all."""
CACHE_BYTES = 96 * 1024 * 1024
MAX_AGE_S = 20.0
MAX_SCALARS = 10_000
SCALARS_PLUGIN = "scalars"

logger = logging.getLogger(__name__)
Scope = tuple[tb_context.RequestContext, str]
"""Who asks (TensorBoard's own context of the request), and in which experiment."""


@dataclass(frozen=True)
class Listed:
    """What TensorBoard says about one tag without reading it.

    Attributes:
      last_step, last_wall_time: the largest it holds; 0 and NaN while it holds none.
      content: the bytes of our metadata, not yet checked; empty for scalars.
    """

    last_step: int
    last_wall_time: float
    content: bytes

    @property
    def version(self) -> Hashable:
        """Changes whenever a row is added, replaced or dropped, but for turned back clocks."""
        return (self.last_step, repr(self.last_wall_time), self.content)


@dataclass(frozen=True)
class Listing:
    """All that TensorBoard lists: ``{run: {tag: Listed}}``, runs in the order of their start."""

    runs: tuple[str, ...]
    ours: Mapping[str, Mapping[str, Listed]]
    scalars: Mapping[str, Mapping[str, Listed]]


class Reader:
    """Typed series out of a data provider. Safe to use from several threads."""

    def __init__(
        self,
        provider: tb_provider.DataProvider | None,
        cache_bytes: int = CACHE_BYTES,
        read_bytes: int = READ_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._read_bytes = read_bytes
        self._clock = clock
        self._cache: ByteCache[tuple[float, Series]] = ByteCache(cache_bytes)
        self._flights: SingleFlight[Series] = SingleFlight()
        self._listings: SingleFlight[Listing] = SingleFlight()

    @property
    def held_bytes(self) -> int:
        """Bytes that the cache holds now."""
        return self._cache.held_bytes

    def listing(self, scope: Scope) -> Listing:
        """Runs, our tags and scalar tags, without their data."""
        return self._listings.run(scope[1], lambda: self._list_all(scope))

    def _list_all(self, scope: Scope) -> Listing:
        context, experiment = scope
        provider = self._connected()
        with _told("list the runs"):
            runs = provider.list_runs(context, experiment_id=experiment)
            ours = provider.list_tensors(context, experiment_id=experiment, plugin_name=PLUGIN_NAME)
            scalars = provider.list_scalars(
                context, experiment_id=experiment, plugin_name=SCALARS_PLUGIN
            )
        runs = sorted(runs, key=lambda run: (run.start_time or math.inf, run.run_name))
        return Listing(tuple(run.run_name for run in runs), _listed(ours), _listed(scalars))

    def layers(self, scope: Scope, run: str) -> list[str]:
        """Paths of a run's described layers, in model order.

        Raises:
          NotFoundError: TensorBoard holds no layer of the run now.
        """
        context, experiment = scope
        with _told("list the layers"):
            answer = self._connected().list_tensors(
                context,
                experiment_id=experiment,
                plugin_name=PLUGIN_NAME,
                run_tag_filter=tb_provider.RunTagFilter(runs=[run]),
            )
        found = []
        for tag, listed in _listed(answer).get(run, {}).items():
            place = parse_tag(tag)
            if place is None or place[0] != "layer" or len(place[1]) > MAX_LAYER_NAME_LENGTH:
                continue
            with suppress(SchemaError):
                metadata = metadata_from_bytes(listed.content)
                if isinstance(metadata, LayerMetadata):
                    found.append((metadata.order, place[1]))
        if not found:
            raise NotFoundError(f"run {shown(run)} holds no layer")
        return [layer for _, layer in sorted(found)]

    def series(self, scope: Scope, run: str, kind: str, layer: str) -> Series:
        """The series ``kind`` of a layer; of the run itself where ``kind`` is ``run``.

        Raises:
          NotFoundError: TensorBoard holds no such series now.
          TooLargeError: it is beyond what may be read at once.
          BadDataError: its metadata or all of it cannot be read.
          UnavailableError: the data provider failed.
        """
        tag = RUN_TAG if kind == "run" else tag_of(kind, layer)
        listed = self._list_one(scope, run, tag, PLUGIN_NAME)
        if listed is None:
            raise NotFoundError(f"run {shown(run)} holds no series {shown(tag)}")
        metadata = _metadata(tag, listed.content)

        def read() -> Series:
            return self._read_tensors(scope, run, [tag], kind, {tag: metadata})[tag]

        return self._cached((scope[1], run, tag), listed, read)

    def scalars(self, scope: Scope, run: str, tag: str) -> Series:
        """A scalar of TensorBoard's own ``scalars`` plugin, values ``float32[steps]``.

        Raises:
          NotFoundError, UnavailableError: as :meth:`series`.
        """
        listed = self._list_one(scope, run, tag, SCALARS_PLUGIN)
        if listed is None:
            raise NotFoundError(f"run {shown(run)} holds no scalar {shown(tag)}")

        def read() -> Series:
            with _told(f"read the scalar {shown(tag)}"):
                answer = self._connected().read_scalars(
                    scope[0],
                    experiment_id=scope[1],
                    plugin_name=SCALARS_PLUGIN,
                    downsample=MAX_SCALARS,
                    run_tag_filter=_filter(run, [tag]),
                )
            return rows.scalars_of(answer.get(run, {}).get(tag, []))

        return self._cached((scope[1], run, tag, SCALARS_PLUGIN), listed, read)

    def series_of_layers(
        self, scope: Scope, run: str, kind: str, layers: Sequence[str], last_only: bool = False
    ) -> dict[str, Series | RequestError]:
        """One series of each of several layers, as few reads as the budget allows.

        A layer whose series cannot be read has the fault in its place; one that has no such series
        is absent.

        Args:
          last_only: only the last row of each; not cached.
        """
        wanted = {tag_of(kind, layer): layer for layer in layers}
        listed = self._list_some(scope, run, list(wanted), PLUGIN_NAME)
        found: dict[str, Series | RequestError] = {}
        missing: dict[str, Metadata] = {}
        for tag, entry in listed.items():
            held = self._held((scope[1], run, tag), entry)
            try:
                if held is not None:
                    found[wanted[tag]] = held
                else:
                    missing[tag] = _metadata(tag, entry.content)
            except RequestError as fault:
                found[wanted[tag]] = fault
        for group in self._groups(kind, missing, last_only):
            try:
                answers = self._read_tensors(scope, run, group, kind, missing, last_only)
            except RequestError:
                # One bad series takes nothing else down: read the group one by one.
                answers = {}
            for tag in group:
                try:
                    series = answers.get(tag) or self._read_tensors(
                        scope, run, [tag], kind, missing, last_only
                    ).get(tag)
                except UnavailableError:
                    raise
                except RequestError as fault:
                    found[wanted[tag]] = fault
                    continue
                if series is not None:
                    found[wanted[tag]] = series
                    if not last_only:
                        self._keep((scope[1], run, tag), listed[tag], series)
        return found

    def _groups(
        self, kind: str, missing: Mapping[str, Metadata], last_only: bool
    ) -> Iterator[list[str]]:
        """Tags to be read together: within the budget if each kept the usual number of steps."""
        expected_steps = 1 if last_only else 1000
        group: list[str] = []
        size = 0
        for tag, metadata in missing.items():
            try:
                expected = rows.row_bytes(kind, metadata) * expected_steps
            except SchemaError:
                expected = 0  # Found out, and told, when it is read.
            if group and size + expected > self._read_bytes:
                yield group
                group, size = [], 0
            group.append(tag)
            size += expected
        if group:
            yield group

    def _read_tensors(
        self,
        scope: Scope,
        run: str,
        tags: list[str],
        kind: str,
        metadata: Mapping[str, Metadata],
        last_only: bool = False,
    ) -> dict[str, Series]:
        limit = 1
        if not last_only:
            try:
                widest = max(rows.row_bytes(kind, metadata[tag]) for tag in tags)
            except SchemaError as error:
                raise BadDataError(f"{shown(tags[0])} cannot be read: {error}") from None
            limit = self._read_bytes // (max(widest, 1) * len(tags))
            if limit < 1:
                raise TooLargeError(_too_large(tags[0], widest, self._read_bytes))
        what = f"read {shown(tags[0])}"
        with _told(what):
            answer = self._connected().read_tensors(
                scope[0],
                experiment_id=scope[1],
                plugin_name=PLUGIN_NAME,
                downsample=limit + (0 if last_only else 1),
                run_tag_filter=_filter(run, tags),
            )
        found = {}
        for tag, data in answer.get(run, {}).items():
            if len(data) > limit:
                raise TooLargeError(_too_large(tag, widest * len(data), self._read_bytes))
            try:
                found[tag] = rows.series_of(kind, data, metadata[tag])
            except (SchemaError, ValueError, MemoryError) as error:
                raise BadDataError(f"{shown(tag)} cannot be read: {error}") from None
        if len(tags) == 1 and not found:
            raise NotFoundError(f"run {shown(run)} no longer holds {shown(tags[0])}")
        return found

    def _cached(self, key: Hashable, listed: Listed, read: Callable[[], Series]) -> Series:
        held = self._held(key, listed)
        if held is not None:
            return held

        def read_and_keep() -> Series:
            series = read()
            self._keep(key, listed, series)
            return series

        return self._flights.run((key, listed.version), read_and_keep)

    def _held(self, key: Hashable, listed: Listed) -> Series | None:
        entry = self._cache.get((key, listed.version))
        if entry is None or self._clock() - entry[0] > MAX_AGE_S:
            return None
        return entry[1]

    def _keep(self, key: Hashable, listed: Listed, series: Series) -> None:
        self._cache.put((key, listed.version), (self._clock(), series), series.byte_count)

    def _list_one(self, scope: Scope, run: str, tag: str, plugin: str) -> Listed | None:
        return self._list_some(scope, run, [tag], plugin).get(tag)

    def _list_some(
        self, scope: Scope, run: str, tags: list[str], plugin: str
    ) -> Mapping[str, Listed]:
        provider = self._connected()
        of_plugin = provider.list_scalars if plugin == SCALARS_PLUGIN else provider.list_tensors
        with _told("list the series"):
            answer = of_plugin(
                scope[0],
                experiment_id=scope[1],
                plugin_name=plugin,
                run_tag_filter=_filter(run, tags),
            )
        return _listed(answer).get(run, {})

    def _connected(self) -> Any:
        if self._provider is None:
            raise UnavailableError("this TensorBoard runs without a data provider")
        return self._provider


def _filter(run: str, tags: Sequence[str]) -> tb_provider.RunTagFilter:
    return tb_provider.RunTagFilter(runs=[run], tags=list(tags))


def _listed(answer: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Listed]]:
    return {
        run: {
            tag: Listed(
                series.max_step or 0,
                math.nan if series.max_wall_time is None else series.max_wall_time,
                series.plugin_content or b"",
            )
            for tag, series in tags.items()
        }
        for run, tags in answer.items()
    }


def _metadata(tag: str, content: bytes) -> Metadata:
    try:
        return metadata_from_bytes(content)
    except SchemaError as error:
        raise BadDataError(f"{shown(tag)} cannot be read: {error}") from None


def _too_large(tag: str, size: int, allowed: int) -> str:
    return (
        f"{shown(tag)} holds more than {size / 2**20:.1f} MiB; at most {allowed / 2**20:.0f} MiB "
        "may be read at once. Start TensorBoard with a smaller --samples_per_plugin nnviz=…, or "
        "log with a smaller step_bytes"
    )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turns whatever the data provider raises into a fault that says what was being done."""
    try:
        yield
    except RequestError:
        raise
    except tb_errors.NotFoundError as error:
        raise NotFoundError(str(error)) from None
    except tb_errors.PublicError as error:
        raise UnavailableError(f"TensorBoard refused to {what}: {error}") from None
    except (ValueError, TypeError, KeyError, MemoryError, OverflowError) as error:
        # What make_ndarray raises inside the provider when a tensor contradicts itself.
        raise BadDataError(f"cannot {what}: the log holds a tensor that is damaged") from error
    except Exception as error:
        raise _grpc_fault(what, error) from error


def _grpc_fault(what: str, error: Exception) -> RequestError:
    # By name: without the data server TensorBoard need not have gRPC at all.
    code = getattr(error, "code", None)
    name = getattr(code() if callable(code) else None, "name", type(error).__name__)
    if name == "RESOURCE_EXHAUSTED":
        return TooLargeError(f"cannot {what}: it is more than TensorBoard's data server can send")
    logger.warning("cannot %s: %s", what, name, exc_info=error)
    return UnavailableError(f"cannot {what}: TensorBoard's data server failed with {name}")
