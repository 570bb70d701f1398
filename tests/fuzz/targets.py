"""What bytes from outside meet first, as functions of bytes: each raises only what it may.

A log's bytes reach us as metadata, as tensors, and as whole event files; a request's as a query
string; an answer's, in tests and tools, as a container. Every target returns quietly for bytes that
are refused as documented, raises anything else through, and checks what is accepted.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto import summary_pb2
from tensorboard.data.proto import data_provider_pb2

from nnviz_tb import schema
from nnviz_tb.errors import SchemaError, WireError
from nnviz_tb.reading import (
    beneath,
    catalogue,
    densities,
    parameters,
    projection,
    queries,
    rows,
    wire,
)
from nnviz_tb.reading.faults import BadRequestError
from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.plugin import ROUTE_PARAMETERS
from nnviz_tb.reading.row_checks import row_bytes
from nnviz_tb.reading.stored import Listed, StoredRow, StoredRows

MAX_BYTES = 1 << 20
"""What a series of a few hundred fuzzed bytes may take: a curve may stand for many numbers."""


def metadata(content: bytes) -> None:
    """Bytes of a tag's metadata."""
    try:
        found = schema.metadata_from_bytes(content)
    except SchemaError as error:
        _shown(str(error))
        return
    assert schema.metadata_from_bytes(found.to_bytes()) == found


def container(content: bytes) -> None:
    """Bytes of an answer."""
    try:
        meta, arrays = wire.decode(content)
    except WireError as error:
        _shown(str(error))
        return
    assert sum(array.nbytes for array in arrays.values()) <= len(content) * max(len(arrays), 1)
    json.dumps(meta)


def query(content: bytes) -> None:
    """A query string."""
    for names in ROUTE_PARAMETERS.values():
        _query_of_one_route(content.decode("latin-1"), names)


def _query_of_one_route(text: str, names: tuple[str, ...]) -> None:
    try:
        values = parameters.parse(text, names)
        parameters.selection(values)
        parameters.limits(values)
        parameters.name(values, "run")
    except BadRequestError as error:
        _shown(str(error))


def series(content: bytes) -> None:
    """A ``Summary``: its first metadata is the tag's, its values are the rows, of any kind."""
    try:
        summary = summary_pb2.Summary.FromString(content)
    except DecodeError:
        return
    values = summary.value
    if not values:
        return
    described = values[0].metadata.plugin_data.content
    try:
        metadata_of_tag = schema.metadata_from_bytes(described)
    except SchemaError:
        return
    steps = range(len(values))
    tensors = [value.tensor for value in values]
    data = [StoredRow(step, float(step), tensor) for step, tensor in enumerate(tensors)]
    at_once = StoredRows(steps, [float(step) for step in steps], tensors)
    for kind in (*schema.SERIES, "run"):
        try:
            row_bytes(kind, metadata_of_tag)
            found = rows.series_of(kind, data, metadata_of_tag, MAX_BYTES)
        except SchemaError as error:
            _shown(str(error))
            continue
        _same(found, rows.series_of(kind, at_once, metadata_of_tag, MAX_BYTES))
        assert found.steps.shape == found.wall_times.shape == found.values.shape[:1]
        for sentence in found.skipped:
            _shown(sentence)
        _answered(kind, found)


def _same(one: rows.Series, other: rows.Series) -> None:
    np.testing.assert_array_equal(one.steps, other.steps)
    assert one.values.dtype == other.values.dtype
    assert one.values.shape == other.values.shape
    assert one.values.tobytes() == other.values.tobytes()
    assert one.skipped == other.skipped


def sent(content: bytes) -> None:
    """A ``TensorData``, as TensorBoard's data server sends the rows of one tag."""
    try:
        message = data_provider_pb2.TensorData.FromString(content)
        data = beneath.rows_of(message)
    except (DecodeError, ValueError):
        return
    whole = data.alike()
    if whole is None:
        return
    assert whole.nbytes <= len(content)
    for row, at_once in zip(data, whole, strict=True):
        assert row.numpy.shape == at_once.shape
        assert row.numpy.tobytes() == at_once.tobytes()


