"""The documentation names every metric with its type, its labels and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gw_extproc.telemetry.families import FAMILIES
from gw_extproc.telemetry.tables import Family

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_metric_has_its_row(family: Family) -> None:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    assert f"| `{family.name}` | {family.kind.value} | {labels} | {family.help} |" in PAGE.read_text().splitlines()
