"""The architecture's import rules hold, and breaking any one of them is noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from import_rules import READING, WRITING, reachable, read_imports, violations

PACKAGE = Path(__file__).resolve().parents[2] / "nnviz_tb"


def test_imports_point_one_way() -> None:
    assert violations(PACKAGE) == []


def test_the_rules_see_the_whole_package_from_both_sides() -> None:
    graph = read_imports(PACKAGE)

    assert set(graph) >= {
        "errors",
        "schema",
        "statistics.stats",
        "adapters.keras",
        "recording.writer",
        "reading.plugin",
    }
    assert reachable(graph, WRITING) >= {
        "recording.writer",
        "recording.events",
        "statistics.stats",
        "adapters.arrays",
        "schema",
    }
    assert reachable(graph, READING) >= {
        "reading.plugin",
        "reading.reader",
        "reading.queries",
        "reading.wire",
        "schema",
    }


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("errors", "from nnviz_tb import schema", "errors imports schema"),
        ("schema", "import nnviz_tb.statistics.stats", "schema imports statistics.stats"),
        ("buckets", "from .statistics.stats import x", "buckets imports statistics.stats"),
        (
            "recording/writer",
            "from nnviz_tb.reading import reader",
            "reading.reader is used by",
        ),
        (
            "reading/queries",
            "def f():\n    from nnviz_tb.recording.events import V",
            "events is used by",
        ),
        ("recording/writer", "import tensorboard.program", "writer imports tensorboard"),
        ("statistics/stats", "import torch", "stats imports torch"),
        ("recording/writer", "def f():\n    import keras.ops", "writer imports keras"),
        ("adapters/arrays", "import importlib\nimportlib.import_module('jax')", "imports jax"),
        ("adapters/keras/walk", "import torch", "adapters.keras.walk imports torch"),
        ("statistics/sketch", "import google_crc32c", "sketch is pure, but imports google_crc32c"),
        ("reading/queries", "import werkzeug", "queries is pure, but imports werkzeug"),
        ("recording/events", "import nnviz_tb.recording.writer", "imports itself through others"),
        (
            "recording/events",
            "from nnviz_tb import SummaryWriter",
            "imports the package's public names",
        ),
    ],
)
def test_each_rule_notices_its_breach(
    tmp_path: Path, module: str, line: str, complaint: str
) -> None:
    copy = tmp_path / "nnviz_tb"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("static", "__pycache__"))
    source = copy / f"{module}.py"
    source.write_text(f"{source.read_text()}\n{line}\n")

    assert any(complaint in sentence for sentence in violations(copy))
