"""``nnviz_tb.report(logdir)``: what is wrong in the runs of a log directory, typed and in words."""

from __future__ import annotations

import html
import os
import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import (
    SEVERITIES,
    Assessment,
    Finding,
    NotMeasured,
    Severity,
    Thresholds,
    assess,
)
from nnviz_tb.offline.logdir import Progress, open_log

_COLOURS = {"severe": "\x1b[31m", "warning": "\x1b[33m", "info": "\x1b[2m"}
_PLAIN = "\x1b[0m"


@dataclass(frozen=True, repr=False)
class Report:
    """The assessments of several runs. Iterating gives the findings, worst first.

    Attributes:
      logdir: the directory that was read.
      assessments: one for each run, in the order of their names.
      thresholds: the limits by which they were judged.
    """

    logdir: str
    assessments: tuple[Assessment, ...]
    thresholds: Thresholds

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, worst first, then by run."""
        every = [finding for item in self.assessments for finding in item]
        return tuple(sorted(every, key=lambda item: -SEVERITIES.index(item.severity)))

    @property
    def not_measured(self) -> tuple[NotMeasured, ...]:
        """All that could not be judged."""
        return tuple(entry for item in self.assessments for entry in item.not_measured)

    @property
    def worst(self) -> Severity | None:
        """The worst severity found; None when nothing was."""
        return max((item.severity for item in self), key=SEVERITIES.index, default=None)

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of this severity and worse ones."""
        least = SEVERITIES.index(severity)
        return tuple(item for item in self if SEVERITIES.index(item.severity) >= least)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Fit for JSON: the layout of ``python -m nnviz_tb report --json``."""
        return {
            "logdir": self.logdir,
            "worst": self.worst,
            "runs": [item.as_dict() for item in self.assessments],
        }

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return f"<Report on {self.logdir!r}: {_counts(self)}>"

    def _repr_html_(self) -> str:
        """Tables for notebooks: what was found, and, folded, what was not measured."""
        found = [
            (item.severity, item.run, item.layer, str(item.first_step), item.sentence, item.advice)
            for item in self
        ]
        gaps = [(item.run, item.sentence, item.advice) for item in self.not_measured]
        head = f"<p><b>{html.escape(self.logdir)}</b> · {_counts(self)}</p>"
        parts = [head]
        if found:
            parts.append(_html_table(("", "run", "layer", "since step", "finding"), found))
        if gaps:
            table = _html_table(("run", "not measured"), gaps)
            parts.append(f"<details><summary>not measured: {len(gaps)}</summary>{table}</details>")
        return "".join(parts)


def _html_table(names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    """A table; the last text of each row goes below the one before it."""
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        + f'<td style="text-align:left">{html.escape(sentence)}<br/>'
        + f"<small>{html.escape(advice)}</small></td></tr>"
        for *cells, sentence, advice in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _counts(made: Report) -> str:
    runs = len(made.assessments)
    counts = {name: sum(item.severity == name for item in made) for name in reversed(SEVERITIES)}
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{runs} run{'s' * (runs != 1)}: {told}"


def report(
    logdir: str | os.PathLike[str],
    *,
    runs: str | None = None,
    thresholds: Thresholds | Mapping[str, float] | None = None,
    losses: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """What is wrong in the runs of a log directory, and what could not be judged.

    Args:
      logdir: a log directory of any writer; of ours all is judged, of others what scalars and
        histograms tell.
      runs: regular expression that a run's name must contain.
      thresholds: the limits, or those that differ from the defaults, by name.
      losses: tags of scalars that are losses though their names do not say so.
      progress: called with runs read, runs in all and the name of the run.

    Raises:
      ArgumentError: no such directory, no runs in it, or an argument that is not allowed.
    """
    if not isinstance(thresholds, Thresholds):
        thresholds = Thresholds().changed(thresholds or {})
    try:
        pattern = re.compile(runs or "")
    except re.error as error:
        raise ArgumentError(f"runs is no regular expression: {runs!r}: {error}") from None
    log = open_log(logdir, progress)
    chosen = [run for run in log.runs if pattern.search(run)]
    if not chosen:
        raise ArgumentError(f"no run matches {runs!r}; runs: {', '.join(log.runs)}")
    assessments = tuple(assess(log.run_series(run, tuple(losses)), thresholds) for run in chosen)
    return Report(log.path, assessments, thresholds)


def as_text(
    made: Report, *, width: int | None = None, colour: bool = False, every: bool = False
) -> str:
    """The report for people at a terminal.

    Args:
      width: of the terminal; None to ask it.
      colour: mark severities by colour, besides by word.
      every: with informative findings, and with each thing that was not measured.
    """
    width = max(40, width or shutil.get_terminal_size((100, 24)).columns)
    lines: list[str] = []
    for item in made.assessments:
        lines += [_title(item), *_findings(item, width, colour, every)]
        lines += [*_gaps(item, width, every), ""]
    lines.append(_counts(made))
    return "\n".join(lines)


def _title(item: Assessment) -> str:
    layers = len([name for name in item.judged if name])
    return f"{item.run}  ({layers} layer{'s' * (layers != 1)} judged)"


def _findings(item: Assessment, width: int, colour: bool, every: bool) -> list[str]:
    shown = [finding for finding in item if every or finding.severity != "info"]
    if not shown:
        judged = sum(len(kinds) for kinds in item.judged.values())
        return ["  nothing found" if judged else "  nothing could be judged"]
    lines = []
    for finding in shown:
        mark = f"{finding.severity:<8}"
        if colour:
            mark = f"{_COLOURS[finding.severity]}{mark}{_PLAIN}"
        body = textwrap.wrap(finding.sentence, width - 12) or [""]
        advice = textwrap.wrap(finding.advice, width - 14)
        lines.append(f"  {mark}  {body[0]}")
        lines += [" " * 12 + line for line in body[1:]]
        lines += [
            " " * 12 + ("→ " if not place else "  ") + line for place, line in enumerate(advice)
        ]
    return lines


def _gaps(item: Assessment, width: int, every: bool) -> list[str]:
    if not item.not_measured:
        return []
    if not every:
        kinds = dict.fromkeys(entry.kind.replace("_", " ") for entry in item.not_measured)
        text = f"not measured: {', '.join(kinds)} (--all says why)"
        return textwrap.wrap(text, width - 2, initial_indent="  ", subsequent_indent="    ")
    lines = []
    for entry in item.not_measured:
        text = f"not measured: {entry.sentence} {entry.advice}"
        lines += textwrap.wrap(text, width - 2, initial_indent="  ", subsequent_indent="    ")
    return lines
