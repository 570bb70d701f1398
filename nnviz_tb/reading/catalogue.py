"""What there is to see: TensorBoard's listing as the JSON of the catalogue. Pure."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Protocol

from nnviz_tb.definitions import LAYER_FIELDS, NEURON_STATISTICS, QUANTILES, RUN_FIELDS, Definition
from nnviz_tb.errors import SchemaError
from nnviz_tb.health import KINDS, Thresholds
from nnviz_tb.reading.faults import shown
from nnviz_tb.schema import (
    MAX_LAYER_NAME_LENGTH,
    RUN_TAG,
    SCHEMA_VERSION,
    LayerMetadata,
    Metadata,
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
        self._entries: dict[str, tuple[Tags, Tags, bytes]] = {}

    def json(
        self, runs: Sequence[str], ours: Mapping[str, Tags], scalars: Mapping[str, Tags]
    ) -> bytes:
        """``{"runs": […]}`` in ASCII."""
        known, entries = self._entries, {}
        for run in runs:
            tags, numbers = ours.get(run, {}), scalars.get(run, {})
            entry = known.get(run)
            if entry is None or entry[0] != tags or entry[1] != numbers:
                text = json.dumps(
                    run_entry(run, tags, numbers), allow_nan=False, separators=(",", ":")
                )
                entry = tags, numbers, text.encode("ascii")
            entries[run] = entry
        self._entries = entries
        return b'{"runs":[' + b",".join(entry[2] for entry in entries.values()) + b"]}"


@lru_cache(maxsize=4096)
def _parsed(content: bytes) -> Metadata:
    # Bounded by 4,096 × 64 KiB at the very worst; ours take about 200 bytes.
    return metadata_from_bytes(content)


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


def run_entry(name: str, ours: Tags, scalars: Tags) -> dict[str, Any]:
    """The catalogue's entry of one run; what cannot be read is said in ``problems``."""
    problems: Counter[str] = Counter()
    layers: dict[str, dict[str, Any]] = {}
    summaries: list[str] = []
    pending: list[tuple[str, str, ListedTag, SeriesMetadata]] = []
    about = RunMetadata(writer="")
    for tag, listed in ours.items():
        place = parse_tag(tag)
        if place is None and tag != RUN_TAG:
            problems["a tag that is not of this schema"] += 1
            continue
        if place is not None and len(place[1]) > MAX_LAYER_NAME_LENGTH:
            problems[f"a layer name of more than {MAX_LAYER_NAME_LENGTH} characters"] += 1
            continue
        try:
            metadata = _parsed(listed.content)
        except SchemaError as error:
            problems[f"{shown(tag)}: {error}" if place is None else str(error)] += 1
            continue
        if place is None:
            if isinstance(metadata, RunMetadata):
                about = metadata
        elif place[0] == "layer":
            if isinstance(metadata, LayerMetadata):
                layers[place[1]] = _layer_entry(place[1], metadata)
        elif isinstance(metadata, SeriesMetadata):
            if place[0] == "summary":
                summaries.append(place[1])
            else:
                pending.append((*place, listed, metadata))
    for kind, layer, listed, metadata in pending:
        if layer in layers:
            layers[layer]["series"][kind] = {
                "tracked": metadata.tracked,
                "last_step": listed.last_step,
            }
        else:
            problems["a series of a layer that is not described"] += 1
    _place_summaries(layers, summaries, problems)
    times = [entry.last_wall_time for entry in (*ours.values(), *scalars.values())]
    return {
        "name": name,
        "scalars": _scalar_entries(scalars),
        "last_step": max(
            (entry.last_step for entry in (*ours.values(), *scalars.values())), default=None
        ),
        "last_wall_time": max((time for time in times if math.isfinite(time)), default=None),
        "writer": about.writer,
        "frameworks": about.frameworks,
        "notes": list(about.notes),
        "layers": sorted(layers.values(), key=lambda layer: (layer["order"], layer["name"])),
        "problems": _told(problems),
    }


def _layer_entry(name: str, metadata: LayerMetadata) -> dict[str, Any]:
    # Not asdict: it copies deeply, which for 25,000 layers took two seconds.
    activation = metadata.activation and vars(metadata.activation)
    entry = {**vars(metadata), "activation": activation}
    return {"name": name, **entry, "series": {}, "summaries": []}


def _scalar_entries(scalars: Tags) -> list[dict[str, Any]]:
    return [
        {"tag": tag, "last_step": listed.last_step}
        for tag, listed in sorted(scalars.items())[:MAX_SCALARS_LISTED]
    ]


def _place_summaries(
    layers: dict[str, dict[str, Any]], summaries: list[str], problems: Counter[str]
) -> None:
    """Gives every summarised array to the layer with the longest path above it."""
    for path in sorted(summaries):
        layer, slash, array = path.rpartition("/")
        while slash and layer not in layers:
            layer, slash, _ = layer.rpartition("/")
            array = path[len(layer) + 1 :]
        if slash:
            layers[layer]["summaries"].append(array)
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
