"""Rows as TensorBoard stores them: checked before they are expanded, through either provider."""

from __future__ import annotations

import resource
import sys
import types
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import synthetic_log as synthetic
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from synthetic_log import Log, tensor
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.compat.proto import tensor_pb2, types_pb2
from tensorboard.context import RequestContext
from tensorboard.data import grpc_provider
from tensorboard.data.proto import data_provider_pb2
from tensorboard.util import tensor_util

from nnviz_tb import schema
from nnviz_tb.errors import SchemaError
from nnviz_tb.reading import beneath, stored
from nnviz_tb.reading.reader import Reader
from nnviz_tb.reading.source import Scope

SCOPE = Scope(RequestContext(), "")


def multiplexed(logdir: Path) -> data_provider.MultiplexerDataProvider:
    """TensorBoard's Python reader over a folder, as it is now."""
    # By this name TensorBoard is told not to load TensorFlow, which takes seconds.
    sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("notf"))
    multiplexer = plugin_event_multiplexer.EventMultiplexer(
        tensor_size_guidance={"nnviz": 5000, "scalars": 5000}
    )
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    return data_provider.MultiplexerDataProvider(multiplexer, str(logdir))


class Derived(data_provider.MultiplexerDataProvider):  # type: ignore[misc]
    """Somebody else's provider, which may well check who asks."""


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    log = Log(tmp_path / "run")
    for step in (0, 1, 2, 7, 5):
        log.step(step, synthetic.rows_at(step), {"loss": step})
    return tmp_path


def test_the_providers_of_this_tensorboard_are_asked_below_their_public_interface(
    logdir: Path,
) -> None:
    assert isinstance(beneath.beneath(multiplexed(logdir)), beneath.Multiplexed)
    remote = grpc_provider.GrpcDataProvider("localhost:1", object())
    assert isinstance(beneath.beneath(remote), beneath.Remote)


def test_a_provider_of_somebody_else_is_asked_through_the_public_interface(logdir: Path) -> None:
    multiplexer = multiplexed(logdir)._multiplexer
    assert beneath.beneath(Derived(multiplexer, "")) is None
    assert beneath.beneath(None) is None


def test_both_ways_of_asking_give_the_same(logdir: Path) -> None:
    provider = multiplexed(logdir)
    below, public = Reader(provider), Reader(Derived(provider._multiplexer, str(logdir)))
    assert below.listing(SCOPE) == public.listing(SCOPE)
    assert below.run_tags(SCOPE, "run") == public.run_tags(SCOPE, "run")
    assert below.run_tags(SCOPE, "no such run") == {}
    for tag in below.run_tags(SCOPE, "run"):
        kind, layer = schema.parse_tag(tag) or ("run", "")
        one = below.series(SCOPE, "run", kind, layer)
        other = public.series(SCOPE, "run", kind, layer)
        np.testing.assert_array_equal(one.steps, [0, 1, 2, 5, 7])
        np.testing.assert_array_equal(one.steps, other.steps)
        np.testing.assert_array_equal(one.wall_times, other.wall_times)
        np.testing.assert_array_equal(one.values, other.values)
        assert one.values.dtype == other.values.dtype


def test_a_listing_follows_a_log_that_grows_and_forgets(logdir: Path) -> None:
    provider = multiplexed(logdir)
    reader = Reader(provider)
    assert reader.listing(SCOPE).scalars["run"]["loss"].last_step == 7
    again = Log(logdir / "run", 1)
    again.step(9, synthetic.rows_at(9), {"loss": 9.0})
    provider._multiplexer.Reload()
    listing = reader.listing(SCOPE)
    assert listing.scalars["run"]["loss"].last_step == 9
    assert listing == Reader(Derived(provider._multiplexer, str(logdir))).listing(SCOPE)


@given(
    hnp.arrays(st.sampled_from(["float32", "int32"]), hnp.array_shapes(min_dims=0, min_side=0)),
    st.booleans(),
)
def test_an_honest_tensor_reads_as_tensorboard_reads_it(values: np.ndarray, content: bool) -> None:
    proto = tensor(values)
    if not content:
        proto.ClearField("tensor_content")
        field = proto.float_val if values.dtype == np.float32 else proto.int_val
        field.extend(values.ravel().tolist())
    found = stored.array_of(proto)
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, tensor_util.make_ndarray(proto))


DIMENSIONS = st.lists(st.integers(-1, 1 << 62) | st.integers(0, 4), max_size=40)
TENSORS = st.builds(
    lambda dtype, sizes, content, floats, ints: tensor_pb2.TensorProto(
        dtype=dtype,
        tensor_content=content,
        float_val=floats,
        int_val=ints,
        tensor_shape={"dim": [{"size": size} for size in sizes]},
    ),
    st.sampled_from(types_pb2.DataType.values()),
    DIMENSIONS,
    st.binary(max_size=16),
    st.lists(st.floats(width=32), max_size=3),
    st.lists(st.integers(-(1 << 31), (1 << 31) - 1), max_size=3),
)


@given(TENSORS)
def test_any_tensor_is_read_or_refused_and_never_expanded(proto: tensor_pb2.TensorProto) -> None:
    try:
        values = stored.array_of(proto)
    except SchemaError:
        return
    assert values.dtype in (np.float32, np.int32)
    assert values.shape == tuple(axis.size for axis in proto.tensor_shape.dim)
    base = values if values.base is None else values.base
    assert getattr(base, "nbytes", 16) <= 16


