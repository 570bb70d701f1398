"""``docs/findings.md`` is what the rules do."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from nnviz_tb.health import KINDS, Thresholds
from nnviz_tb.health.document import render

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "findings.md"


def test_the_document_is_made_from_the_definitions_as_they_are() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), (
        "python -m nnviz_tb.health.document > docs/findings.md"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_anchor_and_names_only_thresholds_that_exist(kind: str) -> None:
    assert f'<a id="{kind}"></a>' in render()
    named = set(re.findall(r"`(\w+)`", KINDS[kind].text))
    assert named <= {field.name for field in dataclasses.fields(Thresholds)}


def test_every_threshold_has_a_text_and_a_source() -> None:
    for name, entry in Thresholds.describe().items():
        assert entry["text"], name
        assert entry["source"], name
