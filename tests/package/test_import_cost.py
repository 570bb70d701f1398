"""What importing the package costs, in processes of their own: no framework comes along."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nnviz_tb

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "tensorflow", "keras", "torch", "jax", "flax", "equinox", "matplotlib", "pandas",
    "tensorboard", "werkzeug", "grpc", "google.protobuf",
)  # fmt: skip


def modules_after(statement: str, source: Path = ROOT) -> set[str]:
    """What a fresh interpreter has loaded after running ``statement``."""
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(source)},
        cwd=source,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def heavy_modules_after(statement: str, source: Path = ROOT) -> set[str]:
    return modules_after(statement, source) & set(HEAVY)


def test_importing_the_package_does_not_even_load_numpy() -> None:
    assert "numpy" not in modules_after("import nnviz_tb")


@pytest.mark.parametrize(
    "statement",
    [
        "import nnviz_tb",
        "from nnviz_tb import SummaryWriter, log_model",
        "import nnviz_tb, tempfile, numpy\n"
        "nnviz_tb.log_model({'dense/kernel': numpy.ones((3, 2), 'float32')}, 0,"
        " logdir=tempfile.mkdtemp())",
    ],
)
def test_importing_and_logging_arrays_loads_no_framework(statement: str) -> None:
    assert heavy_modules_after(statement) == set()


def test_a_framework_that_comes_along_would_be_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "nnviz_tb", tmp_path / "nnviz_tb")
    facade = tmp_path / "nnviz_tb" / "__init__.py"
    facade.write_text(f"{facade.read_text()}\nimport tensorboard.program\n")

    assert "tensorboard" in heavy_modules_after("import nnviz_tb", tmp_path)


def test_the_time_of_an_import_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """With what is used of it, for the rest waits; not asserted, for a busy machine is not slow.

    The goal is below 100 ms.
    """
    code = (
        "import time; a = time.perf_counter(); import numpy; b = time.perf_counter();"
        "from nnviz_tb import SummaryWriter, log_model; print(time.perf_counter() - b, b - a)"
    )
    fastest = min(
        tuple(map(float, subprocess.check_output([sys.executable, "-c", code], text=True).split()))
        for _ in range(3)
    )
    with capsys.disabled():
        print(f"\nimport nnviz_tb {fastest[0] * 1e3:.0f} ms, beside NumPy's {fastest[1] * 1e3:.0f}")
    assert fastest > (0.0, 0.0)


def test_the_version_is_that_of_the_installed_package() -> None:
    assert nnviz_tb.__version__ == importlib.metadata.version("nnviz_tb")
    assert {"SummaryWriter", "log_model", "errors", "__version__"} <= set(dir(nnviz_tb))