ROWS = st.lists(
    st.tuples(
        st.sampled_from([types_pb2.DT_FLOAT, types_pb2.DT_INT32, types_pb2.DT_DOUBLE]),
        st.lists(st.integers(0, 3), max_size=3),
        st.binary(max_size=24),
    ),
    min_size=1,
    max_size=5,
)


def stored_rows(protos: list[tensor_pb2.TensorProto], packed: bool) -> stored.StoredRows:
    """The rows as the Python reader holds them, or as the data server sends them."""
    steps = list(range(len(protos)))
    if not packed:
        return stored.StoredRows(steps, [0.0] * len(protos), protos)
    message = data_provider_pb2.TensorData(step=steps, wall_time=[0.0] * len(protos), value=protos)
    return beneath.rows_of(data_provider_pb2.TensorData.FromString(message.SerializeToString()))


@given(ROWS, st.booleans(), st.booleans())
def test_rows_read_at_once_are_those_that_are_read_one_by_one(
    drawn: list[tuple[int, list[int], bytes]], repeated: bool, packed: bool
) -> None:
    described = [drawn[0]] * 3 if repeated else drawn
    protos = [
        tensor_pb2.TensorProto(
            dtype=dtype,
            tensor_content=content,
            tensor_shape={"dim": [{"size": size} for size in sizes]},
        )
        for dtype, sizes, content in described
    ]
    rows = stored_rows(protos, packed)
    whole = rows.alike()
    try:
        each = [row.numpy for row in rows]
    except SchemaError:
        each = []
    alike = len({(row.dtype, row.shape) for row in each}) == 1 and each[0].size > 0
    assert (whole is not None) == alike
    if whole is not None:
        np.testing.assert_array_equal(whole.view(np.int32), np.stack(each).view(np.int32))


@pytest.mark.parametrize("packed", [False, True])
def test_rows_of_one_length_and_another_shape_are_not_read_at_once(packed: bool) -> None:
    first, second = tensor(np.zeros((2, 3), np.float32)), tensor(np.ones((3, 2), np.float32))
    assert stored_rows([first, first], packed).alike() is not None
    assert stored_rows([first, second], packed).alike() is None
    second.dtype = types_pb2.DT_INT32
    assert stored_rows([first, second], packed).alike() is None


def bomb(shape: tuple[int, ...]) -> tensor_pb2.TensorProto:
    """One stored value that stands for all of a shape."""
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0])
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def test_a_few_bytes_that_stand_for_gigabytes_take_no_memory(tmp_path: Path) -> None:
    log = Log(tmp_path / "run")
    series = schema.SeriesMetadata(6, 6)
    for step in range(400):
        log.step(
            step,
            {
                "nnviz/bias/dense": (series, bomb((1 << 30,))),
                "nnviz/curve/dense": (series, bomb((7, 65536))),
                "nnviz/layer/dense": (synthetic.layer_metadata(), bomb((1 << 34,))),
            },
        )
    reader = Reader(multiplexed(tmp_path))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = reader.series(SCOPE, "run", "bias", "dense")
    assert refused.steps.size == 0
    assert "400 rows left out" in refused.skipped[0]
    with pytest.raises(Exception, match="too much to read at once"):
        reader.series(SCOPE, "run", "curve", "dense")
    assert (reader.series(SCOPE, "run", "layer", "dense").values == 1).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


class Call(Future[Any]):
    """Is cancelled when nobody holds it any more, as a call of gRPC's is."""

    cancelled_count = 0

    def __del__(self) -> None:
        if not self.done():
            Call.cancelled_count += 1


class SlowServer:
    """A data server whose answer comes after some other calls, which it never answers itself."""

    def __init__(self, calls: int, failure: Exception | None = None) -> None:
        self.trifles = 0
        self._calls, self._failure = calls, failure
        self._answer = Call()
        self.ListTensors = SimpleNamespace(future=lambda request: self._answer)
        self.GetExperiment = SimpleNamespace(future=self._trifle)

    def _trifle(self, request: object) -> Call:
        self.trifles += 1
        if self.trifles == self._calls and self._failure is not None:
            self._answer.set_exception(self._failure)
        elif self.trifles == self._calls:
            found = data_provider_pb2.ListTensorsResponse()
            found.runs.add(run_name="r").tags.add(tag_name="nnviz/run")
            self._answer.set_result(found)
        return Call()


@pytest.mark.parametrize("calls", [1, 3])
def test_an_answer_that_the_data_server_holds_back_is_fetched_by_asking_for_trifles(
    calls: int,
) -> None:
    Call.cancelled_count = 0
    server = SlowServer(calls)
    remote = beneath.Remote(server)
    found = remote.tags("", {schema.PLUGIN_NAME: 2}, None, None)
    assert list(found[schema.PLUGIN_NAME]["r"]) == ["nnviz/run"]
    assert server.trifles == calls
    # A server that sees many calls cancelled takes that for an attack, and hangs up on all.
    assert Call.cancelled_count == 0
    del remote


def test_what_the_data_server_fails_with_is_raised() -> None:
    with pytest.raises(ConnectionError, match="gone"):
        beneath.Remote(SlowServer(2, ConnectionError("gone"))).tags(
            "", {schema.PLUGIN_NAME: 2}, None, None
        )
