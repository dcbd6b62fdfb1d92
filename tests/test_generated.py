"""Generated files are what their sources give."""

from __future__ import annotations

import pytest

from tests import generated


@pytest.mark.parametrize("name", generated.SOURCES)
def test_it_is_current(name: str) -> None:
    assert generated.stale(name) == [], f"run `python -m tests.generated {name}`"
