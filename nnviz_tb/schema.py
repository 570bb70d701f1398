"""The vocabulary that the writing side and the reading side share, and nothing else.

A *run* is a directory of event files. A *layer* is named by its path in the model. A *neuron* is
one output unit: a column of a dense kernel, a filter of a convolution, a row of an embedding. A
*series* is what is recorded of one layer under one tag, a small tensor at every logged *step*.

Tags read ``nnviz/<series>/<layer path>``. A series name holds no ``/``; a layer path may hold any
text at all. Weight, bias and gradient histograms are not here: they go to TensorBoard's own
``histograms`` plugin under ``<layer path>/kernel`` and the like.

Every tag's metadata says once, as JSON, what cannot change while the run lasts
(:class:`LayerMetadata`, :class:`SeriesMetadata`, :class:`RunMetadata`). TensorBoard keeps the first
metadata it sees for a tag, so a restarted run that changes a layer's shape is recognised by the
length of its rows, not by its metadata; where that is the same, it is not. Another model needs
another directory.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nnviz_tb.definitions import NEURON_STATISTICS, QUANTILES
from nnviz_tb.errors import SchemaError

PLUGIN_NAME = "nnviz"
SCHEMA_VERSION = 1
TAG_PREFIX = "nnviz/"
RUN_TAG = "nnviz/run"

MAX_METADATA_BYTES = 64 * 1024
MAX_LAYER_NAME_LENGTH = 512
MAX_EXTREME_INDEX = 1 << 24
"""Neuron indexes travel as float32, which holds every integer up to here."""
SKETCH_DIMENSIONS = 8

SERIES = (
    "layer",
    "summary",
    "curve",
    "density",
    "output",
    "weights",
    "sketch",
    *NEURON_STATISTICS,
)
"""Every series name a tag may hold.

``layer``    float32[len(LAYER_FIELDS)]
``summary``  float32[len(SUMMARY_FIELDS)] of one array; the layer path is the array's own path
             (``dense/bias``, ``dense/kernel_gradient``)
``curve``    float32[3, grid] x, f(x), f′(x); or float32[7, grid] x and then lowest, median and
             highest f and the same of f′ over the channels. Logged when it changed.
``density``  int32[5 + n] of the activation's inputs: merge level, NaN, +Inf and −Inf counts, first
             bucket, then counts of n neighbouring buckets (:mod:`nnviz_tb.buckets`)
``output``   the same of the activation's outputs
``weights``  float32[tracked, columns], the raw weights of tracked neurons
``sketch``   float32[tracked, SKETCH_DIMENSIONS], random projection of each neuron's weights
others       float32[tracked], or float32[tracked + len(QUANTILES) + 2 * extremes] when some
             neurons are not tracked: then quantiles over all neurons, then the indexes of the most
             extreme neurons of this step, half lowest and half highest, then their values. The
             quantiles are NaN where only the tracked neurons are known: displacement, distance
"""

DENSITY_HEADER_LENGTH = 5


def tag_of(series: str, layer: str) -> str:
    """The tag under which a layer's series is stored."""
    return f"{TAG_PREFIX}{series}/{layer}"


def parse_tag(tag: str) -> tuple[str, str] | None:
    """``(series, layer path)`` of one of our tags; None for other tags and unknown series."""
    if not tag.startswith(TAG_PREFIX):
        return None
    series, slash, layer = tag[len(TAG_PREFIX) :].partition("/")
    if not slash or not layer or series not in SERIES:
        return None
    return series, layer


class _Metadata:
    """JSON in a tag's plugin data, told apart by ``kind`` and read by any later release."""

    kind: ClassVar[str]

    def to_bytes(self) -> bytes:
        """Compact JSON, keys as the field names."""
        content = {"v": SCHEMA_VERSION, "kind": self.kind, **dataclasses.asdict(self)}  # type: ignore[call-overload]
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class ActivationMetadata:
    """What does not change about a layer's activation.

    Attributes:
      function: the function's own name, as ``relu``.
      elementwise: it maps every input on its own, so it has a curve.
      bounded: its outputs have a lower and an upper limit, so it can saturate.
      has_dead_zone: a tail of it maps to zero with slope zero, so its units can die.
      per_channel: it has parameters of its own for every channel.
      learnable: it has trainable parameters.
    """

    function: str
    elementwise: bool = True
    bounded: bool = False
    has_dead_zone: bool = False
    per_channel: bool = False
    learnable: bool = False


