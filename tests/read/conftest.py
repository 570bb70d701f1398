"""One log with everything in it, and one real TensorBoard per way of loading it."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
import tensorboard_process
from board_log import LONG_STEPS, STEPS, write_everything
from tensorboard_process import TensorBoard

hypothesis.settings.register_profile("read", deadline=None, max_examples=50)
hypothesis.settings.load_profile("read")  # a loaded machine is no failure, and CI is short


@pytest.fixture(scope="session", params=sorted(tensorboard_process.LOADERS))
def loader(request: pytest.FixtureRequest) -> str:
    """``python`` or ``rust``: who reads the event files."""
    return str(request.param)


@pytest.fixture(scope="session")
def board(loader: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """A TensorBoard over :func:`write_everything`, loaded to the end."""
    logdir = tmp_path_factory.mktemp(loader)
    write_everything(logdir)
    server = tensorboard_process.start(loader, logdir)
    try:
        server.logdir = logdir
        server.wait_for_step("digits/adam", STEPS - 1)
        server.wait_for_step("long", LONG_STEPS - 1)
        server.wait_for_step("restarted", 24)
        server.wait_for_step("schema-1/small", 14)
        server.wait_for_step("schema-1/wide", 4)
        # TensorBoard loads runs in the order in which the file system lists them.
        server.wait(
            lambda: all(run["last_wall_time"] for run in server.get("catalogue").json["runs"])
        )
        yield server
    finally:
        server.close()
