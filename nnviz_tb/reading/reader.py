"""Typed, checked series out of TensorBoard, read once and kept for a while.

No call reads more than its budget: sizes are known from the metadata before anything is read, and
one row more than fits is asked for, so that a log that outgrows it is found out. What was read is
kept in a cache bounded in bytes, as long as TensorBoard lists the same for the tag. A run that is
resumed on a machine whose clock is behind changes nothing in the listing; so what is older than
:data:`MAX_AGE_S` is read again all the same, at a desk for those who ask next, and at once without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from tensorboard.data import provider as tb_provider

from nnviz_tb.errors import SchemaError
from nnviz_tb.reading import rows
from nnviz_tb.reading.descriptions import described
from nnviz_tb.reading.desk import Desk
from nnviz_tb.reading.faults import BadDataError, NotFoundError, RequestError, TooLargeError, shown
from nnviz_tb.reading.listings import Listing, Tags
from nnviz_tb.reading.row_checks import row_bytes
from nnviz_tb.reading.rows import Series
from nnviz_tb.reading.shelf import Shelf
from nnviz_tb.reading.source import SCALARS_PLUGIN, Scope, Source
from nnviz_tb.reading.stored import Listed
from nnviz_tb.schema import (
    PLUGIN_NAME,
    RUN_TAG,
    Metadata,
    tag_of,
)

READ_BYTES = 64 * 1024 * 1024
"""What one request may read. TensorBoard's data server cannot send more than 256 MiB at all."""
CACHE_BYTES = 72 * 1024 * 1024
MAX_AGE_S = 20.0
MAX_SCALARS = 10_000
EXPECTED_STEPS = 1000
"""How many rows a series is taken to have when several are read together."""