def _answered(kind: str, found: rows.Series) -> None:
    """What a route makes of the series can be encoded, and comes back."""
    selection = Selection()
    if kind in ("layer", "run", "summary"):
        answer = queries.fields(found, selection, ["x"])
    elif kind in ("density", "output"):
        answer = densities.density(found, selection)
    elif kind == "curve":
        answer = queries.curve(found)
    elif kind == "sketch":
        answer = projection.path(found, selection)
    elif kind == "weights":
        answer = queries.weights(found, selection, None)
    else:
        answer = queries.neurons(found, selection)
    _, arrays = wire.decode(wire.encode(answer.meta, answer.arrays))
    np.testing.assert_array_equal(arrays["steps"], found.steps)


def listing(content: bytes) -> None:
    """Tags and metadata, split at zero bytes, as a run of the catalogue."""
    pieces = content.split(b"\0")
    tags = {
        "nnviz/" + name.decode("utf-8", "replace"): Listed(place, float(place), described)
        for place, (name, described) in enumerate(zip(pieces[::2], pieces[1::2], strict=False))
    }
    entry: dict[str, Any] = json.loads(catalogue.contents_json("run", tags, {}))
    assert len(entry["problems"]) <= catalogue.MAX_PROBLEMS + 1
    assert entry["name"] == "run"


def _shown(message: str) -> None:
    assert 0 < len(message) < 1000


TARGETS: dict[str, Callable[[bytes], None]] = {
    "metadata": metadata,
    "container": container,
    "query": query,
    "series": series,
    "sent": sent,
    "listing": listing,
}


def seeds() -> dict[str, list[bytes]]:
    """Well-formed inputs of every target, from which mutations start."""
    described = [
        schema.LayerMetadata(
            "Dense", 3, 6, 3, (3, 6), 24, True, schema.ActivationMetadata("relu"), ("a note",)
        ),
        schema.SeriesMetadata(6, 6, 0, 3, 3, 7),
        schema.SeriesMetadata(40, 6, 4, 3, 3, 7),
        schema.RunMetadata("nnviz_tb 0.1.0", {"keras": "3.15.1"}, 1 << 18, ("a note",)),
    ]
    rng = np.random.default_rng(0)
    stored = []
    for about in described:
        for row in (
            rng.random(6, np.float32),
            rng.random((6, 3), np.float32),
            rng.random((6, 8), np.float32),
            rng.random((3, 9), np.float32),
            np.array([1, 0, 1, 0, -3, 2, 0, 5], np.int32),
            rng.random(23, np.float32),
        ):
            summary = summary_pb2.Summary()
            for _ in range(2):
                value = summary.value.add(tag="nnviz/bias/dense")
                value.metadata.plugin_data.content = about.to_bytes()
                value.tensor.dtype = 1 if row.dtype == np.float32 else 3
                value.tensor.tensor_content = row.tobytes()
                for size in row.shape:
                    value.tensor.tensor_shape.dim.add(size=size)
            stored.append(summary.SerializeToString())
    columns = [data_provider_pb2.TensorData() for _ in range(3)]
    for message, count in zip(columns, (1, 3, 40), strict=True):
        for step in range(count):
            message.step.append(step)
            message.wall_time.append(float(step))
            value = message.value.add(
                dtype=1, tensor_content=rng.random(count, np.float32).tobytes()
            )
            value.tensor_shape.dim.add(size=count)
    bodies = [
        wire.encode(
            {"key": "0", "skipped": []},
            {"steps": np.arange(4.0), "u": np.arange(3, dtype=np.uint8)},
        ),
        wire.encode({}, {}),
        struct.pack("<4sII", b"NNVZ", 1, 4) + b"{}  ",
    ]
    return {
        "metadata": [about.to_bytes() for about in described],
        "container": bodies,
        "query": [
            b"run=digits%2Fadam&layer=dense&statistic=bias&steps=100&from=1&to=9&after=3&have=0af1",
            b"run=a&thresholds=dead_units:0.3,window:7",
        ],
        "series": stored,
        "sent": [message.SerializeToString() for message in columns],
        "listing": [
            b"\0".join(
                part
                for name, about in zip(
                    (b"layer/dense", b"bias/dense", b"summary/dense/bias", b"run"),
                    described,
                    strict=True,
                )
                for part in (name, about.to_bytes())
            )
        ],
    }
