"""How the demo and the tests get packages: from uv, told what pip is told, or else from pip."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def installer(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(root / "demo"))
    return importlib.import_module("installer")


BEST = ["--index-strategy", "unsafe-best-match"]


@pytest.mark.parametrize(
    ("configuration", "options", "variables"),
    [
        ("", [], {}),
        ("global.index-url='https://i/simple'\n", ["--default-index", "https://i/simple"], {}),
        (
            "global.extra-index-url='file:///a https://b'\n",
            ["--index", "file:///a", "--index", "https://b"],
            {},
        ),
        (
            "global.extra-index-url='\\nhttps://a\\nhttps://b'\n",
            ["--index", "https://a", "--index", "https://b"],
            {},
        ),
        (":env:.find-links='/w'\nglobal.find-links='/v'\n", ["--find-links", "/w"], {}),
        ("install.constraint='c.txt'\n", ["--constraints", "c.txt"], {}),
        ("global.trusted-host='h'\n", ["--allow-insecure-host", "h"], {}),
        ("global.no-index='true'\ninstall.pre='no'\n", ["--no-index"], {}),
        ("global.cert='/c'\n:env:.proxy='p:1'\n", [], {"SSL_CERT_FILE": "/c", "ALL_PROXY": "p:1"}),
        ("global.timeout='60'\nfreeze.all='true'\nlist.format='columns'\n", [], {}),
    ],
)  # fmt: skip
def test_uv_is_told_what_pip_is_told(configuration, options, variables, installer) -> None:
    assert installer.uv_means(configuration) == ([*BEST, *options], variables)


@pytest.mark.parametrize(
    "configuration", ["global.target='/elsewhere'\n", "install.no-binary=':all:'\n", "global.x=?\n"]
)
def test_options_that_uv_does_not_have_are_left_to_pip(configuration, installer) -> None:
    assert installer.uv_means(configuration) is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Downloading tensorflow-cpu (251.4MiB)", "  downloading tensorflow-cpu (251.4 MB)"),
        ("Downloading torch (1.1GiB)", "  downloading torch (1.1 GB)"),
        ("Downloading rich (238.4KiB)", None),
        ("   Building nnviz-tb @ file:///somewhere", "  building nnviz_tb and its panel"),
        (
            "Downloading https://host/a/torch-2.13.0-cp311-linux.whl (201.5 MB)",
            "  downloading torch 2.13.0 (201.5 MB)",
        ),
        ("  Using cached numpy-2.4.0-cp311.whl (16.4 MB)", "  have numpy 2.4.0 (16.4 MB)"),
        ("  Building editable for nnviz_tb (pyproject.toml): started",
         "  building nnviz_tb and its panel"),
        ("Installing collected packages: a, b, c", "  unpacking 3 packages"),
        ("Requirement already satisfied: pip", None),
    ],
)  # fmt: skip
def test_what_takes_long_is_told_in_plain_words(line, told, installer) -> None:
    assert installer.plain(line) == told


PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "refuses_uv"
version = "1"
"""
BACKEND = """
import os, zipfile

FILES = {
    "METADATA": "Metadata-Version: 2.1\\nName: refuses_uv\\nVersion: 1\\n",
    "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "RECORD": "",
}

def build_wheel(folder, config_settings=None, metadata_directory=None):
    if "UV" in os.environ:
        raise SystemExit("not with uv")
    name = "refuses_uv-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for file, content in FILES.items():
            wheel.writestr("refuses_uv-1.dist-info/" + file, content)
    return name
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """The interpreter of an environment that holds pip."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / ".venv"], check=True)
    scripts = tmp_path / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
    return scripts / "python"


@pytest.mark.slow
def test_what_uv_cannot_install_pip_is_asked_for(environment, tmp_path, installer) -> None:
    told: list[str] = []
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(PROJECT)
    (package / "backend.py").write_text(BACKEND)
    log = tmp_path / "install.log"
    installer.Installer(environment, dict(os.environ), log, told.append).install([str(package)])
    assert "  uv could not; trying pip" in told
    assert "not with uv" in log.read_text()
    listed = subprocess.run([environment, "-m", "pip", "list"], capture_output=True, text=True)
    assert "refuses_uv" in listed.stdout


@pytest.mark.slow
def test_the_end_of_what_pip_said_is_told_when_nothing_helps(environment, tmp_path, installer):
    log = tmp_path / "install.log"
    asked = installer.Installer(environment, dict(os.environ), log, lambda line: None)
    with pytest.raises(installer.InstallError, match=r"pip failed:\n[\s\S]*no_such_file\.txt"):
        asked.install(["-r", "no_such_file.txt"])
    assert "uv pip install" in log.read_text()