class Reader:
    """Typed series out of a data provider. Safe to use from several threads."""

    def __init__(
        self,
        provider: tb_provider.DataProvider | None,
        cache_bytes: int = CACHE_BYTES,
        read_bytes: int = READ_BYTES,
        clock: Callable[[], float] = time.monotonic,
        desk: Desk | None = None,
        scalar_rows: int = MAX_SCALARS,
    ) -> None:
        """
        Args:
          provider: of TensorBoard; without one every call fails with UnavailableError.
          cache_bytes: what the series that are kept may take.
          read_bytes: what one series may take.
          clock: in seconds.
          desk: where single series are read; by the caller's own thread without one.
          scalar_rows: of a scalar that has more, TensorBoard picks so many at random.
        """
        self._source = Source(provider)
        self._read_bytes = read_bytes
        self._scalar_rows = scalar_rows
        self._shelf = Shelf[Series](cache_bytes, _size, desk, clock, Series.holds_the_same)

    @property
    def held_bytes(self) -> int:
        """Bytes that the cache holds now."""
        return self._shelf.held_bytes

    def listing(self, scope: Scope) -> Listing:
        """Runs, our tags and scalar tags, without their data: too much to be polled."""
        found = self._source.listing(scope)
        return Listing(self._source.runs(scope), found[PLUGIN_NAME], found[SCALARS_PLUGIN])

    def heads(self, scope: Scope) -> Listing:
        """The same, but of our tags :data:`RUN_TAG` alone where a run has it.

        Every record of our writer holds a row of that tag, so it tells which runs are ours and
        when they were written last: of 500 runs with 400,000 tags, in a tenth of a second. A run of
        another writer's that has none of it is listed in full.
        """
        runs = self._source.runs(scope)
        ours = self._source.listing(scope, tags=[RUN_TAG], plugins=[PLUGIN_NAME])[PLUGIN_NAME]
        others = [run for run in runs if run not in ours]
        if others:
            found = self._source.listing(scope, others, plugins=[PLUGIN_NAME])
            ours = {**ours, **found[PLUGIN_NAME]}
        scalars = self._source.listing(scope, plugins=[SCALARS_PLUGIN])[SCALARS_PLUGIN]
        return Listing(runs, ours, scalars)

    def contents(self, scope: Scope, run: str) -> tuple[Tags, Tags]:
        """Our tags and the scalar tags of one run.

        Raises:
          NotFoundError: TensorBoard holds no such run now.
        """
        found = self._source.listing(scope, [run])
        ours, scalars = (found[plugin].get(run, {}) for plugin in (PLUGIN_NAME, SCALARS_PLUGIN))
        if not ours and not scalars and run not in self._source.runs(scope):
            raise NotFoundError(f"there is no run {shown(run)}")
        return ours, scalars

    def run_tags(self, scope: Scope, run: str) -> Tags:
        """Our tags of one run; none when TensorBoard does not hold it."""
        return self._tags(scope, run, None)

    def _tags(
        self, scope: Scope, run: str, tags: Sequence[str] | None, plugin: str = PLUGIN_NAME
    ) -> Tags:
        return self._source.listing(scope, [run], tags, [plugin])[plugin].get(run, {})

    def series(self, scope: Scope, run: str, kind: str, layer: str) -> Series:
        """The series ``kind`` of a layer; of the run itself where ``kind`` is ``run``.

        Raises:
          NotFoundError: TensorBoard holds no such series now.
          TooLargeError: it is beyond what may be read at once.
          BadDataError: its metadata or all of it cannot be read.
          UnavailableError: the data provider failed.
        """
        tag = RUN_TAG if kind == "run" else tag_of(kind, layer)
        listed = self._tags(scope, run, [tag]).get(tag)
        if listed is None:
            raise NotFoundError(f"run {shown(run)} holds no series {shown(tag)}")
        metadata = _metadata(tag, listed)

        def read() -> Series:
            found = self._read(scope, run, [tag], kind, {tag: metadata})
            if tag not in found:
                raise NotFoundError(f"run {shown(run)} no longer holds {shown(tag)}")
            return found[tag]

        return self._shelf.get((scope.experiment, run, tag), listed, read, MAX_AGE_S)

    def scalars(self, scope: Scope, run: str, tag: str) -> Series:
        """A scalar of TensorBoard's own ``scalars`` plugin, values ``float32[steps]``.

        Raises:
          NotFoundError, UnavailableError: as :meth:`series`.
        """
        listed = self._tags(scope, run, [tag], SCALARS_PLUGIN).get(tag)
        if listed is None:
            raise NotFoundError(f"run {shown(run)} holds no scalar {shown(tag)}")

        def read() -> Series:
            return rows.scalars_of(self._source.scalars(scope, run, tag, self._scalar_rows))

        key = (scope.experiment, run, tag, SCALARS_PLUGIN)
        return self._shelf.get(key, listed, read, MAX_AGE_S)

    def series_of_layers(
        self,
        scope: Scope,
        run: str,
        kind: str,
        layers: Sequence[str],
        tags: Tags,
        last_only: bool = False,
    ) -> dict[str, Series | RequestError]:
        """One series of each of several layers, in as few reads as the budget allows.

        A layer whose series cannot be read has the fault in its place; one that has no such series
        is absent.

        Args:
          tags: of the run, as :meth:`run_tags` lists them.
          last_only: only the last row of each; not kept.

        Raises:
          UnavailableError: the data provider failed.
        """
        found: dict[str, Series | RequestError] = {}
        missing: dict[str, Metadata] = {}
        layer_of = {tag_of(kind, layer): layer for layer in layers}
        for tag in layer_of.keys() & tags.keys():
            held = self._shelf.look((scope.experiment, run, tag), tags[tag])
            if held is not None:
                found[layer_of[tag]] = held
                continue
            try:
                missing[tag] = _metadata(tag, tags[tag])
            except RequestError as fault:
                found[layer_of[tag]] = fault
        for group in self._groups(kind, missing, last_only):
            for tag, series in self._read_group(
                scope, run, group, kind, missing, last_only
            ).items():
                found[layer_of[tag]] = series
                if isinstance(series, Series) and not last_only:
                    key = (scope.experiment, run, tag)
                    self._shelf.put(key, tags[tag], series, MAX_AGE_S)
        return found

    def _groups(
        self, kind: str, missing: Mapping[str, Metadata], last_only: bool
    ) -> Iterator[list[str]]:
        """Tags to be read together: within the budget if each kept the usual number of steps."""
        group: list[str] = []
        size = 0
        for tag, metadata in missing.items():
            expected = 0
            with suppress(SchemaError):  # Found out, and told, when it is read.
                expected = row_bytes(kind, metadata) * (1 if last_only else EXPECTED_STEPS)
            if group and size + expected > self._read_bytes:
                yield group
                group, size = [], 0
            group.append(tag)
            size += expected
        if group:
            yield group

    def _read_group(
        self,
        scope: Scope,
        run: str,
        group: list[str],
        kind: str,
        metadata: Mapping[str, Metadata],
        last_only: bool,
    ) -> Mapping[str, Series | RequestError]:
        try:
            return self._read(scope, run, group, kind, metadata, last_only)
        except (BadDataError, TooLargeError) as fault:
            if len(group) == 1:
                return {group[0]: fault}
        # One bad series takes nothing else down: halve until it is alone.
        middle = len(group) // 2
        return {
            **self._read_group(scope, run, group[:middle], kind, metadata, last_only),
            **self._read_group(scope, run, group[middle:], kind, metadata, last_only),
        }

    def _read(
        self,
        scope: Scope,
        run: str,
        tags: list[str],
        kind: str,
        metadata: Mapping[str, Metadata],
        last_only: bool = False,
    ) -> dict[str, Series]:
        try:
            widest = max(row_bytes(kind, metadata[tag]) for tag in tags)
        except SchemaError as error:
            raise BadDataError(f"{shown(tags[0])} cannot be read: {error}") from None
        limit = self._read_bytes // (max(widest, 1) * len(tags))
        if limit < 1:
            raise self._too_large(tags[0], widest * len(tags))
        answer = self._source.tensors(scope, run, tags, 1 if last_only else limit + 1)
        found = {}
        for tag, data in answer.items():
            if len(data) > limit:
                raise self._too_large(tag, widest * len(data))
            try:
                found[tag] = rows.series_of(kind, data, metadata[tag], self._read_bytes)
            except (SchemaError, ValueError, MemoryError) as error:
                raise BadDataError(f"{shown(tag)} cannot be read: {error}") from None
        return found

    def _too_large(self, tag: str, size: int) -> TooLargeError:
        return TooLargeError(
            f"{shown(tag)} takes {size / 2**20:.1f} MiB or more; at most "
            f"{self._read_bytes / 2**20:.0f} MiB may be read at once. Start TensorBoard with a "
            "smaller --samples_per_plugin nnviz=…, or log with a smaller byte budget"
        )


def _size(listed: Listed, series: Series) -> int:
    return series.byte_count + len(listed.content)


def _metadata(tag: str, listed: Listed) -> Metadata:
    metadata = described(listed.content)
    if isinstance(metadata, SchemaError):
        raise BadDataError(f"{shown(tag)} cannot be read: {metadata}")
    return metadata
