"""Start-up: the flag we raise, and that nothing of ours can stop TensorBoard."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

import pytest
from tensorboard.plugins import base_plugin

import nnviz_tb.loader
from nnviz_tb import schema
from nnviz_tb.loader import KEPT_STEPS, Loader


def fixed(value: Any) -> Any:
    flags = argparse.Namespace(samples_per_plugin=value)
    Loader().fix_flags(flags)
    return flags.samples_per_plugin


def test_tensorboard_finds_the_loader_by_its_entry_point() -> None:
    (found,) = entry_points(group="tensorboard_plugins", name="nnviz")
    assert found.load() is Loader


def test_the_loader_and_the_schema_name_the_same_plugin() -> None:
    assert nnviz_tb.loader.PLUGIN_NAME == schema.PLUGIN_NAME


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {"nnviz": KEPT_STEPS}),
        ({}, {"nnviz": KEPT_STEPS}),
        ({"scalars": 7, "histograms": 0}, {"scalars": 7, "histograms": 0, "nnviz": KEPT_STEPS}),
        ({"nnviz": 3}, {"nnviz": 3}),
        ({"nnviz": 0}, {"nnviz": 0}),
        ("scalars=7, histograms=0", {"scalars": 7, "histograms": 0, "nnviz": KEPT_STEPS}),
        ("nnviz=3,scalars=7", {"nnviz": 3, "scalars": 7}),
        ("", {"nnviz": KEPT_STEPS}),
        ("nonsense", "nonsense"),
        ("nnviz=x", "nnviz=x"),
        (12, 12),
    ],
)
def test_our_steps_are_kept_and_what_the_user_said_stands(given: Any, expected: Any) -> None:
    assert fixed(given) == expected


def test_the_users_own_dict_is_not_written_to() -> None:
    given = {"scalars": 7}
    fixed(given)
    assert given == {"scalars": 7}


class Hostile:
    """Flags that raise at every touch."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_flags_that_raise_do_not_stop_tensorboard(caplog: pytest.LogCaptureFixture) -> None:
    Loader().fix_flags(Hostile())
    assert "could not ask TensorBoard" in caplog.text


def test_flags_without_ours_are_given_it() -> None:
    flags = argparse.Namespace()
    Loader().fix_flags(flags)
    assert flags.samples_per_plugin == {"nnviz": KEPT_STEPS}


def test_a_plugin_that_cannot_be_imported_is_logged_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "nnviz_tb.reading.plugin", None)
    assert Loader().load(base_plugin.TBContext()) is None
    assert "goes on without it" in caplog.text


HEAVY = ("numpy", "google_crc32c", "tensorflow", "torch", "jax", "nnviz_tb.reading.plugin")


def test_importing_the_loader_imports_next_to_nothing() -> None:
    program = (
        "import sys, tensorboard.plugins.base_plugin; before = set(sys.modules)\n"
        "import nnviz_tb.loader\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    imported = done.stdout.split()
    assert "nnviz_tb.loader" in imported
    assert not set(imported) & set(HEAVY)
    assert len(imported) < 30
