"""The compiled way of appending an event, against Python's, which defines its bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import google_crc32c
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnviz_tb.recording import appends
from nnviz_tb.recording.appends import append_event, append_like_before
from nnviz_tb.recording.events import Value, scalar
from nnviz_tb.recording.pieces import framed_event

TAGS = st.text(st.characters(codec="utf-8"), max_size=300)
SHAPES = st.sampled_from([(), (0,), (3,), (0, 4), (5, 128, 2), (16_383,), (128, 128), (70_000,)])
DTYPES = st.sampled_from(["<f4", "<f8", "<i4", "u1"])
FLOATS = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def file(tmp_path):
    """A file open for appending, and who it is."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    status = os.fstat(fd)
    yield fd, (status.st_dev, status.st_ino)
    os.close(fd)


def content(fd):
    return os.pread(fd, os.fstat(fd).st_size, 0)


def test_the_extension_was_built():
    assert appends.compiled is not None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(TAGS, st.tuples(SHAPES, DTYPES), max_size=6),
    st.floats(),
    st.integers(0, 2**63 - 1),
    st.sampled_from([list, tuple]),
)
def test_it_writes_what_python_writes(file, tensors, wall_time, step, kind):
    fd, identity = file
    values = kind(
        Value(tag, np.resize(np.arange(250, dtype=dtype), shape).astype(dtype), "nnviz", b"{}")
        for tag, (shape, dtype) in tensors.items()
    )
    plugins = dict.fromkeys(tensors, "nnviz")
    os.ftruncate(fd, 0)
    size = append_like_before(fd, identity, wall_time, step, values, plugins)
    expected = b"".join(framed_event(wall_time, step, values, plugins).pieces)
    assert content(fd) == expected
    assert size == len(expected)


def test_events_follow_one_another(file):
    fd, identity = file
    values = [scalar("loss", 0.5), Value("kernel", np.zeros((200, 100), np.float32), "nnviz")]
    plugins: dict[str, str] = {}
    by_python = append_event(fd, 1.0, 1, values, plugins)
    assert plugins == {"loss": "scalars", "kernel": "nnviz"}
    head = content(fd)
    assert len(head) == by_python
    assert append_like_before(fd, identity, 2.0, 2, values, plugins)
    record = framed_event(2.0, 2, values, plugins)
    assert content(fd) == head + b"".join(record.pieces)


@pytest.mark.parametrize(
    "value",
    [
        Value("new", FLOATS, "nnviz"),
        Value("known", FLOATS.astype(">f4"), "nnviz"),
        Value("known", FLOATS.T, "nnviz"),
        Value("known", FLOATS[:, ::2], "nnviz"),
        Value("known", FLOATS.astype(np.float16), "nnviz"),
        Value("known", FLOATS.astype(np.int64), "nnviz"),
        Value("known", FLOATS.astype(ml_dtypes.bfloat16), "nnviz"),
        Value("known", FLOATS.astype([("a", "<f4"), ("b", "<f4")]), "nnviz"),
        Value("a lone \ud800", FLOATS, "nnviz"),
        Value("known", None, "nnviz"),
        "known",
        ("known",),
    ],
)
def test_what_it_does_not_know_is_left_to_python_and_nothing_written(file, value):
    known = {"known": "nnviz", "a lone \ud800": "nnviz"}
    assert append_like_before(*file, 1.0, 1, [scalar("known", 1.0), value], known) == 0
    assert content(file[0]) == b""


def test_more_pieces_than_one_call_takes_are_left_to_python(file):
    large = Value("known", np.zeros(16_384, np.float32), "nnviz")
    known = {"known": "nnviz"}
    assert append_like_before(*file, 1.0, 1, [large] * 251, known) == 0
    assert content(file[0]) == b""
    assert append_like_before(*file, 1.0, 1, [large] * 250, known) > 250 * 65_536


