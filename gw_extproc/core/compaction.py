"""What the model is told of a context that was condensed.

Theory. A compaction item stands for what came before it. It was made while the caller's latest words waited for an answer: those are
in it too, but the model has to see them as they were. So of what stands before the last compaction item is told: what system and
developer say, and the *tail*, that is what followed the model's last words, with the calls where it holds their outputs. The
tail comes after the summary where the model answered it then; where the caller has put the item behind it, as
`POST /v1/responses/compact` gives it, it stays before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gw_extproc.core.pairing import CALL_TYPES, OUTPUT_TYPES

Given = Mapping[str, Any]

TYPE = "compaction"

_MODELS = CALL_TYPES | {"reasoning", TYPE}
_ROLES = frozenset({"system", "developer"})


def told(items: Sequence[Given]) -> Sequence[int]:
    """Positions of the items that the model is told, in that order."""
    place = next((position for position in reversed(range(len(items))) if items[position].get("type") == TYPE), None)
    if place is None:
        return range(len(items))
    start = _tail(items, place)
    rules = [position for position in range(start) if _is_rule(items[position])]
    following = range(place + 1, len(items))
    is_answered = not following or _is_models(items[following[0]])
    return [*rules, *((place, *range(start, place)) if is_answered else (*range(start, place), place)), *following]


def has_older(items: Sequence[Given]) -> bool:
    """Whether there is anything that a compaction would stand for, besides what an earlier one does already."""
    start = _tail(items, len(items))
    return any(position < start and not _is_rule(items[position]) and items[position].get("type") != TYPE for position in told(items))


def _tail(items: Sequence[Given], end: int) -> int:
    """Where the tail of the items before `end` begins."""
    start = end
    while start and not _is_models(items[start - 1]):
        start -= 1
    if any(item.get("type") in OUTPUT_TYPES for item in items[start:end]):
        while start and _is_models(items[start - 1]) and items[start - 1].get("type") != TYPE:
            start -= 1
    return start


def _is_models(item: Given) -> bool:
    return item.get("type") in _MODELS or item.get("role") == "assistant"


def _is_rule(item: Given) -> bool:
    return item.get("role") in _ROLES and item.get("type") in (None, "message")
