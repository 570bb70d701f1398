"""setuptools' build backend, which asks for Node only when the panel has to be built.

A fixed build requirement would fetch Node (60 MB) for every reinstall and for every sdist, whose
bundle is already current.
"""

from __future__ import annotations

from typing import Any

import nnviz_panel
from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 - the backend's interface, extended below


def _node() -> list[str]:
    return [] if nnviz_panel.is_current() else [nnviz_panel.NODE_REQUIREMENT]


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Requirements of a wheel build, beyond those in pyproject.toml."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_node()]


def get_requires_for_build_sdist(config_settings: Any = None) -> list[str]:
    """Requirements of an sdist build, beyond those in pyproject.toml."""
    return [*build_meta.get_requires_for_build_sdist(config_settings), *_node()]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """Requirements of an editable build, beyond those in pyproject.toml."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_node()]
