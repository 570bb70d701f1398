"""Everything that needs code to build; what can be declared stands in pyproject.toml.

The panel is bundled before the Python files are gathered, in every kind of build: wheel, sdist,
``pip install .`` and ``pip install -e .``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import ClassVar

from setuptools import Command, Extension, setup
from setuptools.command.build import build
from setuptools.command.sdist import sdist
from setuptools.errors import ExecError

sys.path.insert(0, str(Path(__file__).resolve().parent / "_build"))
import nnviz_panel


class build_panel(Command):  # noqa: N801 - the command's name, in setuptools' spelling
    """Bundles the panel when its sources changed; the first sub-command of ``build``."""

    description = "bundle the panel of the TensorBoard plugin"
    user_options: ClassVar[list[tuple[str, str, str]]] = []
    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib: str | None = None

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        _build_panel_when_needed()
        if not self.editable_mode and self.build_lib is not None:
            # What an earlier build left here would be packed beside the new files.
            shutil.rmtree(Path(self.build_lib) / nnviz_panel.BUNDLE, ignore_errors=True)

    def get_source_files(self) -> list[str]:
        return [path.relative_to(nnviz_panel.ROOT).as_posix() for path in nnviz_panel.inputs()]

    def get_outputs(self) -> list[str]:
        return []  # build_py counts the bundle among the package's data

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class build_with_panel(build):  # noqa: N801
    """``build``, the panel first: build_py then finds it in the package."""

    sub_commands = [("build_panel", None), *build.sub_commands]  # noqa: RUF012


class sdist_with_panel(sdist):  # noqa: N801
    """``sdist``, which carries the panel's sources and the bundle made from them."""

    def run(self) -> None:
        _build_panel_when_needed()
        super().run()


def _build_panel_when_needed() -> None:
    try:
        if not nnviz_panel.is_current():
            nnviz_panel.build()
    except nnviz_panel.PanelError as error:
        raise ExecError(str(error)) from None


STATISTICS = Extension(
    "nnviz_tb.statistics._stats",
    [
        "nnviz_tb/statistics/_stats.c",
        "nnviz_tb/statistics/_arguments.c",
        "nnviz_tb/statistics/_kernels.c",
        "nnviz_tb/statistics/_samples.c",
        "nnviz_tb/statistics/_summaries.c",
    ],
    depends=["nnviz_tb/statistics/_stats.h", "nnviz_tb/statistics/_arguments.h"],
    extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
    optional=True,  # without a compiler, NumPy does the same work
)
RECORDS = Extension(
    "nnviz_tb.recording._records",
    ["nnviz_tb/recording/_records.c"],
    optional=True,  # without a compiler, Python does the same work
)

setup(
    # Windows cannot write several pieces of memory in one call.
    ext_modules=[STATISTICS] if sys.platform == "win32" else [STATISTICS, RECORDS],
    cmdclass={
        "build": build_with_panel,
        "build_panel": build_panel,
        "sdist": sdist_with_panel,
    },
)