def test_a_file_that_is_not_the_one_meant_is_left_alone(file, tmp_path):
    fd, (device, inode) = file
    values, known = [scalar("loss", 1.0)], {"loss": "scalars"}
    assert append_like_before(fd, (device, inode + 1), 1.0, 1, values, known) == 0
    assert append_like_before(fd, (device + 1, inode), 1.0, 1, values, known) == 0
    assert append_like_before(-1, (device, inode), 1.0, 1, values, known) == 0
    assert append_like_before(fd, (device, inode), 1.0, 1, values, known) > 0
    (tmp_path / "file").unlink()
    size = len(content(fd))
    assert append_like_before(fd, (device, inode), 1.0, 1, values, known) == 0
    assert len(content(fd)) == size


def test_a_file_that_may_not_be_written_to_is_an_error_of_the_system(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with open(path, "rb") as readable:
        status = os.fstat(readable.fileno())
        with pytest.raises(OSError, match="Bad file descriptor"):
            append_like_before(
                readable.fileno(),
                (status.st_dev, status.st_ino),
                1.0,
                1,
                [scalar("loss", 1.0)],
                {"loss": "scalars"},
            )


def test_wrong_arguments_are_named(file):
    fd, identity = file
    append, extend = appends.compiled.append, google_crc32c.extend
    for arguments in (
        (),
        (fd, [*identity], 1.0, 1, [], {}, extend),
        (fd, identity, 1.0, 1, [], [], extend),
    ):
        with pytest.raises(TypeError, match="append takes fd, identity"):
            append(*arguments)
    for arguments in (
        (fd, identity, "1", 1, [], {}, extend),
        (fd, identity, 1.0, 1.5, [], {}, extend),
        (fd, identity, 1.0, 1, 7, {}, extend),
        (fd, identity, 1.0, 1, [([], FLOATS)], {}, extend),
        (fd, identity, 1.0, 1, [], {}, None),
        (fd, ("a", 1), 1.0, 1, [], {}, extend),
    ):
        with pytest.raises(TypeError):
            append(*arguments)
    with pytest.raises(OverflowError):
        append(fd, identity, 1.0, -1, [], {}, extend)
    assert content(fd) == b""


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_checksum_that_fails_costs_the_record_and_nothing_else(file, failing):
    fd, identity = file
    calls = []

    def extend(crc, piece):
        calls.append(piece)
        if len(calls) == failing:
            raise RuntimeError("no checksum")
        return google_crc32c.extend(crc, piece)

    large = Value("known", np.zeros(20_000, np.float32), "nnviz")
    values, known = [large, scalar("known", 1.0)], {"known": "nnviz"}
    with pytest.raises(RuntimeError, match="no checksum"):
        appends.compiled.append(fd, identity, 1.0, 1, values, known, extend)
    assert content(fd) == b""
    assert appends.compiled.append(fd, identity, 1.0, 1, values, known, extend) > 0


def test_ctrl_c_ends_a_write_that_does_not(tmp_path):
    code = """
        import os, signal, sys, threading
        import numpy as np
        from nnviz_tb.recording.appends import append_like_before
        from nnviz_tb.recording.events import Value

        path = sys.argv[1]
        os.mkfifo(path)
        fd = os.open(path, os.O_RDWR)
        status = os.fstat(fd)
        values = [Value("known", np.zeros(1 << 20, np.float32), "nnviz")]
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            append_like_before(
                fd, (status.st_dev, status.st_ino), 1.0, 1, values, {"known": "nnviz"}
            )
        except KeyboardInterrupt:
            print("interrupted")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), tmp_path / "fifo"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_no_memory_is_left_behind(file):
    """Of tensors and tags: every reference that a call takes it gives back."""
    fd, identity = file
    tensor = np.zeros(20_000, np.float32)
    tag = "a tag of its own"
    known = {tag: "nnviz"}
    cases = [
        [Value(tag, tensor, "nnviz")],
        [Value(tag, tensor, "nnviz"), Value("new", tensor, "nnviz")],
        [Value(tag, tensor, "nnviz"), Value(tag, tensor[::2], "nnviz")],
    ]
    before = sys.getrefcount(tensor), sys.getrefcount(tag), sys.getrefcount(known)
    for values in cases * 10:
        append_like_before(fd, identity, 1.0, 1, values, known)
    assert (sys.getrefcount(tensor), sys.getrefcount(tag), sys.getrefcount(known)) == before
