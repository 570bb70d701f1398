"""Scalars per second and megabytes of tensor records per second, beside other writers.

Timed: ``python tests/benchmarks/bench_writing.py [directory]``, about three minutes. As a test
(``test_bench_recording.py``) the same code runs once on a few records, untimed.

Ours has every record with the operating system when the call returns, so that a kill loses none;
so have the raw writes, of which those with a checksum are what is left when all else of a record
costs nothing. The others gather records and write them later; a flush ends their round.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import google_crc32c
import numpy as np
from rounds import Work, in_turns, ratio

from nnviz_tb.recording import appends, events
from nnviz_tb.recording.event_file import EventFile
from nnviz_tb.recording.events import Value
from nnviz_tb.recording.scalar_records import ScalarRecords
from nnviz_tb.recording.writer import SummaryWriter

SAFE = ("nnviz_tb", "os.write")
"""Ways whose records survive a kill once the call has returned."""

_steps = itertools.count()


def installed(name: str) -> bool:
    """Whether a rival can be run here."""
    return importlib.util.find_spec(name) is not None


def scalar_ways(directory: Path, count: int) -> dict[str, Work]:
    """Ways of logging ``count`` scalars, ours first."""
    writer = SummaryWriter(directory / "ours")
    record = ScalarRecords("loss").record(1.0, 10**6, 1.0)
    raw = os.open(directory / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def ours() -> None:
        for _ in range(count):
            writer.add_scalar("loss", 1.25, next(_steps))

    def raw_writes() -> None:
        for _ in range(count):
            os.write(raw, record)

    ways: dict[str, Work] = {"nnviz_tb add_scalar": ours, "os.write of as many bytes": raw_writes}
    for name in ("torch", "tensorboardX"):
        if installed(name):
            ways[f"{name} add_scalar"] = _adder(_summary_writer(name, directory / name), count)
    if installed("tensorflow"):
        import tensorflow as tf

        file_writer = tf.summary.create_file_writer(str(directory / "tf"))

        def with_tensorflow() -> None:
            with file_writer.as_default():
                for _ in range(count):
                    tf.summary.scalar("loss", 1.25, step=next(_steps))
            file_writer.flush()

        ways["tf.summary.scalar"] = with_tensorflow
    return ways


def tensor_ways(directory: Path, megabytes: int, side: int) -> dict[str, Work]:
    """Ways of logging ``megabytes`` of tensors of ``side`` × ``side``, ours first."""
    tensor = np.random.default_rng(0).standard_normal((side, side), np.float32)
    count = megabytes * 2**20 // tensor.nbytes
    directory = directory / str(side)
    directory.mkdir()
    file = EventFile(str(directory / "ours_tensors"), "bench")
    value = Value("weights", tensor, "nnviz", b"{}")
    record = events.encode_event(1.0, 1, events.encode_value(value, True))
    head, tail = record.split(tensor.tobytes())
    raw = os.open(directory / "raw_tensors", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def ours() -> None:
        for _ in range(count):
            file.write(next(_steps), 1.0, [value])
        _empty(Path(file.path))

    def by_python() -> None:
        with mock.patch.object(appends, "compiled", None):
            ours()

    def raw_writes() -> None:
        for _ in range(count):
            os.write(raw, record)
        os.ftruncate(raw, 0)
        os.lseek(raw, 0, os.SEEK_SET)

    def checked_writes() -> None:
        for _ in range(count):
            google_crc32c.extend(0, tensor)
            os.writev(raw, [head, tensor, tail])
        os.ftruncate(raw, 0)
        os.lseek(raw, 0, os.SEEK_SET)

    ways: dict[str, Work] = {
        "nnviz_tb": ours,
        "nnviz_tb without a compiler": by_python,
        "os.write of the same bytes": raw_writes,
        "os.writev and their checksum": checked_writes,
    }
    if installed("torch"):
        ways["torch add_tensor"] = _tensor_adder(directory, tensor, count)
    if installed("tensorflow"):
        ways["tf.io.TFRecordWriter"] = _record_writer(directory, record, count)
    return ways


def _summary_writer(name: str, directory: Path) -> object:
    if name == "torch":
        from torch.utils.tensorboard import SummaryWriter as Writer
    else:
        from tensorboardX import SummaryWriter as Writer
    return Writer(str(directory))


def _adder(writer: object, count: int) -> Callable[[], None]:
    def add() -> None:
        for _ in range(count):
            writer.add_scalar("loss", 1.25, next(_steps))
        writer.flush()

    return add


def _tensor_adder(directory: Path, tensor: np.ndarray, count: int) -> Work:
    numbers = itertools.count()

    def add() -> None:
        import torch

        place = directory / f"torch_tensors{next(numbers)}"
        writer, array = _summary_writer("torch", place), torch.from_numpy(tensor)
        for _ in range(count):
            writer.add_tensor("weights", array, next(_steps))
        writer.close()
        for path in place.iterdir():
            _empty(path)

    return add


def _record_writer(directory: Path, record: bytes, count: int) -> Work:
    import tensorflow as tf

    path = directory / "tf_records"

    def write() -> None:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for _ in range(count):
                writer.write(record)
        _empty(path)

    return write


def _empty(path: Path) -> None:
    """Gives the pages back, so that no round pays for another's."""
    os.truncate(path, 0)


def table(directory: Path, scalars: int, megabytes: int, rounds: int) -> list[str]:
    """Three tables: a line for each way, with its rate and its ratio to ours."""
    lines = [f"{'way':<32}{'per s':>12}{'CPU µs each':>14}{'× our time':>12}  safe under kill"]
    for ways, count, unit in (
        (scalar_ways(directory, scalars), scalars, "scalars"),
        (tensor_ways(directory, megabytes, 256), megabytes, "MiB of 256 KiB, as a logged step"),
        (tensor_ways(directory, megabytes, 512), megabytes, "MiB of 1 MiB"),
    ):
        lines.append(f"{unit}:")
        (ours, _), *others = ways.items()
        quick = {name: way for name, way in others if name.startswith(SAFE)}
        slow = {name: way for name, way in others if name not in quick}
        # Single rounds of the quick ways differ by a tenth; the slow ones take a hundred times as
        # long, and leave the caches to whoever comes next.
        for rivals, times in ((quick, 20 * rounds), (slow, rounds)):
            timings = in_turns({ours: ways[ours]} | rivals, times)
            lines += [
                f"{name:<32}{count / timing.wall:>12,.0f}{timing.cpu / count * 1e6:>14.1f}"
                f"{ratio(timing, timings[ours]):>12.2f}  {'no' if name in slow else 'yes'}"
                for name, timing in timings.items()
                if name != ours or rivals is quick
            ]
    return lines


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as place:
        print("\n".join(table(Path(place), scalars=2000, megabytes=8, rounds=15)))
