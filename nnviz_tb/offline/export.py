"""Any series of a log as a table: CSV, JSON, and Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import importlib
import itertools
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import LAYER_FIELDS, NEURON_STATISTICS, RUN_FIELDS, SUMMARY_FIELDS
from nnviz_tb.errors import ArgumentError
from nnviz_tb.offline.logdir import Log
from nnviz_tb.reading import densities
from nnviz_tb.reading.evidence import neurons_of
from nnviz_tb.reading.rows import Series
from nnviz_tb.sampling import spread_sample
from nnviz_tb.schema import RUN_TAG, TAG_PREFIX, SeriesMetadata, parse_tag

FORMATS = (".csv", ".json", ".parquet")


@dataclass(frozen=True)
class Table:
    """A series laid out flat, one row for each step.

    Attributes:
      columns: names; the first two are ``step`` and ``wall_time``.
      values: ``float64[columns, steps]``; NaN where not measured.
    """

    columns: tuple[str, ...]
    values: NDArray[np.float64]


def names(log: Log, run: str) -> list[str]:
    """What :func:`table` can be asked for: scalar tags, then ``series/layer``, and ``run``."""
    listing = log.listing()
    ours = [tag for tag in listing.ours.get(run, {}) if parse_tag(tag) or tag == RUN_TAG]
    return [*sorted(listing.scalars.get(run, {})), *sorted(tag[len(TAG_PREFIX) :] for tag in ours)]


def table(log: Log, run: str, name: str) -> Table:
    """A series as a table.

    Args:
      name: a scalar's tag, ``run``, or ``series/layer`` as :func:`names` lists them. Where a
        scalar has the name of a series, ``nnviz/series/layer`` is the series.

    Raises:
      ArgumentError: no such run or series, with those that there are.
    """
    if name in log.listing().scalars.get(run, {}):
        series = log.scalar(run, name)
        return _table(series, ["value"], series.values)
    tag = name if name.startswith(TAG_PREFIX) else TAG_PREFIX + name
    if tag == RUN_TAG:
        series = log.series(run, "run", "")
        return _table(series, list(RUN_FIELDS), series.values)
    place = parse_tag(tag)
    if place is None:
        known = ", ".join(names(log, run)) or "none"
        raise ArgumentError(f"no series {name!r} in run {run!r}; series: {known}")
    kind, layer = place
    series = log.series(run, kind, layer)
    return _table(series, *_columns(kind, series))


def _table(series: Series, columns: Sequence[str], values: NDArray[Any]) -> Table:
    rows = values.reshape(series.steps.size, -1).T.astype(np.float64)
    return Table(
        ("step", "wall_time", *columns), np.vstack([series.steps, series.wall_times, rows])
    )


def _columns(kind: str, series: Series) -> tuple[list[str], NDArray[Any]]:
    """Column names, and ``[steps, columns]`` values in their order."""
    values = series.values
    if kind == "layer":
        return list(LAYER_FIELDS), values
    if kind == "summary":
        return list(SUMMARY_FIELDS), values
    if kind in ("density", "output"):
        frame = densities.frame_of(values)
        counts = densities.aligned(values, frame)
        borders = [f"{left:g}..{right:g}" for left, right in itertools.pairwise(frame.edges)]
        return ["nan", "+inf", "-inf", *borders], np.hstack([values[:, 1:4], counts])
    if kind == "curve":
        parts = ("x", "f", "slope") if values.shape[1] == 3 else (
            "x", "f_low", "f_median", "f_high", "slope_low", "slope_median", "slope_high"
        )  # fmt: skip
        return [f"{part}[{place}]" for part in parts for place in range(values.shape[2])], values
    if kind in NEURON_STATISTICS:
        neurons = neurons_of(series)
        return [f"neuron {neuron}" for neuron in neurons.neurons], neurons.values.T
    neurons = neurons_of(series)
    columns: Sequence[int] = range(values.shape[2])
    if kind == "weights" and isinstance(series.metadata, SeriesMetadata):
        metadata = series.metadata
        columns = spread_sample(metadata.fan_in, metadata.columns, metadata.seed).tolist()
    return [
        f"neuron {neuron}[{column}]" for neuron in neurons.neurons for column in columns
    ], values


def write(content: Table, path: str | os.PathLike[str]) -> None:
    """Write a table; the ending of the file's name gives the format.

    Raises:
      ArgumentError: an ending that is not one of :data:`FORMATS`, a folder that is not there, or
        Parquet without pyarrow.
    """
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in FORMATS:
        raise ArgumentError(f"output must end in {', '.join(FORMATS)}, got {target.name!r}")
    try:
        if ending == ".parquet":
            _write_parquet(content, target)
        else:
            with target.open("w", encoding="utf-8", newline="") as file:
                (write_csv if ending == ".csv" else write_json)(content, file)
    except OSError as error:
        raise ArgumentError(f"output {str(target)!r} cannot be written: {error}") from error


def write_csv(content: Table, file: TextIO) -> None:
    """RFC 4180 with a header; an empty cell is a value that was not measured."""
    writer = csv.writer(file)
    writer.writerow(content.columns)
    for row in content.values.T:
        writer.writerow(
            [int(row[0]), *("" if math.isnan(x) else repr(x) for x in row[1:].tolist())]
        )


def write_json(content: Table, file: TextIO) -> None:
    """``{"columns": [name, …], "rows": [[value, …], …]}``; null is a value not measured.

    Infinity, which JSON lacks, is the string ``Infinity`` or ``-Infinity``.
    """
    rows = [[int(row[0]), *(_json_number(x) for x in row[1:].tolist())] for row in content.values.T]
    json.dump({"columns": list(content.columns), "rows": rows}, file, allow_nan=False)


def _json_number(value: float) -> float | str | None:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _write_parquet(content: Table, target: Path) -> None:
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ArgumentError("Parquet needs pyarrow: pip install pyarrow, or use .csv") from None
    columns = {
        name: values.astype(np.int64) if name == "step" else values
        for name, values in zip(content.columns, content.values, strict=True)
    }
    parquet.write_table(pyarrow.table(columns), target)
