"""The environment that the demo and the tests make for themselves."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("changed", "needed"),
    [
        ("pyproject.toml", "everything"),
        ("_build/nnviz_panel.py", "a build"),
        ("nnviz_tb/statistics/_stats.c", "a build"),
        ("nnviz_tb/keras.py", "nothing"),  # the install is editable
    ],
)
def test_a_change_costs_as_much_as_it_must(
    changed: str, needed: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "demo"))
    environment = importlib.import_module("environment")
    for name in ("pyproject.toml", "setup.py", "_build", "nnviz_tb"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy2
        copy(root / name, tmp_path / name)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment.nnviz_panel, "is_current", lambda: True)
    installed: list[list[str]] = []
    made = environment.Environment(tmp_path / ".venv", [], environment.Progress())
    made.python.parent.mkdir(parents=True)
    monkeypatch.setattr(made, "_create", made.python.touch)
    monkeypatch.setattr(made, "_run_pip", installed.append)
    made.prepare()
    assert installed[-1] == ["-e", "."]
    installed.clear()

    path = tmp_path / changed
    path.write_text(path.read_text() + "\n")
    made.prepare()
    assert (
        installed
        == {
            "everything": [["pip>=25.1"], ["-e", "."]],
            "a build": [["--no-deps", "-e", "."]],
            "nothing": [],
        }[needed]
    )


def test_its_processes_keep_compiled_what_they_import(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "demo"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = importlib.import_module("environment")
    made = environment.Environment(tmp_path / ".venv", [], environment.Progress())
    (tmp_path / "imported.py").write_text("")

    command = [sys.executable, "-c", "import imported"]
    subprocess.run(command, cwd=tmp_path, env=dict(os.environ), check=True)
    assert not list(tmp_path.rglob("*.pyc"))
    subprocess.run(command, cwd=tmp_path, env=made.variables, check=True)
    assert list(tmp_path.rglob("*.pyc"))