@dataclass(frozen=True)
class LayerMetadata(_Metadata):
    """Of the ``layer`` series: the layer as the model declares it.

    Attributes:
      type: the framework's class name.
      order: place in the model, from 0.
      neurons: how many there are; 0 when the layer has none.
      fan_in: incoming weights of each neuron.
      kernel_shape: in the framework's own axis order.
      parameters: all the layer's parameters, trainable or not.
      trainable: whether the optimizer may change it.
      activation: None when the layer has none.
      notes: plain sentences on what could not be recorded or was assumed.
    """

    type: str
    order: int
    neurons: int = 0
    fan_in: int = 0
    kernel_shape: tuple[int, ...] = ()
    parameters: int = 0
    trainable: bool = True
    activation: ActivationMetadata | None = None
    notes: tuple[str, ...] = ()

    kind: ClassVar[str] = "layer"


@dataclass(frozen=True)
class SeriesMetadata(_Metadata):
    """Of every other series: how its rows are to be read.

    Attributes:
      neurons: neurons of the layer.
      tracked: neurons in each row; which ones, ``sampling.spread_sample(neurons, tracked, seed)``
        says.
      extremes: most extreme neurons in each row, 0 when all are tracked.
      fan_in: incoming weights of each neuron, for ``weights``.
      columns: incoming weights kept, ``spread_sample(fan_in, columns, seed)``, for ``weights``.
      seed: of all fixed choices.
    """

    neurons: int = 0
    tracked: int = 0
    extremes: int = 0
    fan_in: int = 0
    columns: int = 0
    seed: int = 0

    kind: ClassVar[str] = "series"

    @property
    def row_length(self) -> int:
        """Numbers in a row of a per-neuron statistic."""
        tail = len(QUANTILES) + 2 * self.extremes if self.tracked < self.neurons else 0
        return self.tracked + tail


@dataclass(frozen=True)
class RunMetadata(_Metadata):
    """Of the ``nnviz/run`` series: who wrote the run, under which limits.

    Attributes:
      writer: name and version of this package.
      frameworks: ``{"keras": "3.15.1", …}``, those imported when the run began.
      step_bytes: byte budget of a logged step.
      notes: plain sentences that concern the whole run.
    """

    writer: str
    frameworks: dict[str, str] = field(default_factory=dict)
    step_bytes: int = 0
    notes: tuple[str, ...] = ()

    kind: ClassVar[str] = "run"


Metadata = LayerMetadata | SeriesMetadata | RunMetadata
_KINDS: dict[str, type[Metadata]] = {
    cls.kind: cls for cls in (LayerMetadata, SeriesMetadata, RunMetadata)
}


def metadata_from_bytes(content: bytes) -> Metadata:
    """The metadata that ``to_bytes`` wrote, by this release or an older one.

    Raises:
      SchemaError: not our JSON, a kind or a type that is not ours, numbers out of range, or a
        version newer than :data:`SCHEMA_VERSION`. The message is fit to be shown.
    """
    if len(content) > MAX_METADATA_BYTES:
        raise SchemaError(f"metadata of {len(content)} bytes; at most {MAX_METADATA_BYTES} allowed")
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"metadata is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise SchemaError("metadata is not a JSON object")
    version = raw.get("v")
    if type(version) is not int or version < 1:
        raise SchemaError(f"metadata has no schema version: {str(version)[:80]!r}")
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"written by a newer nnviz_tb (schema {str(version)[:20]}, this one reads up to "
            f"{SCHEMA_VERSION}): upgrade nnviz_tb where TensorBoard runs"
        )
    cls = _KINDS.get(str(raw.get("kind")))
    if cls is None:
        raise SchemaError(f"unknown kind of metadata: {str(raw.get('kind'))[:80]!r}")
    metadata: Metadata = _build(cls, raw)
    return metadata


def _build(cls: type[Any], raw: dict[str, Any]) -> Any:
    values = {
        spec.name: _checked(f"{cls.__name__}.{spec.name}", str(spec.type), raw[spec.name])
        for spec in dataclasses.fields(cls)
        if spec.name in raw
    }
    try:
        return cls(**values)
    except TypeError as error:
        raise SchemaError(f"metadata is incomplete: {error}") from None


def _checked(name: str, kind: str, value: Any) -> Any:
    """``value`` as the annotated type ``kind``, or a SchemaError that names the field."""
    if kind == "int" and type(value) is int and 0 <= value < 1 << 53:
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "tuple[int, ...]" and isinstance(value, list):
        return tuple(_checked(name, "int", item) for item in value)
    if kind == "tuple[str, ...]" and isinstance(value, list):
        return tuple(_checked(name, "str", item) for item in value)
    if kind == "dict[str, str]" and isinstance(value, dict):
        return {key: _checked(name, "str", item) for key, item in value.items()}
    if kind == "ActivationMetadata | None" and (value is None or isinstance(value, dict)):
        return None if value is None else _build(ActivationMetadata, value)
    raise SchemaError(f"{name} must be {kind}, got {str(value)[:80]!r}")
