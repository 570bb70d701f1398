"""What there is to see: TensorBoard's listing as JSON, all runs in brief and one in full. Pure."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from nnviz_tb.definitions import LAYER_FIELDS, NEURON_STATISTICS, QUANTILES, RUN_FIELDS, Definition
from nnviz_tb.errors import SchemaError
from nnviz_tb.health import KINDS, Thresholds
from nnviz_tb.health.loss import is_loss
from nnviz_tb.reading.descriptions import MAX_KEPT_BYTES, described
from nnviz_tb.reading.faults import shown
from nnviz_tb.reading.parameters import MAX_NAME_LENGTH
from nnviz_tb.schema import (
    MAX_LAYER_NAME_LENGTH,
    RUN_TAG,
    SCHEMA_VERSION,
    LayerMetadata,
    RunMetadata,
    SeriesMetadata,
    metadata_from_bytes,
    parse_tag,
)

MAX_PROBLEMS = 20
MAX_SCALARS_LISTED = 1000


class ListedTag(Protocol):
    """What is known of a tag without reading it."""

    @property
    def last_step(self) -> int: ...
    @property
    def last_wall_time(self) -> float: ...
    @property
    def content(self) -> bytes: ...


Tags = Mapping[str, ListedTag]


class Book:
    """The catalogue as JSON; of a run that has not changed, what was written the last time.

    Polled every second or two by every open page, while few of hundreds of runs still grow.
    """

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Tags, Tags, float | None, bytes]] = {}

    def json(
        self,
        runs: Mapping[str, float | None],
        ours: Mapping[str, Tags],
        scalars: Mapping[str, Tags],
    ) -> bytes:
        """``{"runs": […]}`` in ASCII.

        Args:
          runs: when each began, in seconds since 1970, where that is known.
        """
        known, entries = self._entries, {}
        for run, start in runs.items():
            tags, numbers = ours.get(run, {}), scalars.get(run, {})
            entry = known.get(run)
            if entry is None or entry[:3] != (tags, numbers, start):
                entry = tags, numbers, start, run_json(run, tags, numbers, start).encode("ascii")
            entries[run] = entry
        self._entries = entries
        return b'{"runs":[' + b",".join(entry[3] for entry in entries.values()) + b"]}"


def definitions() -> dict[str, Any]:
    """The JSON of ``./definitions``: what every figure means."""

    def as_json(named: Mapping[str, Definition]) -> dict[str, Any]:
        return {name: asdict(definition) for name, definition in named.items()}

    return {
        "schema": SCHEMA_VERSION,
        "statistics": as_json(NEURON_STATISTICS),
        "layer_fields": as_json(LAYER_FIELDS),
        "run_fields": as_json(RUN_FIELDS),
        "quantiles": list(QUANTILES),
        "findings": {name: asdict(kind) for name, kind in KINDS.items()},
        "thresholds": Thresholds.describe(),
    }


@dataclass
class _Layer:
    """A described layer, and what is found of it."""

    order: int
    head: str
    series: list[str] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    last_step: int = 0
    last_wall_time: float = 0.0

    def saw(self, listed: ListedTag) -> None:
        """Notes that something of the layer was recorded then."""
        if listed.last_step > self.last_step:
            self.last_step = listed.last_step
        if listed.last_wall_time > self.last_wall_time:
            self.last_wall_time = _finite(listed.last_wall_time)

    @property
    def text(self) -> str:
        """The layer's entry."""
        summaries = _text(self.summaries) if self.summaries else "[]"
        return (
            f'{self.head},"last_step":{self.last_step},"last_wall_time":{self.last_wall_time!r},'
            f'"series":{{{",".join(self.series)}}},"summaries":{summaries}}}'
        )


def run_json(name: str, ours: Tags, scalars: Tags, start: float | None) -> str:
    """The catalogue's entry of one run.

    Args:
      ours: our tags, or :data:`RUN_TAG` alone.
      start: seconds since 1970; None where it is not known.
    """
    started = start if start is not None and math.isfinite(start) else None
    return _text({**_brief(name, ours, scalars, *_about(ours)), "start_time": started})


