"""Logs that several tests read."""

from __future__ import annotations

from pathlib import Path

import pytest
from reported_logs import write_run

from nnviz_tb.offline.logdir import Log, open_log


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log directory with the runs ``sick`` and ``sound``."""
    directory = tmp_path_factory.mktemp("runs")
    write_run(directory / "sick", sick=True)
    write_run(directory / "sound", sick=False)
    return directory


@pytest.fixture(scope="session")
def log(runs: Path) -> Log:
    """The same, opened."""
    return open_log(runs)
