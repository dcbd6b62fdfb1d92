"""OpenAI's document: each difference has its reason, and each reason a difference."""

from __future__ import annotations

from tests.beside import needs_spec
from tests.openapi.compare import differences
from tests.openapi.report import by_reason

pytestmark = needs_spec


def test_every_difference_has_a_reason() -> None:
    assert list(map(str, by_reason(differences())[""])) == []


def test_every_reason_has_a_difference() -> None:
    assert [pattern for pattern, found in by_reason(differences()).items() if pattern and not found] == []