def contents_json(name: str, ours: Tags, scalars: Tags) -> str:
    """That entry but for its start, with scalars and layers; ``problems``: what cannot be read.

    The runs of a sweep describe their layers in the same words, which are therefore parsed and
    written once and joined as text: three times as fast as one ``json.dumps``.
    """
    about, problems = _about(ours)
    layers: dict[str, _Layer] = {}
    summaries: list[tuple[str, ListedTag]] = []
    pending: list[tuple[str, str, ListedTag, int]] = []
    for tag, listed in ours.items():
        if tag == RUN_TAG:
            continue
        place = _place(tag) if len(tag) <= MAX_NAME_LENGTH else parse_tag(tag)
        if place is None:
            problems["a tag that is not of this schema"] += 1
            continue
        if len(place[1]) > MAX_LAYER_NAME_LENGTH:
            problems[f"a layer name of more than {MAX_LAYER_NAME_LENGTH} characters"] += 1
            continue
        metadata = described(listed.content)
        if isinstance(metadata, SchemaError):
            problems[str(metadata)] += 1
        elif place[0] == "layer":
            if isinstance(metadata, LayerMetadata):
                head = _kept_head if len(listed.content) <= MAX_KEPT_BYTES else _head
                layer = layers[place[1]] = _Layer(metadata.order, head(place[1], listed.content))
                layer.saw(listed)
        elif isinstance(metadata, SeriesMetadata):
            if place[0] == "summary":
                summaries.append((place[1], listed))
            else:
                pending.append((*place, listed, metadata.tracked))
    for kind, path, listed, tracked in pending:
        found = layers.get(path)
        if found is None:
            problems["a series of a layer that is not described"] += 1
            continue
        found.saw(listed)
        found.series.append(f'"{kind}":{{"tracked":{tracked},{_when(listed)}}}')
    _place_summaries(layers, summaries, problems)
    scalars_listed = _scalars_listed(name, scalars, problems)
    ordered = sorted(layers.items(), key=lambda item: (item[1].order, item[0]))
    return (
        f"{_text(_brief(name, ours, scalars, about, problems))[:-1]},"
        f'"scalars":[{",".join(scalars_listed)}],'
        f'"layers":[{",".join(layer.text for _, layer in ordered)}]}}'
    )


def _about(ours: Tags) -> tuple[RunMetadata, Counter[str]]:
    """What the run says of itself, and what is wrong with that."""
    listed = ours.get(RUN_TAG)
    metadata = None if listed is None else described(listed.content)
    if isinstance(metadata, SchemaError):
        return RunMetadata(writer=""), Counter([f"{shown(RUN_TAG)}: {metadata}"])
    return metadata if isinstance(metadata, RunMetadata) else RunMetadata(writer=""), Counter()


def _brief(
    name: str, ours: Tags, scalars: Tags, about: RunMetadata, problems: Counter[str]
) -> dict[str, Any]:
    everything = (*ours.values(), *scalars.values())
    times = [entry.last_wall_time for entry in everything]
    return {
        "name": name,
        "recorded": bool(ours),
        "last_step": max((entry.last_step for entry in everything), default=None),
        "last_wall_time": max((time for time in times if math.isfinite(time)), default=None),
        "writer": about.writer,
        "frameworks": about.frameworks,
        "notes": list(about.notes),
        "problems": _told(problems),
    }


def _text(content: Any) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


@lru_cache(maxsize=16384)
def _place(tag: str) -> tuple[str, str] | None:
    return parse_tag(tag)


@lru_cache(maxsize=4096)
def _kept_head(name: str, content: bytes) -> str:
    return _head(name, content)


def _head(name: str, content: bytes) -> str:
    """The entry of a layer without its end: what its description says."""
    return _text({"name": name, **asdict(metadata_from_bytes(content))})[:-1]


def _finite(wall_time: float) -> float:
    return wall_time if math.isfinite(wall_time) else 0.0


def _when(listed: ListedTag) -> str:
    return f'"last_step":{listed.last_step},"last_wall_time":{_finite(listed.last_wall_time)!r}'


def _scalars_listed(run: str, scalars: Tags, problems: Counter[str]) -> list[str]:
    """The entries of the scalars, of too many the losses first; what is left out is a problem."""
    tags = [tag for tag in sorted(scalars) if len(tag) <= MAX_NAME_LENGTH]
    if len(tags) < len(scalars):
        overlong = f"a scalar's tag of more than {MAX_NAME_LENGTH} characters"
        problems[overlong] += len(scalars) - len(tags)
    if len(tags) > MAX_SCALARS_LISTED:
        problems[f"a scalar beyond {MAX_SCALARS_LISTED}"] += len(tags) - MAX_SCALARS_LISTED
        losses_first = sorted(tags, key=lambda tag: not is_loss(tag, run))
        tags = sorted(losses_first[:MAX_SCALARS_LISTED])
    return [f'{{"tag":{json.dumps(tag)},{_when(scalars[tag])}}}' for tag in tags]


def _place_summaries(
    layers: dict[str, _Layer], summaries: list[tuple[str, ListedTag]], problems: Counter[str]
) -> None:
    """Gives every summarised array to the layer with the longest path above it."""
    for path, listed in sorted(summaries):
        layer, slash, array = path.rpartition("/")
        while slash and layer not in layers:
            layer, slash, _ = layer.rpartition("/")
            array = path[len(layer) + 1 :]
        if slash:
            layers[layer].summaries.append(array)
            layers[layer].saw(listed)
        else:
            problems["a summary of an array that belongs to no described layer"] += 1


def _told(problems: Counter[str]) -> list[str]:
    told = [
        f"{problem} ({count} times)" if count > 1 else problem
        for problem, count in problems.most_common(MAX_PROBLEMS)
    ]
    if len(problems) > MAX_PROBLEMS:
        told.append(f"{len(problems) - MAX_PROBLEMS} more problems")
    return told
