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
    "changed", ["pyproject.toml", "_build/nnviz_panel.py", "nnviz_tb/statistics/_stats.c"]
)
def test_a_change_of_what_is_built_makes_it_out_of_date(
    changed: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "demo"))
    environment = importlib.import_module("environment")
    for name in ("pyproject.toml", "setup.py", "_build", "nnviz_tb"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy2
        copy(root / name, tmp_path / name)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    made = environment.Environment(tmp_path / ".venv", [], environment.Progress())
    before = made._sources()

    (tmp_path / "nnviz_tb" / "keras.py").write_text("# the install is editable")
    assert made._sources() == before
    (tmp_path / changed).write_text((tmp_path / changed).read_text() + "\n")
    assert made._sources() != before


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
