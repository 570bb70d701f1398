"""Event files written by hand, straight from the schema and the TFRecord framing.

The writer under test elsewhere takes no part: what is read here is what the documents say. Framing:
length, masked CRC-32C of the length, the record, masked CRC-32C of the record
(https://www.tensorflow.org/tutorials/load_data/tfrecord).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2

from nnviz_tb import schema
from nnviz_tb.definitions import LAYER_FIELDS
from nnviz_tb.sampling import spread_sample

DTYPES = {
    np.dtype("float16"): types_pb2.DT_HALF,
    np.dtype("float32"): types_pb2.DT_FLOAT,
    np.dtype("float64"): types_pb2.DT_DOUBLE,
    np.dtype("int32"): types_pb2.DT_INT32,
    np.dtype("int64"): types_pb2.DT_INT64,
    np.dtype("uint8"): types_pb2.DT_UINT8,
}


def framed(record: bytes) -> bytes:
    """One TFRecord."""
    length = struct.pack("<Q", len(record))
    return length + _masked_crc(length) + record + _masked_crc(record)


def _masked_crc(content: bytes) -> bytes:
    crc = google_crc32c.value(content)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def tensor(values: Any) -> tensor_pb2.TensorProto:
    """Little-endian ``tensor_content``."""
    array = np.ascontiguousarray(values)
    proto = tensor_pb2.TensorProto(dtype=DTYPES[array.dtype], tensor_content=array.tobytes())
    for size in np.shape(values):
        proto.tensor_shape.dim.add(size=size)
    return proto


class Log:
    """An event file in a run directory, one record per :meth:`step`."""

    def __init__(self, folder: Path, serial: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"events.out.tfevents.17900000{serial:02d}.host.{serial}"
        self._seen: set[str] = set()
        self._write(event_pb2.Event(wall_time=1790000000.0, file_version="brain.Event:2"))

    def _write(self, event: event_pb2.Event) -> None:
        with self.path.open("ab") as file:
            file.write(framed(event.SerializeToString()))

    def step(
        self,
        step: int,
        rows: dict[str, tuple[schema.Metadata | bytes, Any]],
        scalars: dict[str, float] | None = None,
        wall_time: float | None = None,
    ) -> None:
        """Writes one record.

        Args:
          rows: ``{tag: (metadata, array or TensorProto)}``; metadata goes out once per tag.
          scalars: ``{tag: value}`` for TensorBoard's own dashboard.
        """
        event = event_pb2.Event(
            step=step, wall_time=1790000000.0 + step if wall_time is None else wall_time
        )
        for tag, (metadata, values) in rows.items():
            proto = values if isinstance(values, tensor_pb2.TensorProto) else tensor(values)
            value = event.summary.value.add(tag=tag, tensor=proto)
            content = metadata if isinstance(metadata, bytes) else metadata.to_bytes()
            self._describe(value, tag, "nnviz", content, summary_pb2.DATA_CLASS_TENSOR)
        for tag, number in (scalars or {}).items():
            value = event.summary.value.add(tag=tag, tensor=tensor(np.float32(number)))
            self._describe(value, tag, "scalars", b"", summary_pb2.DATA_CLASS_SCALAR)
        self._write(event)

    def twice(self, step: int, tag: str, metadata: Any, values: Any, again: Any) -> None:
        """One record that holds the same tag two times."""
        event = event_pb2.Event(step=step, wall_time=1790000000.0 + step)
        for row in (values, again):
            value = event.summary.value.add(tag=tag, tensor=tensor(row))
            content = metadata.to_bytes()
            self._describe(value, tag, "nnviz", content, summary_pb2.DATA_CLASS_TENSOR)
        self._write(event)

    def _describe(self, value: Any, tag: str, plugin: str, content: bytes, data_class: int) -> None:
        if tag in self._seen:
            return
        self._seen.add(tag)
        value.metadata.plugin_data.plugin_name = plugin
        value.metadata.plugin_data.content = content
        value.metadata.data_class = data_class


RUN = schema.RunMetadata("nnviz_tb test", {"numpy": np.__version__}, 1 << 18, ("a note",))
RELU = schema.ActivationMetadata("relu", has_dead_zone=True)
"""The layer that most tests read: 6 neurons, all tracked, fan-in 3."""
NEURONS, FAN_IN = 6, 3
WIDE_NEURONS, TRACKED, EXTREMES = 1000, 16, 4


def layer_metadata(order: int = 0, neurons: int = NEURONS) -> schema.LayerMetadata:
    """A dense layer with ReLU."""
    shape = (FAN_IN, neurons)
    return schema.LayerMetadata(
        "Dense", order, neurons, FAN_IN, shape, (FAN_IN + 1) * neurons, True, RELU, ("assumed",)
    )


def weights_at(step: int) -> np.ndarray:
    """``float32[FAN_IN, NEURONS]`` kernel at a step: every weight drifts, each at its own rate."""
    index = np.arange(FAN_IN * NEURONS, dtype=np.float64).reshape(FAN_IN, NEURONS)
    return (np.cos(index) + np.sin(index * 1.7) * step / 50).astype(np.float32)


def rows_at(step: int, layer: str = "dense", order: int = 0) -> dict[str, tuple[Any, Any]]:
    """Everything that is recorded of the small layer at one step."""
    kernel = weights_at(step)
    series = schema.SeriesMetadata(NEURONS, NEURONS, 0, FAN_IN, FAN_IN, 7)
    fields = np.full(len(schema_fields()), np.nan, np.float32)
    fields[:9] = np.quantile(kernel, (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1))
    fields[schema_fields().index("displacement")] = 0.001 * (step + 1)
    x = np.linspace(-5, 5, 257, dtype=np.float32)
    curve = np.stack([x, np.maximum(x, 0), (x > 0).astype(np.float32)])
    first = -3 + step % 5
    density = np.array([step % 2, 0, 1, 0, first, 2, 0, 5, 9, 4, 1], np.int32)
    return {
        schema.RUN_TAG: (RUN, np.array([0.01, 0.002, 2048, 0, 0.01], np.float32)),
        schema.tag_of("layer", layer): (layer_metadata(order), fields),
        schema.tag_of("weight_norm", layer): (
            series,
            np.linalg.norm(kernel.astype(np.float64), axis=0).astype(np.float32),
        ),
        schema.tag_of("bias", layer): (series, kernel[0] * np.float32(0.1)),
        schema.tag_of("weights", layer): (series, kernel.T.copy()),
        schema.tag_of("sketch", layer): (series, sketch_at(step)),
        schema.tag_of("summary", f"{layer}/bias"): (series, np.arange(17, dtype=np.float32)),
        schema.tag_of("density", layer): (series, density),
        schema.tag_of("output", layer): (series, density),
        schema.tag_of("curve", layer): (series, curve),
    }


def sketch_at(step: int) -> np.ndarray:
    """``float32[NEURONS, 8]``, a fixed linear map of the kernel."""
    directions = np.random.default_rng(3).standard_normal((FAN_IN, schema.SKETCH_DIMENSIONS))
    return (weights_at(step).T.astype(np.float64) @ directions).astype(np.float32)


def wide_row(step: int) -> tuple[schema.SeriesMetadata, np.ndarray, np.ndarray]:
    """``(metadata, all neurons' values, the row as stored)`` of a partly tracked layer."""
    values = np.random.default_rng(step).standard_normal(WIDE_NEURONS).astype(np.float32)
    metadata = schema.SeriesMetadata(WIDE_NEURONS, TRACKED, EXTREMES, seed=5)
    order = np.argsort(values)
    extreme = np.concatenate([order[: EXTREMES // 2], order[-EXTREMES // 2 :]])
    row = np.concatenate(
        [
            values[spread_sample(WIDE_NEURONS, TRACKED, 5)],
            np.quantile(values, (0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)),
            extreme,
            values[extreme],
        ]
    ).astype(np.float32)
    return metadata, values, row


def schema_fields() -> list[str]:
    """Names of the ``layer`` vector, in order."""
    return list(LAYER_FIELDS)
