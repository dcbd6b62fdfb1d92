"""Which output answers which call.

An output answers the last turn that has an unanswered call of its id, and in that turn the first: some servers number their calls from
zero in every turn, and a call of an earlier turn that was never answered must not take a later one's output. An output that stands
before its call answers it all the same.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gw_extproc.core.toolkinds import CALL_KINDS

Given = Mapping[str, Any]

CALL_TYPES = frozenset({"function_call", "custom_tool_call", *CALL_KINDS})
OUTPUT_TYPES = frozenset({"function_call_output", "custom_tool_call_output", "tool_search_output"}) | {
    f"{kind}_output" for kind in CALL_KINDS if kind != "tool_search_call"
}
_MODEL_TYPES = CALL_TYPES | {"reasoning"}


@dataclass(frozen=True)
class Pairs:
    """Positions in the list of items."""

    answers: Mapping[int, int]
    """Call to output."""
    orphans: Sequence[int]
    """Outputs whose call is not there."""


class _Unanswered:
    """The calls of one id that wait for an output, turn by turn."""

    def __init__(self) -> None:
        self._turns: dict[int, deque[int]] = {}

    def add(self, turn: int, call: int) -> None:
        self._turns.setdefault(turn, deque()).append(call)

    def take(self, answers: Mapping[int, int]) -> int | None:
        """The call that the next output answers; a call with two names may have got its answer under the other."""
        while self._turns:
            turn = next(reversed(self._turns))
            calls = self._turns[turn]
            while calls:
                if (call := calls.popleft()) not in answers:
                    return call
            del self._turns[turn]
        return None


def pair(items: Sequence[Given]) -> Pairs:
    answers: dict[int, int] = {}
    unanswered: dict[str, _Unanswered] = defaultdict(_Unanswered)
    early: dict[str, deque[int]] = defaultdict(deque)
    turn = 0
    for position, item in enumerate(items):
        kind = item.get("type")
        if kind in CALL_TYPES:
            names = list(_names(item))
            if waiting := next((early[name] for name in names if early.get(name)), None):
                answers[position] = waiting.popleft()
                continue
            for name in names:
                unanswered[name].add(turn, position)
        elif kind in OUTPUT_TYPES:
            turn += 1
            name = answered_id(item)
            call = unanswered[name].take(answers)
            if call is None:
                early[name].append(position)
            else:
                answers[call] = position
        elif kind not in _MODEL_TYPES and item.get("role") != "assistant":
            turn += 1
    return Pairs(answers, sorted(position for left in early.values() for position in left))


def answered_id(item: Given) -> str:
    """The id of the call that an output answers: a local shell's may be its `id`; searches without one are answered in order."""
    own = item.get("id") if item["type"] == "local_shell_call_output" else None
    return str(item.get("call_id") or own or "")


def _names(call: Given) -> Iterator[str]:
    """A call is known by its call id, and by its item id, which OpenAI's document names in a local shell's output."""
    if call["type"] == "tool_search_call":
        yield call.get("call_id") or ""
        return
    for name in dict.fromkeys((call.get("call_id"), call.get("id"))):
        if name:
            yield str(name)
