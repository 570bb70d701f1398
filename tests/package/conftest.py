"""Distributions of the package as it stands in the tree, and an environment made from the wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NODE = {"node", "nodejs", "npm", "npx", "corepack"}
NOT_SOURCES = (
    ".git", ".venv*", "node_modules", "build", "dist", "runs", "*.egg-info", "__pycache__",
    ".*_cache", ".hypothesis", "*.so",
)  # fmt: skip


@pytest.fixture(scope="session")
def without_node(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables as on a machine where nobody installed Node; all else is there."""
    folders = []
    for folder in dict.fromkeys(os.environ["PATH"].split(os.pathsep)):
        names = os.listdir(folder) if os.path.isdir(folder) else []
        if NODE.isdisjoint(names):
            folders.append(folder)
            continue
        links = tmp_path_factory.mktemp("path")
        for name in set(names) - NODE:
            (links / name).symlink_to(Path(folder) / name)
        folders.append(str(links))
    rest = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return {**rest, "PATH": os.pathsep.join(folders)}


@pytest.fixture(scope="session")
def source_copy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, so that building leaves nothing in it."""
    copy = tmp_path_factory.mktemp("source") / "nnviz_tb"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    return copy


@pytest.fixture(scope="session")
def distributions(source_copy: Path, without_node: dict[str, str]) -> Path:
    """The folder with one sdist, and one wheel that was built from that sdist."""
    built = subprocess.run(
        [sys.executable, "-m", "build", str(source_copy)],
        env=without_node,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, f"{built.stdout[-3000:]}\n{built.stderr[-3000:]}"
    return source_copy / "dist"


@pytest.fixture(scope="session")
def wheel_python(
    distributions: Path, without_node: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The Python of a new environment that holds the wheel and what it requires, nothing else."""
    folder = tmp_path_factory.mktemp("wheel-environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    (wheel,) = distributions.glob("*.whl")
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--no-compile", str(wheel)],
        env=without_node,
        check=True,
        capture_output=True,
        text=True,
    )
    return python
