"""docs/openapi-differences.md: every difference from OpenAI's document, with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tests.openapi.compare import Difference, differences
from tests.openapi.reasons import REASONS

_HEAD = """\
# Where the API differs from OpenAI's

OpenAI's document (github.com/openai/openai-openapi, main of 2026-08-21) beside the gateway's [openapi.yaml](../openapi.yaml), for all
paths under /responses, /conversations and /models: what is missing here, and what is of another type, has other values, or is
required on one side only. `unlisted` is an alternative that is taken without being described. Items, tools and the response object
are told once, wherever they stand; `<kind>` is the alternative of that `type`, `[]` an element. What only the gateway has is left out.

Generated from `tests/openapi` by `python -m tests.generated openapi-differences`.

"""


def by_reason(found: Iterable[Difference]) -> Mapping[str, Sequence[Difference]]:
    """The differences by the pattern that explains them, in the order of the patterns; under "" those that none does."""
    explained: dict[str, list[Difference]] = {pattern: [] for pattern in (*dict(REASONS), "")}
    for difference in found:
        told = str(difference)
        explained[next((pattern for pattern, _ in REASONS if _matches(pattern, told)), "")].append(difference)
    return explained


def text() -> str:
    explained = by_reason(differences())
    reasons: dict[str, list[Difference]] = {}
    for pattern, reason in REASONS:
        reasons.setdefault(reason, []).extend(explained[pattern])
    parts = [f"**{reason}**\n\n{_rows(found)}" for reason, found in reasons.items()]
    return _HEAD + "\n\n".join(parts) + "\n"


def _rows(found: Sequence[Difference]) -> str:
    return "\n".join(f"- `{each.where}` {each.what}{_sides(each)}" for each in found)


def _sides(each: Difference) -> str:
    if not (each.theirs or each.ours):
        return ""
    return f": there {each.theirs or 'no others'}; here {each.ours or 'no others'}"


def _matches(pattern: str, told: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), told.partition("\n")[0]) is not None
