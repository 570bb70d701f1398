"""Runs whose event files are well framed and hold what no writer of ours would write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from synthetic_log import Log, layer_metadata, rows_at, tensor
from tensorboard.compat.proto import tensor_pb2, types_pb2

from nnviz_tb import schema

SERIES = schema.SeriesMetadata(6, 6, 0, 3, 3, 7)
GOOD = np.arange(6, dtype=np.float32)

NAMES = (
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "a//b/./..",
    "line\nbreak\ttab\x01\x7f",
    "\u202eright to left\u202c \u0000 nul".replace("\u0000", "0"),
    "层/🧠 é",
    "%2e%2e%2f?run=x&layer=y#z",
    " leading and trailing ",
)

BAD_ROWS: dict[str, Any] = {
    "float64": GOOD.astype(np.float64),
    "int32": GOOD.astype(np.int32),
    "too short": GOOD[:3],
    "too long": np.zeros(600, np.float32),
    "a scalar": np.float32(1),
    "a matrix": np.zeros((2, 3), np.float32),
    "empty": np.zeros(0, np.float32),
}
"""Rows among good ones: each is left out, and said."""

LYING_TENSORS: dict[str, tensor_pb2.TensorProto] = {
    "content shorter than its shape": tensor(GOOD),
    "a shape that no memory holds": tensor(GOOD),
    "no such dtype": tensor(GOOD),
    "one value for four terabytes": tensor_pb2.TensorProto(
        dtype=types_pb2.DT_FLOAT, float_val=[1.0]
    ),
    "a string": tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"x"]),
}
LYING_TENSORS["content shorter than its shape"].tensor_shape.dim[0].size = 7
LYING_TENSORS["a shape that no memory holds"].tensor_shape.dim[0].size = 1 << 60
LYING_TENSORS["no such dtype"].dtype = 99
LYING_TENSORS["one value for four terabytes"].tensor_shape.dim.add(size=1 << 40)
"""Tensors that contradict themselves: the series cannot be read, and nothing else is harmed."""


def lying(**changes: Any) -> bytes:
    """Metadata of a per-neuron series with some entries changed."""
    return json.dumps({**json.loads(SERIES.to_bytes()), **changes}).encode()


LYING_METADATA: dict[str, bytes] = {
    "not JSON": b"\x00\xff{",
    "nothing": b"",
    "a newer schema": lying(v=99),
    "no version": lying(v=None),
    "another kind": lying(kind="layer"),
    "an unknown kind": lying(kind="x"),
    "a negative count": lying(neurons=-1),
    "a count that is true": lying(neurons=True),
    "more tracked than there are": lying(neurons=6, tracked=1 << 40),
    "sizes beyond all memory": lying(neurons=1 << 52, tracked=1 << 52),
    "odd extremes": lying(neurons=9, extremes=3),
    "a kind of 60,000 characters": lying(kind="k" * 60_000),
    "a version of 4,000 digits": lying(v=10**4000),
    "a list for a version": lying(v=[0] * 20_000),
    "deep nesting": b"[" * 5000,
    "too much of it": lying(notes="x" * schema.MAX_METADATA_BYTES),
}

UNBACKED_METADATA: dict[str, bytes] = {
    "a size that the rows do not have": lying(neurons=1 << 20, tracked=1 << 20),
    "extremes that the rows do not have": lying(neurons=9, extremes=1 << 20),
}
"""Metadata that no row bears out: empty, with the reason in ``skipped``."""


def write_hostile_runs(logdir: Path) -> None:
    """Writes a run for every kind of hostility, ``names`` first and ``zz last``."""
    log = Log(logdir / "names")
    for order, name in enumerate(NAMES):
        tags = {
            schema.tag_of("layer", name): (
                layer_metadata(order),
                rows_at(0)["nnviz/layer/dense"][1],
            ),
            schema.tag_of("bias", name): (SERIES, GOOD),
        }
        log.step(order, tags, {name: 1.0})
    log = Log(logdir / "rows")
    described = {"nnviz/layer/dense": rows_at(0)["nnviz/layer/dense"]}
    log.step(0, {**described, "nnviz/bias/dense": (SERIES, GOOD)})
    for step, row in enumerate(BAD_ROWS.values(), 1):
        log.step(step, {"nnviz/bias/dense": (SERIES, row)})
    nonfinite = np.array([np.nan, np.inf, -np.inf, 1, 2, 3], np.float32)
    log.step(20, {"nnviz/bias/dense": (SERIES, nonfinite)})
    log = Log(logdir / "tensors")
    log.step(0, {**described, "nnviz/bias/dense": (SERIES, GOOD)})
    for name, proto in LYING_TENSORS.items():
        log.step(0, {schema.tag_of("bias", name): (SERIES, proto)})
    log = Log(logdir / "metadata")
    log.step(0, {**described, "nnviz/bias/dense": (SERIES, GOOD)})
    for name, content in {**LYING_METADATA, **UNBACKED_METADATA}.items():
        log.step(0, {schema.tag_of("bias", name): (content, GOOD)})
    log.step(0, {schema.tag_of("bias", "l" * 700): (SERIES, GOOD), "nnviz/later/x": (SERIES, GOOD)})
    log = Log(logdir / "twice")
    log.step(0, {**described, "nnviz/bias/dense": (SERIES, GOOD)})
    log.twice(1, "nnviz/bias/dense", SERIES, GOOD, GOOD + 1)
    log.step(3, {"nnviz/bias/dense": (SERIES, GOOD + 3)})
    endless = "m" * (1 << 20)
    log = Log(logdir / "endless names")
    log.step(0, {**described, schema.tag_of("bias", endless): (SERIES, GOOD)}, {endless: 1.0})
    large = lying(neurons=1 << 25, tracked=1 << 25)
    Log(logdir / "large").step(0, {**described, "nnviz/bias/dense": (large, GOOD)})
    Log(logdir / "zz last").step(0, {}, {"x": 1.0})
