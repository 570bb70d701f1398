"""Promises about what is kept in the repository."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

MAX_FILE_BYTES = 1 << 20


def kept_files(root: Path) -> list[Path]:
    """Files that git keeps, or all source files where this is not a clone (an sdist)."""
    if (root / ".git").exists():
        listing = subprocess.check_output(["git", "ls-files", "-z"], cwd=root, text=True)
        paths = [root / name for name in listing.split("\0") if name]
    else:
        paths = [
            p for folder in ("nnviz_tb", "tests", "demo") for p in (root / folder).rglob("*.*")
        ]
    return [path for path in paths if path.is_file()]


def test_no_file_is_larger_than_a_mebibyte(root: Path) -> None:
    large = [path.name for path in kept_files(root) if path.stat().st_size > MAX_FILE_BYTES]

    assert large == []


def test_nothing_that_is_built_is_kept(root: Path) -> None:
    built = re.compile(r"(^|/)(static/bundle|node_modules|dist|build)/|\.(so|whl|pyc)$")
    names = [path.relative_to(root).as_posix() for path in kept_files(root)]

    assert [name for name in names if built.search(name)] == []


def test_the_lockfile_names_versions_and_checksums_but_no_download_addresses(root: Path) -> None:
    text = (root / "frontend" / "package-lock.json").read_text()
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}

    assert packages
    assert "resolved" not in text
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


def test_no_file_names_a_package_registry(root: Path) -> None:
    registry = re.compile(r"(pypi|pythonhosted|npmjs|yarnpkg)\.(org|com)|deb\.debian\.org", re.I)
    naming = [
        path.relative_to(root).as_posix()
        for path in kept_files(root)
        if path != Path(__file__).resolve() and registry.search(path.read_text(errors="replace"))
    ]

    assert naming == []


def test_ci_runs_exactly_the_tests_command(root: Path) -> None:
    lines = (root / ".ci" / "run").read_text().splitlines()

    assert lines[-1] == "exec python3 tests/run.py"
