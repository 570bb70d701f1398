"""The directions in which this package's modules may import one another, read from their source.

Every import counts: at the top, inside functions, for type checkers only. A module is named by its
path below the package, ``adapters.keras.walk``; a rule about ``adapters`` is about all below it.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = "nnviz_tb"
FACADE = "__init__"

VOCABULARY = ("errors", "definitions", "schema")
"""Each may import those before it, and nothing else of ours."""

SHARED = {*VOCABULARY, "buckets", "sampling", "health"}
"""Where the writing and the reading side may meet. ``health`` is pure: both ask it for findings."""

WRITING = (
    "statistics", "recording", "adapters", "keras", "torch", "jax", "lightning", "transformers"
)  # fmt: skip
READING = ("reading", "loader", "offline")

FRAMEWORKS = {
    "tensorflow": ("adapters.keras", "keras"),
    "keras": ("adapters.keras", "keras"),
    "torch": ("adapters.torch", "torch"),
    "lightning": ("lightning",),
    "transformers": ("transformers",),
    "jax": ("adapters.jax", "jax"),
    "flax": ("adapters.jax", "jax"),
    "equinox": ("adapters.jax", "jax"),
    "matplotlib": ("plot",),
}
"""A framework, and the only modules that may name it in an import."""

SERVING = {
    "tensorboard": (
        "loader",
        "reading.plugin",
        "reading.reader",
        "reading.source",
        "reading.stored",
        "reading.beneath",
        "offline.logdir",
    ),
    "werkzeug": ("reading.plugin", "reading.responses", "reading.static_files"),
}

PURE = ("statistics", "health", "reading.queries", "reading.wire", "schema")
"""Functions over arrays: they and all they import need NumPy and the standard library alone."""


@dataclass
class Imports:
    """What one module imports: modules of ours, and top-level names of others'."""

    ours: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)


def read_imports(package: Path) -> dict[str, Imports]:
    """Every module of the package in this folder, with what it imports."""
    files = {_module_name(package, path): path for path in sorted(package.rglob("*.py"))}
    return {name: _imports_of(name, path, set(files)) for name, path in files.items()}


def violations(package: Path) -> list[str]:
    """A sentence for every import that breaks a rule; empty when all is well."""
    graph = read_imports(package)
    return [
        *_cycles(graph),
        *_vocabulary_breaches(graph),
        *_meetings(graph),
        *_out_of_room(graph, {**FRAMEWORKS, **SERVING}),
        *_impure(graph),
    ]


def reachable(graph: dict[str, Imports], roots: tuple[str, ...]) -> set[str]:
    """The modules of ours that the roots, and all below them, import directly or through others."""
    seen: set[str] = set()
    waiting = [name for name in graph if _is_below(name, roots)]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(graph[name].ours)
    return seen


def _module_name(package: Path, path: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _imports_of(name: str, path: Path, modules: set[str]) -> Imports:
    found = Imports()
    here = [PACKAGE, *([] if name == FACADE else name.split("."))]
    base = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                _add(found, alias.name, modules)
        elif isinstance(node, ast.ImportFrom):
            start = base[: len(base) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                _add(found, f"{source}.{alias.name}", modules)
        elif _is_import_call(node) and isinstance(node, ast.Call):
            argument = node.args[0] if node.args else None
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                _add(found, argument.value, modules)
    found.ours.discard(name)
    return found


def _is_import_call(node: ast.AST) -> bool:
    """``importlib.import_module(…)``, ``import_module(…)`` or ``__import__(…)``."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else None
    name = node.func.id if isinstance(node.func, ast.Name) else name
    return name in ("import_module", "__import__")


def _add(found: Imports, dotted: str, modules: set[str]) -> None:
    """Note an import; a name inside a module of ours counts as that module."""
    parts = dotted.split(".")
    if parts[0] != PACKAGE:
        found.others.add(parts[0])
        return
    inside = parts[1:]
    while inside and ".".join(inside) not in modules:
        inside = inside[:-1]
    found.ours.add(".".join(inside) or FACADE)


def _is_below(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def _cycles(graph: dict[str, Imports]) -> list[str]:
    """Modules that import themselves through others, or go through the package's public names."""
    found = []
    for name, imports in graph.items():
        if name == FACADE:
            continue
        if name in _behind(graph, name):
            found.append(f"{name} imports itself through others")
        if FACADE in imports.ours:
            found.append(f"{name} imports the package's public names instead of a module")
    return found


def _behind(graph: dict[str, Imports], name: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[name].ours)
    while waiting:
        current = waiting.pop()
        if current not in seen and current != FACADE:
            seen.add(current)
            waiting.extend(graph[current].ours)
    return seen


def _vocabulary_breaches(graph: dict[str, Imports]) -> list[str]:
    allowed = {name: set(VOCABULARY[:place]) for place, name in enumerate(VOCABULARY)}
    allowed |= {name: set(VOCABULARY) for name in ("buckets", "sampling")}
    return [
        f"{name} imports {other}, which stands above it"
        for name, below in allowed.items()
        for other in sorted(graph[name].ours - below)
    ]


def _meetings(graph: dict[str, Imports]) -> list[str]:
    both = (reachable(graph, WRITING) & reachable(graph, READING)) - {FACADE}
    return [
        f"{name} is used by the writing and by the reading side"
        for name in sorted(both)
        if not _is_below(name, tuple(SHARED))
    ]


def _out_of_room(graph: dict[str, Imports], rooms: dict[str, tuple[str, ...]]) -> list[str]:
    return [
        f"{name} imports {other}, which only {', '.join(rooms[other])} may"
        for name, imports in graph.items()
        for other in sorted(imports.others & set(rooms))
        if not _is_below(name, rooms[other])
    ]


def _impure(graph: dict[str, Imports]) -> list[str]:
    plain = {*sys.stdlib_module_names, "numpy"}
    return [
        f"{name} is pure, but imports {other}"
        for name in sorted(reachable(graph, PURE))
        for other in sorted(graph[name].others - plain)
    ]
