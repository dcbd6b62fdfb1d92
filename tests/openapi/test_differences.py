"""OpenAI's document: each difference has its reason, and each reason a difference."""

from __future__ import annotations

from functools import cache

from tests.beside import needs_spec
from tests.openapi.compare import differences
from tests.openapi.report import by_reason

pytestmark = needs_spec

found = cache(lambda: by_reason(differences()))


def test_every_difference_has_a_reason() -> None:
    assert list(map(str, found()[""])) == []


def test_every_reason_has_a_difference() -> None:
    assert [pattern for pattern, those in found().items() if pattern and not those] == []
