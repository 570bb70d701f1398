"""The log that the tests of this folder share: every kind of run in one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import synthetic_log as synthetic
from hostile_log import write_hostile_runs
from synthetic_log import Log

GOLDEN = Path(__file__).parents[1] / "golden"
STEPS = 30
LONG_STEPS = 1500
MANY_LAYERS = 1000


def write_everything(logdir: Path) -> None:
    """The runs that the tests of this folder read."""
    log = Log(logdir / "digits" / "adam")
    for step in range(STEPS):
        metadata, _, row = synthetic.wide_row(step)
        rows = synthetic.rows_at(step)
        wide = synthetic.layer_metadata(1, synthetic.WIDE_NEURONS)
        rows["nnviz/layer/encoder/wide"] = (wide, rows["nnviz/layer/dense"][1])
        rows["nnviz/weight_norm/encoder/wide"] = (metadata, row)
        log.step(step, rows, {"loss": 1 / (step + 1)})
    log = Log(logdir / "long")
    for step in range(LONG_STEPS):
        rows = synthetic.rows_at(step)
        log.step(step, {tag: rows[tag] for tag in ("nnviz/layer/dense", "nnviz/bias/dense")})
    log = Log(logdir / "deep")
    names = [f"block_{place // 10}/dense_{place % 10}" for place in range(MANY_LAYERS)]
    for step in range(2):
        recorded = [synthetic.rows_at(step, name, place) for place, name in enumerate(names)]
        kept = (
            (synthetic.schema.tag_of("layer", n), r) for n, r in zip(names, recorded, strict=True)
        )
        log.step(step, {tag: rows[tag] for tag, rows in kept})
    log = Log(logdir / "plain")
    log.step(0, {}, {"accuracy": 0.5})
    first, second = Log(logdir / "restarted", 1), Log(logdir / "restarted", 2)
    for step in range(20):
        first.step(step, bias_row(step, 0.0))
    for step in range(10, 25):
        second.step(step, bias_row(step, 1.0), wall_time=1790009999.0 + step)
    for version in GOLDEN.glob("schema-*"):
        shutil.copytree(version, logdir / version.name)
    write_hostile_runs(logdir)


def bias_row(step: int, offset: float) -> dict:
    """A layer whose only neuron statistic is ``step + offset`` everywhere."""
    rows = synthetic.rows_at(step)
    series, values = rows["nnviz/bias/dense"]
    return {
        "nnviz/layer/dense": rows["nnviz/layer/dense"],
        "nnviz/bias/dense": (series, values * 0 + step + offset),
    }
