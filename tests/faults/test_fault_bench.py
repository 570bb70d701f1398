"""The thin part of the fault bench, and the honesty of the whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from bench import (
    INTRODUCTION,
    Outcome,
    confusion,
    false_alarm_share,
    in_time_share,
    named_share,
    run_cases,
    summary,
)
from cases import FAULTS, HEALTHY, all_cases, is_held_out, thin_cases

from nnviz_tb.health import KINDS

# Keras sees one of the faults as well; and a logarithm has no curve on the negative side.
pytestmark = [
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),
    pytest.mark.filterwarnings("ignore:.*shifted_logarithm is not finite"),
]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "fault_bench.md"


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return run_cases(thin_cases())


@pytest.mark.slow
def test_faults_are_named_with_their_layer_and_sound_trainings_are_left_alone(
    outcomes: list[Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\n{summary(outcomes)}\n{confusion(outcomes)}")
    missed = [
        outcome.case.name for outcome in outcomes if outcome.case.expected and not outcome.named
    ]
    assert named_share(outcomes) >= 0.95, missed
    assert false_alarm_share(outcomes) <= 0.05


@pytest.mark.slow
def test_a_fault_is_named_by_the_monitor_before_its_run_ends(outcomes: list[Outcome]) -> None:
    late = [
        (outcome.case.name, outcome.named_after)
        for outcome in outcomes
        if outcome.case.expected and not outcome.in_time
    ]
    assert in_time_share(outcomes) >= 0.95, late


def test_the_bench_is_as_wide_as_it_says() -> None:
    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases)
    assert len(FAULTS) >= 12
    assert len(HEALTHY) >= 10
    per_fault = Counter(case.fault for case in cases)
    assert min(per_fault.values()) >= 4
    assert {kind for case in cases for kind, _ in case.expected} <= set(KINDS)
    thin = {case.fault for case in thin_cases()}
    assert thin == {*FAULTS, "healthy"}


def test_a_third_is_held_out_by_name_alone() -> None:
    held_out = [case for case in all_cases() if is_held_out(case)]
    assert 0.25 <= len(held_out) / len(all_cases()) <= 0.42
    assert {case.fault for case in held_out} >= {"healthy", "dying ReLU", "NaN from a logarithm"}


def test_the_document_holds_the_tables_of_every_fault() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.startswith(INTRODUCTION)
    for fault in FAULTS:
        assert f"| {fault} |" in text
