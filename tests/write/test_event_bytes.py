"""The bytes we put down by hand, against the protobuf classes and TensorBoard's own framing."""

from __future__ import annotations

import io
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto import event_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util import tensor_util

from nnviz_tb.recording import events
from nnviz_tb.recording.events import Value
from nnviz_tb.recording.pieces import framed_event
from nnviz_tb.recording.scalar_records import ScalarRecords

TAGS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300)
STEPS = st.integers(0, 2**63 - 1)
SHAPES = st.lists(st.integers(0, 300), max_size=3).map(tuple)


@given(TAGS, STEPS, SHAPES, st.sampled_from(["f4", "f8", "i4", "u1"]), st.binary(max_size=400))
def test_an_event_is_what_protobuf_would_have_written(tag, step, shape, dtype, content):
    tensor = np.resize(np.arange(7, dtype=dtype), shape if math.prod(shape) < 10_000 else (3,))
    value = Value(tag, tensor, "nnviz", content)
    ours = events.encode_event(1.5, step, events.encode_value(value, True))

    event = event_pb2.Event(wall_time=1.5, step=step)
    entry = event.summary.value.add(tag=tag)
    entry.metadata.plugin_data.plugin_name = "nnviz"
    entry.metadata.plugin_data.content = content
    entry.metadata.data_class = 2
    entry.tensor.dtype = {"f4": 1, "f8": 2, "i4": 3, "u1": 4}[dtype]
    entry.tensor.tensor_shape.SetInParent()
    for size in tensor.shape:
        entry.tensor.tensor_shape.dim.add(size=size)
    entry.tensor.tensor_content = tensor.tobytes()

    # Steps of 0 are written though protobuf leaves them out, so messages are compared, not bytes.
    assert event_pb2.Event.FromString(ours) == event
    read = tensor_util.make_ndarray(event_pb2.Event.FromString(ours).summary.value[0].tensor)
    np.testing.assert_array_equal(read.reshape(tensor.shape), tensor)


@given(TAGS, SHAPES, st.sampled_from(["f4", "f8"]))
def test_the_size_of_a_value_is_known_from_its_shape(tag, shape, dtype):
    tensor = np.zeros(shape if math.prod(shape) < 10_000 else (5,), dtype)
    encoded = events.encode_value(Value(tag, tensor, "nnviz", b"{}"), False)
    size = events.value_size(len(events.encode_tag(tag)), tensor.shape, tensor.itemsize)
    assert size == len(encoded)


@given(TAGS, st.lists(st.tuples(st.floats(0.0, 1e18), STEPS, st.floats()), min_size=1))
def test_the_short_way_of_a_scalar_writes_the_same_bytes(tag, logged):
    records = ScalarRecords(tag)
    for wall_time, step, number in logged:
        value = events.encode_value(events.scalar(tag, number), False)
        long = events.frame(events.encode_event(wall_time, step, value))
        assert records.record(wall_time, step, number) == long


@given(st.floats())
def test_a_scalar_becomes_the_float32_that_numpy_makes_of_it(number):
    with np.errstate(over="ignore"):
        expected = np.float32(number)
    (stored,) = struct.unpack("<f", events.pack_float(number))
    np.testing.assert_equal(np.float32(stored), expected)


@given(st.binary(max_size=3000))
def test_a_record_is_framed_as_tensorboard_frames_it(message):
    file = io.BytesIO()
    file.close = lambda: None  # its bytes are wanted after the writer has closed it
    RecordWriter(file).write(message)
    assert events.frame(message) == file.getvalue()
    assert len(events.frame(message)) == len(message) + events.FRAME_BYTES


def test_every_file_begins_with_the_version_that_readers_ask_for():
    event = event_pb2.Event.FromString(events.encode_file_version(1.0, "nnviz_tb 1"))
    assert (event.file_version, event.source_metadata.writer) == ("brain.Event:2", "nnviz_tb 1")


def test_a_big_endian_array_is_stored_little_endian():
    value = Value("t", np.arange(4, dtype=">f4"), "nnviz")
    event = event_pb2.Event.FromString(
        events.encode_event(0.0, 0, events.encode_value(value, False))
    )
    read = tensor_util.make_ndarray(event.summary.value[0].tensor)
    np.testing.assert_array_equal(read, np.arange(4, dtype="f4"))


def test_a_dtype_that_breaks_readers_is_refused():
    with pytest.raises(TypeError, match="float16"):
        events.encode_value(Value("t", np.zeros(2, np.float16), "nnviz"), False)


def test_a_lone_surrogate_in_a_tag_becomes_its_escape():
    assert events.encode_tag("a\ud800") == b"a\\ud800"


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([(), (3,), (200, 90), (0, 4), (70_000,)]), min_size=1, max_size=5),
    st.sampled_from(["<f4", ">f4", "<f8"]),
    st.booleans(),
)
def test_a_record_in_pieces_is_the_record_in_one(shapes, dtype, known):
    values = [
        Value(f"tag {n}", np.arange(math.prod(shape), dtype=dtype).reshape(shape), "nnviz", b"{}")
        for n, shape in enumerate(shapes)
    ]
    values += [value._replace(tag=f"{value.tag}.T", tensor=value.tensor.T) for value in values]
    tags = {value.tag for value in values} if known else set()
    whole = events.frame(events.encode_event(2.5, 77, events.encode_values(values, tags)))
    record = framed_event(2.5, 77, values, tags)
    assert b"".join(record.pieces) == whole
    assert record.size == len(whole)
