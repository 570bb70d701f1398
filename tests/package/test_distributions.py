"""What the sdist and the wheel carry, and that they are enough."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

pytestmark = pytest.mark.slow

BUNDLE = "nnviz_tb/static/bundle/"
NORMS = "nnviz/weight_norm/dense"


def test_the_wheel_carries_the_panel_its_documentation_and_the_types(distributions: Path) -> None:
    names = wheel_names(distributions)

    assert f"{BUNDLE}panel.js" in names
    assert {"nnviz_tb/http_api.md", "nnviz_tb/py.typed", "nnviz_tb/static/index.js"} <= names
    assert not [name for name in names if name.startswith(("tests/", "demo/", "frontend/"))]
    assert not [name for name in names if Path(name).name.startswith(".")]


def test_the_wheel_has_every_python_file_of_the_package(distributions: Path, root: Path) -> None:
    sources = {path.relative_to(root).as_posix() for path in (root / "nnviz_tb").rglob("*.py")}

    assert sources <= wheel_names(distributions)


def test_the_sdist_carries_the_sources_of_the_panel_and_the_tests(
    distributions: Path, root: Path
) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    panel = {p.relative_to(root).as_posix() for p in (root / "frontend/src").rglob("*.ts")}

    assert panel <= names
    assert {"frontend/package-lock.json", "frontend/build.mjs", "_build/nnviz_panel.py"} <= names
    assert {"tests/run.py", "demo/run.py", "LICENSE", "README.md", "CHANGELOG.md"} <= names
    assert not [name for name in names if "node_modules" in name or ".venv" in name]


def test_the_bundle_stays_below_200_kb_gzipped(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        bundle = [name for name in archive.namelist() if name.startswith(BUNDLE)]
        size = sum(len(gzip.compress(archive.read(name), 9)) for name in bundle)

    assert 0 < size < 200_000


def test_a_changed_source_is_built_again_with_node_from_the_package_index(
    distributions: Path, without_node: dict[str, str], tmp_path: Path
) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # Python has its filter for archives since 3.10.12 and 3.11.4.
        archive.extractall(
            tmp_path, **{"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        )
    (source,) = tmp_path.iterdir()
    entry = source / "frontend" / "src" / "index.ts"
    entry.write_text(f"{entry.read_text()}\nconsole.debug('changed by a test');\n")

    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "out")]
    subprocess.run(
        [*build, str(source)],
        env=without_node,
        check=True,
        capture_output=True,
    )

    (wheel,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        bundle = [archive.read(n) for n in archive.namelist() if n.startswith(BUNDLE)]
    assert any(b"changed by a test" in content for content in bundle)


def test_a_failing_npm_is_told_and_leaves_the_old_bundle(source_copy: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(source_copy, copy, ignore=shutil.ignore_patterns("dist", "build"))
    before = sorted((copy / BUNDLE).iterdir())
    (copy / "frontend" / "package-lock.json").write_text("{ cut off")

    done = subprocess.run(
        [sys.executable, "-c", "import nnviz_panel; nnviz_panel.build()"],
        env={**os.environ, "PYTHONPATH": str(copy / "_build")},
        capture_output=True,
        text=True,
    )

    assert done.returncode != 0
    assert "npm could not fetch the panel's packages" in done.stderr
    assert sorted((copy / BUNDLE).iterdir()) == before


def wheel_names(distributions: Path) -> set[str]:
    """The files in the one wheel."""
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


LOG_AND_READ = """
import sys
import numpy as np
import nnviz_tb
assert nnviz_tb.__file__.startswith(sys.argv[1]), nnviz_tb.__file__
kernel = np.arange(12, dtype=np.float32).reshape(4, 3)
with nnviz_tb.SummaryWriter(sys.argv[2]) as writer:
    for step in range(3):
        writer.log_model({"dense": {"kernel": kernel * step}}, step)
"""


def test_without_a_compiler_the_package_installs_serves_and_says_so(
    source_copy: Path, distributions: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "CC": "false", "CXX": "false"}
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, source_copy]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".so")]
        archive.extractall(place)

    environment = {**environment, "PYTHONPATH": str(place)}
    said = {}
    for name, variables in (("without", environment), ("with", dict(os.environ))):
        asked = [sys.executable, "-m", "nnviz_tb", "--version"]
        done = subprocess.run(asked, env=variables, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said[name] = done.stdout
    assert said["without"].endswith("(statistics: NumPy, records: Python)\n")
    assert said["with"].endswith("(statistics: compiled, records: compiled)\n")

    arguments = [str(place), str(tmp_path / "run")]
    subprocess.run(
        [sys.executable, "-c", LOG_AND_READ, *arguments], env=environment, cwd=tmp_path, check=True
    )
    log = EventAccumulator(str(tmp_path / "run"), {"tensors": 0}).Reload()
    norms = [tensor_util.make_ndarray(e.tensor_proto) for e in log.Tensors(NORMS)]
    kernel = np.arange(12.0).reshape(4, 3)
    expected = [np.linalg.norm(kernel * step, axis=0) for step in range(3)]
    np.testing.assert_allclose(norms, expected, rtol=1e-6)
