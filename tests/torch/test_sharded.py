"""Models sharded over real processes give the numbers that they give when they are whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from event_log import EventLog
from launched import launch
from sharded_rank import INCOMING, LARGE, STEPS

from nnviz_tb.schema import LayerMetadata, metadata_from_bytes

pytestmark = pytest.mark.slow

WORLDS = (2, 4)
ALIKE = ("fsdp-block", "fsdp-half", "fsdp-sick", "fsdp-wide", "tp-wide")
OF_FOUR = (*ALIKE, "fsdp-tp-wide", "hybrid-block")
CASES = [(2, name) for name in ALIKE] + [(4, name) for name in OF_FOUR]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Everything is logged by one training of two processes, and one of four."""
    found = {}
    for world in WORLDS:
        found[world] = tmp_path_factory.mktemp(f"sharded-{world}")
        launch("sharded_rank.py", world, str(found[world]))
    return found


def logs(folder: Path, name: str) -> tuple[EventLog, EventLog]:
    return EventLog(folder / name / "whole"), EventLog(folder / name / "sharded")


@pytest.mark.parametrize(("world", "name"), CASES)
def test_sharded_weights_are_recorded_as_whole_ones(
    folders: dict[int, Path], world: int, name: str
) -> None:
    whole, sharded = logs(folders[world], name)

    assert set(sharded.tags) - {"rank"} == set(whole.tags)
    histogram_count = 0
    for tag in whole.tags:
        if tag == "nnviz/run":
            continue
        wanted, found = whole.series(tag), sharded.series(tag)
        assert list(found) == list(wanted) == list(range(STEPS)) or "displacement" in tag, tag
        assert sharded.metadata(tag) == whole.metadata(tag), tag
        for step, values in wanted.items():
            if not tag.startswith("nnviz/"):
                histogram_count += 1
                np.testing.assert_array_equal(found[step], values, err_msg=f"{tag} at {step}")
            else:
                np.testing.assert_allclose(
                    found[step], values, rtol=2e-6, atol=1e-7, err_msg=f"{tag} at {step}"
                )
    assert histogram_count >= 4 * STEPS


@pytest.mark.parametrize("world", WORLDS)
def test_one_process_writes_and_the_others_leave_no_trace(
    folders: dict[int, Path], world: int
) -> None:
    for name in ALIKE:
        assert len(list((folders[world] / name / "sharded").iterdir())) == 1
        _, sharded = logs(folders[world], name)
        assert {step: float(v) for step, v in sharded.series("rank").items()} == dict.fromkeys(
            range(STEPS), 0.0
        )


@pytest.mark.parametrize(("world", "name"), CASES)
def test_no_weight_is_gathered(folders: dict[int, Path], world: int, name: str) -> None:
    weight_bytes = 4 * INCOMING * LARGE
    for rank in range(world):
        told = json.loads((folders[world] / f"told-{rank}.json").read_text())
        # The spy sees it when a weight is gathered.
        assert any("all" in collective for collective, _ in told[f"{name} gathered"])
        for heard in told[name]:
            assert {collective for collective, _ in heard} <= {"allreduce_"}
            if name.endswith("wide"):
                # All that moves for two layers, of two axes of a mesh, is less than one weight.
                assert 0 < sum(size for _, size in heard) < weight_bytes


def test_the_whole_layer_is_described_and_nothing_is_said_of_shards(
    folders: dict[int, Path],
) -> None:
    _, sharded = logs(folders[4], "fsdp-tp-wide")
    metadata = metadata_from_bytes(sharded.metadata("nnviz/layer/up"))
    assert isinstance(metadata, LayerMetadata)
    assert (metadata.type, metadata.neurons, metadata.fan_in) == ("Linear", LARGE, INCOMING)
    assert metadata.kernel_shape == (LARGE, INCOMING)
    assert metadata.parameters == LARGE * INCOMING + LARGE
    assert metadata.notes == ()
