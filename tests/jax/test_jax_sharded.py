"""Arrays that are sharded over a mesh of devices are recorded as if they were whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util


def test_sharded_weights_give_the_record_of_whole_ones_bit_for_bit(tmp_path: Path) -> None:
    script = Path(__file__).with_name("sharded.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    events = {
        name: EventAccumulator(str(tmp_path / name), {"tensors": 0}).Reload()
        for name in ("whole", "sharded")
    }
    tags = {name: set(log.Tags()["tensors"]) for name, log in events.items()}
    assert tags["whole"] == tags["sharded"]
    exact = [
        tag
        for tag in tags["whole"]
        if tag.startswith(("first/", "second/", "nnviz/weight", "nnviz/bias", "nnviz/sketch"))
        and "gradient" not in tag
    ]
    assert {"first/kernel", "second/bias", "nnviz/weight_norm/first"} <= {*exact}
    for tag in exact:
        (a,), (b,) = (log.Tensors(tag) for log in events.values())
        np.testing.assert_array_equal(
            tensor_util.make_ndarray(a.tensor_proto), tensor_util.make_ndarray(b.tensor_proto)
        )
    # Products that are summed over devices are rounded in another order.
    for tag in ("nnviz/gradient_norm/first", "nnviz/gradient_norm/second"):
        (a,), (b,) = (log.Tensors(tag) for log in events.values())
        np.testing.assert_allclose(
            tensor_util.make_ndarray(a.tensor_proto),
            tensor_util.make_ndarray(b.tensor_proto),
            rtol=1e-4,
        )
