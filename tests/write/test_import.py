"""What importing the package costs, measured in processes of their own."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

FORBIDDEN = ("tensorflow", "torch", "jax", "keras", "tensorboard", "google", "matplotlib")


def modules_after(code: str) -> set[str]:
    tell = "import sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_brings_in_no_framework_and_not_even_numpy():
    assert not modules_after("import nnviz_tb") & {*FORBIDDEN, "numpy"}


def test_writing_brings_in_no_framework_and_no_tensorboard(tmp_path):
    code = f"""
import numpy as np, nnviz_tb
nnviz_tb.log_model({{"w": np.ones((3, 2), "f4")}}, 0, logdir={str(tmp_path)!r}, scalars={{"a": 1}})
"""
    brought = modules_after(code) & set(FORBIDDEN)
    # google is the namespace of the checksum library; protobuf would be google.protobuf.
    assert brought <= {"google"}
    assert len(list(tmp_path.iterdir())) == 1


def test_the_check_for_frameworks_can_fail():
    assert "tensorboard" in modules_after("import tensorboard")


def test_importing_takes_less_than_100_ms():
    code = "import time; t = time.perf_counter(); import nnviz_tb; print(time.perf_counter() - t)"
    seconds = min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(3)
    )
    assert seconds < 0.1


def test_the_version_is_that_of_the_installed_package():
    import nnviz_tb

    assert nnviz_tb.__version__ == importlib.metadata.version("nnviz_tb")
    assert {"SummaryWriter", "log_model", "errors", "__version__"} <= set(dir(nnviz_tb))
