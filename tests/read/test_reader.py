"""Budgets, cache, single flight and failures of the provider, and rows that no one checked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorboard import errors as tb_errors
from tensorboard.context import RequestContext
from tensorboard.data import provider

from nnviz_tb import schema
from nnviz_tb.errors import SchemaError
from nnviz_tb.reading import descriptions, row_checks, rows
from nnviz_tb.reading.desk import Desk
from nnviz_tb.reading.faults import (
    BadDataError,
    NotFoundError,
    RequestError,
    TooLargeError,
    UnavailableError,
)
from nnviz_tb.reading.reader import MAX_AGE_S, Reader
from nnviz_tb.reading.source import Scope

SCOPE = Scope(RequestContext(), "")


class Counting(provider.DataProvider):
    """A provider of one run ``r`` whose layers ``0``, ``1``, … have a bias of ``width`` neurons."""

    def __init__(self, layers: int = 1, steps: int = 10, width: int = 4) -> None:
        self.metadata = schema.SeriesMetadata(width, width)
        self.layers, self.steps, self.width = layers, steps, width
        self.offset = 0.0
        self.reads: list[list[str]] = []
        self.fail: Callable[[list[str]], None] = lambda tags: None

    def tags(self) -> list[str]:
        return [schema.tag_of("bias", str(layer)) for layer in range(self.layers)]

    def list_runs(self, ctx: Any = None, *, experiment_id: str) -> list[provider.Run]:
        return [provider.Run("r", "r", None)]

    def list_scalars(self, ctx: Any = None, **_: Any) -> dict[str, Any]:
        return {}

    def list_tensors(self, ctx: Any = None, *, run_tag_filter: Any = None, **_: Any) -> Any:
        series = provider.TensorTimeSeries(
            max_step=self.steps - 1,
            max_wall_time=float(self.steps),
            plugin_content=self.metadata.to_bytes(),
            description="",
            display_name="",
        )
        wanted = run_tag_filter.tags if run_tag_filter else None
        return {"r": {tag: series for tag in self.tags() if wanted is None or tag in wanted}}

    def read_tensors(
        self, ctx: Any = None, *, downsample: int, run_tag_filter: Any, **_: Any
    ) -> Any:
        self.reads.append(sorted(run_tag_filter.tags))
        self.fail(sorted(run_tag_filter.tags))
        row = np.full(self.width, self.offset, np.float32)
        data = [provider.TensorDatum(step, float(step), row) for step in range(self.steps)]
        return {"r": dict.fromkeys(run_tag_filter.tags, data[-downsample:])}

    def read_scalars(self, ctx: Any = None, **_: Any) -> Any:
        raise AssertionError

    def read_last_scalars(self, ctx: Any = None, **_: Any) -> Any:
        raise AssertionError


def failing(error: BaseException) -> Counting:
    source = Counting()

    def fail(tags: list[str]) -> None:
        raise error

    source.fail = fail
    return source


def until(true: Callable[[], bool]) -> None:
    """Waits for another thread, ten seconds at most."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def bias(reader: Reader, layer: int = 0) -> rows.Series:
    return reader.series(SCOPE, "r", "bias", str(layer))


def test_a_series_is_read_once_until_tensorboard_lists_something_new() -> None:
    source = Counting()
    reader = Reader(source)
    assert bias(reader) is bias(reader)
    assert len(source.reads) == 1
    source.steps += 1
    assert bias(reader).steps.size == 11
    assert len(source.reads) == 2


def test_a_series_is_read_again_after_a_while_even_when_the_listing_is_the_same() -> None:
    source, now = Counting(), [0.0]
    reader = Reader(source, clock=lambda: now[0])
    bias(reader)
    now[0] = MAX_AGE_S - 1
    bias(reader)
    assert len(source.reads) == 1
    now[0] = MAX_AGE_S + 1
    bias(reader)
    assert len(source.reads) == 2


def test_at_a_desk_an_old_series_is_given_at_once_and_read_again_for_the_next() -> None:
    source, now, desk = Counting(), [0.0], Desk(workers=1, later_s=0.0)
    reader = Reader(source, clock=lambda: now[0], desk=desk)
    first = bias(reader)
    now[0] = MAX_AGE_S + 1
    assert all(bias(reader) is first for _ in range(3))
    until(lambda: len(source.reads) == 2)
    desk.do(lambda: None)
    assert bias(reader) is first, "what is made of the series may be kept"

    now[0] *= 2
    source.offset = 100.0  # the same steps, written anew
    assert bias(reader) is first
    until(lambda: len(source.reads) == 3)
    desk.do(lambda: None)
    assert bias(reader).values[0, 0] == first.values[0, 0] + 100
    assert len(source.reads) == 3


