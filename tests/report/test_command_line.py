"""``python -m nnviz_tb`` as people and CI run it, in a process of its own."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from reported_logs import NEURONS, STEPS, kernel_at

from nnviz_tb import SummaryWriter
from nnviz_tb import __main__ as command_line
from nnviz_tb.__main__ import draw_bar, main
from nnviz_tb.offline import tensorflow_choice
from nnviz_tb.offline.logdir import open_log
from nnviz_tb.recording.events import Value
from nnviz_tb.schema import PLUGIN_NAME, SeriesMetadata


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nnviz_tb", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_report_of_a_process_is_json_on_standard_output_and_fails_on_severe(runs: Path) -> None:
    done = run("report", runs, "--json", "--fail-on", "severe")
    assert done.returncode == 1
    content = json.loads(done.stdout)
    assert content["worst"] == "severe"
    assert [item["run"] for item in content["runs"]] == ["sick", "sound"]


def test_output_that_is_no_terminal_is_utf_8_whatever_the_system_s_code_page(runs: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nnviz_tb", "report", str(runs)],
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "→" in done.stdout.decode("utf-8")


def test_a_small_log_is_read_without_importing_tensorflow_and_in_silence(runs: Path) -> None:
    assert importlib.util.find_spec("tensorflow")  # else this would show nothing
    command = [sys.executable, "-X", "importtime", "-m", "nnviz_tb", "report", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    told = done.stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in told if line.startswith("import time:")}
    assert "tensorboard.compat.tensorflow_stub" in imported
    assert "tensorflow" not in imported
    assert [line for line in told if not line.startswith("import time:")] == []


def test_a_large_log_is_worth_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setitem(sys.modules, tensorflow_choice._MARK, sys)  # to be taken away at the end
    del sys.modules[tensorflow_choice._MARK]
    log = tmp_path / "run" / "events.out.tfevents.1.host.1.0"
    log.parent.mkdir()
    with open(log, "wb") as file:
        file.truncate(tensorflow_choice.SMALL_BYTES + 1)  # a hole, which takes no room
    tensorflow_choice.spare_tensorflow(str(tmp_path))
    assert tensorflow_choice._MARK not in sys.modules
    os.truncate(log, tensorflow_choice.SMALL_BYTES)
    tensorflow_choice.spare_tensorflow(str(tmp_path))
    assert tensorflow_choice._MARK in sys.modules


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--run", "sound", "--fail-on", "severe"], 0),
        (["--run", "sick"], 0),
        (["--run", "sick", "--fail-on", "warning"], 1),
        (["--run", "sick", "--fail-on", "severe", "--threshold", "dead_units_severe=0.9"], 0),
        (["--threshold", "nonsense=1"], 2),
        (["--run", "nothing"], 2),
    ],
)
def test_the_exit_status_says_what_was_found(
    runs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int
) -> None:
    assert main(["report", str(runs), *arguments]) == status
    captured = capsys.readouterr()
    assert bool(captured.err) == (status == 2)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["report"],
        ["report", "x", "--fail-on", "terrible"],
        ["report", "x", "--threshold", "dead_units"],
        ["plot", "x", "loss"],
        ["plot", "x", "portrait", "-o", "x.png"],
    ],
)
def test_a_command_that_is_none_explains_itself_with_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m nnviz_tb" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["report"], ["plot"], ["export"]])
def test_help_names_every_option(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "logdir" in text or "report" in text
    if not command:
        assert "130 interrupted" in " ".join(text.split())


def test_an_interrupt_at_the_progress_bar_ends_with_status_130_and_no_stack_trace(
    runs: Path, tmp_path: Path
) -> None:
    for place in range(100):  # less than TensorFlow is imported for
        copy = tmp_path / f"run_{place}"
        copy.mkdir()
        for file in (runs / "sound").iterdir():
            os.link(file, copy / file.name)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "nnviz_tb", "report", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        while b" 3/100" not in shown:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        printed = process.stdout.read()
        assert process.wait(timeout=60) == 130
    rest = os.read(ours, 65536)
    os.close(ours)
    assert b"interrupted" in rest
    assert b"Traceback" not in shown + rest + printed
    assert b"run_0" in shown


@pytest.mark.parametrize(("reader", "read"), [("head -1", "step,wall_time,value\n"), ("true", "")])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_no_error(runs: Path, reader: str, read: str, unbuffered: str) -> None:
    shell = f"{sys.executable} -m nnviz_tb export {runs} --run sick --series loss | {reader}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == read
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_a_picture_comes_in_each_format(runs: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"picture{ending}"
    assert main(["plot", str(runs), "loss", "-o", str(target)]) == 0
    magic = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[ending]
    assert target.read_bytes().startswith(magic)


def test_a_picture_of_several_runs_needs_the_name_of_one(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plot", str(runs), "weights", "-o", str(tmp_path / "w.png")]) == 2
    assert "sick, sound" in capsys.readouterr().err
    assert main(["plot", str(runs), "weights", "-o", str(tmp_path / "w.jpg")]) == 2
    assert ".png, .svg, .pdf" in capsys.readouterr().err


def test_export_lists_what_there_is(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(runs), "--run", "sick"]) == 0
    listed = capsys.readouterr().out.split()
    assert {"loss", "run", "weight_norm/hidden", "layer/out", "density/hidden"} <= set(listed)


def test_exported_norms_are_numpys_own(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(runs), "--run", "sound", "--series", "weight_norm/hidden"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["step", "wall_time", *(f"neuron {n}" for n in range(NEURONS))]
    assert [int(row[0]) for row in rows[1:]] == list(STEPS)
    norms = np.array([[float(cell) for cell in row[2:]] for row in rows[1:]])
    expected = np.array([np.linalg.norm(kernel_at(step), axis=0) for step in STEPS])
    assert norms == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "series",
    [
        "loss",
        "run",
        "layer/hidden",
        "curve/hidden",
        "density/hidden",
        "weights/hidden",
        "sketch/hidden",
        "summary/hidden/bias",
    ],
)
def test_every_series_is_exported_as_csv_and_json_alike(
    runs: Path, tmp_path: Path, series: str
) -> None:
    for ending in (".csv", ".json"):
        target = str(tmp_path / f"x{ending}")
        assert main(["export", str(runs), "--run", "sick", "--series", series, "-o", target]) == 0
    content = json.loads((tmp_path / "x.json").read_text())
    with (tmp_path / "x.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == content["columns"]
    assert len(rows) == len(content["rows"]) > 0
    for row, other in zip(rows, content["rows"], strict=True):
        assert [float(cell) if cell else None for cell in row] == other


def test_parquet_holds_what_csv_holds(runs: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    for ending in (".csv", ".parquet"):
        target = str(tmp_path / f"x{ending}")
        arguments = ["--run", "sick", "--series", "bias/hidden", "-o", target]
        assert main(["export", str(runs), *arguments]) == 0
    table = parquet.read_table(tmp_path / "x.parquet")
    with (tmp_path / "x.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert table.column_names == header
    assert str(table.schema.field("step").type) == "int64"
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        assert table[name].to_pylist() == [float(cell) for cell in column]


def test_parquet_without_pyarrow_says_what_to_install(
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    target = str(tmp_path / "x.parquet")
    status = main(["export", str(runs), "--run", "sick", "--series", "loss", "-o", target])
    assert status == 2
    assert "pip install pyarrow" in capsys.readouterr().err


def test_an_unknown_series_is_answered_with_those_that_exist(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(runs), "--run", "sick", "--series", "los"]) == 2
    assert "weight_norm/hidden" in capsys.readouterr().err
    assert main(["export", str(runs), "--run", "sick", "--series", "bias/nowhere"]) == 2
    assert "hidden, out" in capsys.readouterr().err


def test_the_progress_bar_shows_the_run_and_hides_hostile_characters() -> None:
    stream = io.StringIO()
    draw_bar(stream, 1, 4, "evil\x1b[2Jrun")
    assert "1/4  evil?[2Jrun" in stream.getvalue()
    assert stream.getvalue().count("█") == 6
    draw_bar(stream, 4, 4, "")
    assert stream.getvalue().endswith("\r\x1b[K")


def test_the_bar_is_drawn_only_where_someone_looks() -> None:
    options = command_line.build_parser().parse_args(["report", "x"])
    assert command_line._bar(options) is None


def test_every_row_of_a_long_scalar_is_exported(tmp_path: Path) -> None:
    count = 12_000
    with SummaryWriter(tmp_path / "run") as writer:
        for step in range(count):
            writer.add_scalar("loss", step, step)
    series = open_log(tmp_path).scalar("run", "loss")

    np.testing.assert_array_equal(series.steps, np.arange(count))
    np.testing.assert_array_equal(series.values, np.arange(count))


def test_a_series_without_a_row_that_can_be_read_is_told_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = SeriesMetadata(neurons=4, tracked=4).to_bytes()
    with SummaryWriter(tmp_path / "run") as writer:
        writer.log_model({"dense/kernel": np.ones((3, 4), np.float32)}, 0)
        wrong = Value("nnviz/bias/dense", np.ones(7, np.float32), PLUGIN_NAME, metadata)
        writer._sink.write(0, 1.0, [wrong])
    picture = str(tmp_path / "out.png")

    for arguments in (
        ["export", str(tmp_path), "--series", "bias/dense"],
        ["plot", str(tmp_path), "neurons", "--statistic", "bias", "-o", picture],
    ):
        assert main(arguments) == 2
        assert "no row of bias of 'dense' in 'run' can be read" in capsys.readouterr().err
