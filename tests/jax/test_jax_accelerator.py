"""A model on an accelerator is logged without waiting for what the device still works on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util


@pytest.mark.parametrize("platform", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_logging_returns_while_the_device_is_busy_and_the_record_is_of_that_step(
    tmp_path: Path, platform: str
) -> None:
    script = Path(__file__).with_name("enqueued.py")
    done = subprocess.run(
        [sys.executable, str(script), platform, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout)
    assert told["busy"]
    log = EventAccumulator(str(tmp_path), {"tensors": 0}).Reload()
    first, second = log.Tensors("nnviz/weight_norm/hidden")
    assert (first.step, second.step) == (0, 1)
    (mixed,) = log.Tensors("nnviz/weight_max/mixed/own")
    assert tensor_util.make_ndarray(mixed.tensor_proto).max() == 1, "what is ours is read at once"
    norms = tensor_util.make_ndarray(second.tensor_proto)
    np.testing.assert_allclose(norms, told["norms"], rtol=1e-6)
