"""What the README shows is run, and what it points at is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()
PYTHON_BLOCKS = re.findall(r"^### (.+?)$.*?^```python\n(.*?)^```", TEXT, re.S | re.M)
COMMANDS = {
    "python3 demo/run.py",
    "python3 tests/run.py",
    "tensorboard --logdir runs",
    "pip install .",
}
"""Every command that the README shows but those of OFFLINE; other tests and CI run each of them."""

OFFLINE = re.findall(r"^python -m (nnviz_tb .*?)(?:  .*)?$", TEXT, re.M)
"""The README's commands on a log, which are run here."""


def test_the_two_commands_come_first() -> None:
    first = re.search(r"```sh\n(.*?)```", TEXT, re.S)

    assert first is not None
    assert [line.split("  ")[0] for line in first[1].splitlines()] == [
        "python3 demo/run.py",
        "python3 tests/run.py",
    ]


def test_every_command_shown_is_one_that_is_run() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
    shown = {line.split("  ")[0].strip() for block in blocks for line in block.splitlines()}

    assert shown == COMMANDS | {f"python -m {command}" for command in OFFLINE}


def test_the_commands_on_a_log_run_on_what_a_quick_start_leaves(tmp_path: Path) -> None:
    (code,) = (code for title, code in PYTHON_BLOCKS if "arrays" in title)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)

    assert {command.split()[1] for command in OFFLINE} == {"report", "plot", "export"}
    for command in OFFLINE:
        words = [sys.executable, "-m", *command.split()]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
    assert (tmp_path / "activation.png").stat().st_size > 1000
    assert (tmp_path / "norms.csv").read_text().startswith("step,")


@pytest.mark.slow
@pytest.mark.parametrize(("title", "code"), PYTHON_BLOCKS, ids=[t for t, _ in PYTHON_BLOCKS])
def test_a_quick_start_runs_and_leaves_a_log(title: str, code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:nnviz_tb", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    (log,) = tmp_path.rglob("events.out.tfevents.*")
    assert b"nnviz/layer/" in log.read_bytes()
    assert b"nnviz/density/" in log.read_bytes()


def test_every_framework_with_an_integration_has_its_quick_start() -> None:
    titles = " ".join(title for title, _ in PYTHON_BLOCKS).lower()
    integrations = {"keras": "keras", "torch": "pytorch", "jax": "jax"}

    missing = [
        name
        for name, title in integrations.items()
        if ((ROOT / "nnviz_tb" / f"{name}.py").exists() or (ROOT / "nnviz_tb" / name).is_dir())
        and title not in titles
    ]
    assert missing == []


def test_every_file_the_readme_points_at_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT)
    local = [target for target in targets if "://" not in target]

    assert local
    assert [target for target in local if not (ROOT / target).is_file()] == []