def test_sixteen_requests_for_one_series_read_it_once() -> None:
    source = Counting()
    source.fail = lambda tags: time.sleep(0.3)
    reader = Reader(source)
    found: list[rows.Series] = []
    threads = [threading.Thread(target=lambda: found.append(bias(reader))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(source.reads) == 1
    assert len({series.serial for series in found}) == 1
    assert len(found) == 16


def test_the_cache_stays_within_its_bytes_however_many_series_are_read() -> None:
    source = Counting(layers=60, steps=50, width=100)
    reader = Reader(source, cache_bytes=100_000)
    for layer in range(60):
        bias(reader, layer)
        assert reader.held_bytes <= 100_000
    assert reader.held_bytes > 50_000


def test_a_row_beyond_the_budget_is_refused_before_anything_is_read() -> None:
    source = Counting(width=1000)
    with pytest.raises(TooLargeError, match="samples_per_plugin"):
        bias(Reader(source, read_bytes=3999))
    assert source.reads == []


def test_a_series_beyond_the_budget_is_refused_and_one_that_just_fits_is_not() -> None:
    source = Counting(width=1000, steps=10)
    assert bias(Reader(source, read_bytes=40_000)).steps.size == 10
    with pytest.raises(TooLargeError):
        bias(Reader(source, read_bytes=39_999))


def test_many_layers_are_read_together_within_the_budget() -> None:
    source = Counting(layers=10, steps=20, width=100)
    layers = [str(layer) for layer in range(10)]
    reader = Reader(source, read_bytes=2_000_000)  # five series of 1,000 expected steps
    tags = reader.run_tags(SCOPE, "r")
    found = reader.series_of_layers(SCOPE, "r", "bias", layers, tags)
    assert [len(group) for group in source.reads] == [5, 5]
    assert sorted(found) == layers
    reader.series_of_layers(SCOPE, "r", "bias", layers, tags)
    assert len(source.reads) == 2


def test_one_bad_layer_among_many_has_the_fault_in_its_own_place() -> None:
    source = Counting(layers=9)
    bad = schema.tag_of("bias", "4")

    def fail(tags: list[str]) -> None:
        if bad in tags:
            raise ValueError("cannot reshape array")

    source.fail = fail
    layers = [str(layer) for layer in range(9)]
    reader = Reader(source)
    found = reader.series_of_layers(SCOPE, "r", "bias", layers, reader.run_tags(SCOPE, "r"))
    assert {layer for layer in layers if isinstance(found[layer], RequestError)} == {"4"}


class RpcError(grpc.RpcError):
    """As gRPC raises it."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__()
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RpcError(grpc.StatusCode.RESOURCE_EXHAUSTED), TooLargeError),
        (RpcError(grpc.StatusCode.UNAVAILABLE), UnavailableError),
        (RpcError(grpc.StatusCode.DEADLINE_EXCEEDED), UnavailableError),
        (RpcError(grpc.StatusCode.INTERNAL), UnavailableError),
        (tb_errors.NotFoundError("gone"), NotFoundError),
        (tb_errors.PermissionDeniedError("no"), UnavailableError),
        (RuntimeError("dictionary changed size during iteration"), UnavailableError),
        (OSError("disk"), UnavailableError),
        (ValueError("cannot reshape"), BadDataError),
        (TypeError("unsupported type"), BadDataError),
        (MemoryError(), BadDataError),
    ],
)
def test_whatever_the_provider_raises_is_said_in_our_words(
    error: BaseException, expected: type[RequestError]
) -> None:
    with pytest.raises(expected, match=r".{10}"):
        bias(Reader(failing(error)))


def test_without_a_data_provider_everything_is_unavailable() -> None:
    reader = Reader(None)
    for ask in (lambda: bias(reader), lambda: reader.listing(SCOPE)):
        with pytest.raises(UnavailableError, match="data provider"):
            ask()


def test_long_metadata_is_read_and_not_kept() -> None:
    notes = tuple(f"{place:04d}" + "n" * 996 for place in range(40))
    before = descriptions._kept.cache_info().currsize
    for order in range(300):
        layer = schema.LayerMetadata("Dense", order, notes=notes)
        assert descriptions.described(layer.to_bytes()) == layer
        assert isinstance(
            descriptions.described(b"x" * (1 << 20) + bytes([order % 256])), SchemaError
        )
    assert descriptions._kept.cache_info().currsize == before


KINDS = (*schema.SERIES, "run")
COUNTS = st.integers(0, 12) | st.sampled_from([1 << 31, 1 << 40, (1 << 53) - 1])
METADATA = (
    st.builds(schema.SeriesMetadata, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
    | st.just(schema.LayerMetadata("Dense", 0))
    | st.just(schema.RunMetadata("x"))
)
ROWS = hnp.arrays(
    st.sampled_from(["float32", "int32", "float64", "uint8", "bool", "complex64"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=12),
)
DATA = st.lists(
    st.builds(
        provider.TensorDatum,
        st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 5),
        st.floats(),
        ROWS,
    ),
    max_size=6,
)


@given(st.sampled_from(KINDS), METADATA, DATA)
def test_any_rows_under_any_metadata_are_kept_checked_or_counted(
    kind: str, metadata: schema.Metadata, data: list[Any]
) -> None:
    try:
        series = rows.series_of(kind, data, metadata)
    except SchemaError:
        return
    assert series.steps.shape == series.wall_times.shape == series.values.shape[:1]
    assert (np.diff(series.steps) > 0).all()
    assert (series.steps >= 0).all()
    left_out = sum(int(sentence.split()[0]) for sentence in series.skipped)
    repeated = len(data) - len({datum.step for datum in data})
    assert len(data) - repeated <= series.steps.size + left_out <= len(data)
    assert series.byte_count < 100_000
    assert row_checks.row_bytes(kind, metadata) >= 0


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_as_metadata_are_read_or_refused(content: bytes) -> None:
    said = "read"
    try:
        schema.metadata_from_bytes(content)
    except SchemaError as error:
        said = str(error)
    assert said
