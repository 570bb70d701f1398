"""Tests that mount: as the superuser, or as anybody in a namespace of the test's own."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def mounts(test: Callable[..., None]) -> Callable[..., None]:
    """The test, run once more in a namespace where it may mount, when it may not here."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        if os.geteuid() == 0:
            test(*arguments, **named)
            return
        node = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        pytest_here = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", node]
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", *pytest_here],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.fail(f"in a namespace of its own:\n{done.stdout}{done.stderr}")

    return run
