"""``python -m nnviz_tb report|plot|export``: the same answers as the panel's, at a terminal.

Exit status: 0 all well, 1 findings at or above ``--fail-on``, 2 bad arguments or unreadable logs,
130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from nnviz_tb.errors import ArgumentError, NnvizError

INTERRUPTED = 130
_BAR_WIDTH = 24


def main(arguments: Sequence[str] | None = None, alone: bool = False) -> int:
    """Run one command; the exit status.

    Args:
      arguments: of the command line; this process's by default.
      alone: nothing else is done in this process.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if alone:
        # Elsewhere output that is no terminal is in the system's own code page, which lacks signs
        # of ours, and line ends that a CSV file has already would be made into others.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        from nnviz_tb.offline.tensorflow_choice import spare_tensorflow

        spare_tensorflow(options.logdir)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        status = command(options)
        if sys.stdout is not None:
            sys.stdout.flush()  # at the interpreter's end nobody could say that the reader is gone
        return status
    except (NnvizError, ImportError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does. Nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = argparse.ArgumentParser(
        prog="python -m nnviz_tb",
        description="Look at the logs of neural networks without a TensorBoard server.",
        epilog="Exit status: 0 all well, 1 findings at or above --fail-on, 2 bad arguments or "
        "unreadable logs, 130 interrupted.",
    )
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        help="say which release this is, and whether a C compiler was found when it was installed",
    )
    commands = parser.add_subparsers(required=True, metavar="report|plot|export")
    _add_report(commands)
    _add_plot(commands)
    _add_export(commands)
    return parser


class _Version(argparse.Action):
    """Found out when it is asked for: the writing side is imported for nothing else here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        from nnviz_tb.recording import appends
        from nnviz_tb.statistics.engine import ENGINE
        from nnviz_tb.version import version

        statistics = {"c": "compiled", "numpy": "NumPy"}[ENGINE]
        records = "Python" if appends.compiled is None else "compiled"
        print(f"nnviz_tb {version()} (statistics: {statistics}, records: {records})")
        parser.exit()


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("logdir", help="log directory, as given to TensorBoard")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(command=run)
    return parser


def _add_report(commands: Any) -> None:
    parser = _command(
        commands, "report", "Say what is wrong in the runs, where, since when.", _report
    )
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--all", action="store_true", help="with informative findings and all gaps")
    parser.add_argument("--run", metavar="REGEX", help="only runs whose name contains this")
    parser.add_argument("--loss", metavar="TAG", action="append", default=[], help="a loss's tag")
    parser.add_argument(
        "--fail-on",
        choices=("info", "warning", "severe"),
        help="exit with status 1 when something this bad, or worse, is found",
    )
    parser.add_argument(
        "--threshold",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=_assignment,
        help="change a limit (docs/findings.md lists them); may be repeated",
    )


def _add_plot(commands: Any) -> None:
    parser = _command(commands, "plot", "Draw one picture to PNG, SVG or PDF.", _plot)
    parser.add_argument("picture", choices=("loss", "activation", "weights", "biases", "neurons"))
    parser.add_argument("-o", "--output", required=True, help="file; its ending gives the format")
    parser.add_argument(
        "--run", help="name of the run; needed when there are several, but for loss"
    )
    parser.add_argument("--layer", help="path of the layer; the first that fits by default")
    parser.add_argument("--tag", help="scalar to draw as the loss")
    parser.add_argument("--statistic", default="weight_norm", help="for neurons")
    parser.add_argument("--step", type=int, help="for activation: the step; the last by default")
    parser.add_argument("--dpi", type=float, default=160.0)
    parser.add_argument("--dark", action="store_true", help="light on dark")


def _add_export(commands: Any) -> None:
    parser = _command(commands, "export", "Write any series as CSV, JSON or Parquet.", _export)
    parser.add_argument(
        "--series", help="scalar tag, or series/layer as `weight_norm/dense`; none lists them all"
    )
    parser.add_argument("--run", help="name of the run; needed when there are several")
    parser.add_argument(
        "-o", "--output", help="file; .csv, .json or .parquet. Standard output: CSV"
    )


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        if not equals:
            raise ValueError
        return name.strip(), float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"NAME=VALUE with a number expected, got {text!r}"
        ) from None


def _report(options: argparse.Namespace) -> int:
    from nnviz_tb.offline import reporting

    made = reporting.report(
        options.logdir,
        runs=options.run,
        thresholds=dict(options.threshold),
        losses=options.loss,
        progress=_bar(options),
    )
    if options.json:
        print(json.dumps(made.as_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print(reporting.as_text(made, colour=colour, every=options.all))
    return int(bool(options.fail_on and made.at_least(options.fail_on)))


def _plot(options: argparse.Namespace) -> int:
    from nnviz_tb.plot.draw import draw

    draw(
        options.logdir,
        options.picture,
        options.output,
        run=options.run,
        layer=options.layer,
        tag=options.tag,
        statistic=options.statistic,
        step=options.step,
        dpi=options.dpi,
        dark=options.dark,
        progress=_bar(options),
    )
    return 0


def _export(options: argparse.Namespace) -> int:
    from nnviz_tb.offline import export
    from nnviz_tb.offline.logdir import open_log

    log = open_log(options.logdir, _bar(options))
    run = log.only_run(options.run)
    if options.series is None:
        if options.output:
            raise ArgumentError("--output needs --series")
        print("\n".join(export.names(log, run)))
        return 0
    table = export.table(log, run, options.series)
    if options.output:
        export.write(table, options.output)
    else:
        export.write_csv(table, sys.stdout)
    return 0


def _bar(options: argparse.Namespace) -> Callable[[int, int, str], None] | None:
    """A progress bar on standard error, where someone looks at it."""
    if options.quiet or not sys.stderr.isatty():
        return None
    return lambda done, total, run: draw_bar(sys.stderr, done, total, run)


def draw_bar(stream: TextIO, done: int, total: int, run: str) -> None:
    """Draw the bar over itself; wipe it when all is done."""
    if done >= total:
        stream.write("\r\x1b[K")
    else:
        full = _BAR_WIDTH * done // total
        bar = "█" * full + "░" * (_BAR_WIDTH - full)
        name = "".join(letter if letter.isprintable() else "?" for letter in run)[:40]
        stream.write(f"\r\x1b[K{bar} {done}/{total}  {name}")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main(alone=True))
