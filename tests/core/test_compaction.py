"""What of a condensed context the model is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.compaction import has_older, told

U, A, S, D = ({"role": role, "content": role} for role in ("user", "assistant", "system", "developer"))
C: dict[str, Any] = {"type": "compaction", "summary": "so far", "encrypted_content": "x"}
R: dict[str, Any] = {"type": "reasoning", "summary": []}
TOOLS: dict[str, Any] = {"type": "additional_tools", "role": "developer", "tools": []}


def call(id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": id, "name": "look", "arguments": "{}"}


def output(id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": id, "output": "seen"}


@pytest.mark.parametrize(
    ("items", "positions"),
    [
        ([], []),
        ([U, A, U], [0, 1, 2]),
        # Made by a response, which then answered: the summary before the question.
        ([U, A, U, C, A], [3, 2, 4]),
        ([U, A, U, C], [3, 2]),
        ([S, U, D, A, U, U, C, R, A, U], [0, 2, 6, 4, 5, 7, 8, 9]),
        ([U, call("1"), output("1"), R, call("2"), call("3"), output("2"), output("3"), C, A], [8, 3, 4, 5, 6, 7, 9]),
        ([U, A, C, A, U, C, A], [5, 4, 6]),
        ([U, A, C, output("1"), C, A], [4, 3, 5]),
        # Put there by the caller, as the compact endpoint gives it: where it stands.
        ([U, U, C, U], [0, 1, 2, 3]),
        ([U, U, C, S, U], [0, 1, 2, 3, 4]),
        ([C, U, A], [0, 1, 2]),
        ([TOOLS, U, A, C, U], [3, 4]),
    ],
)
def test_what_is_told_in_which_order(items: Sequence[dict[str, Any]], positions: Sequence[int]) -> None:
    assert [*told(items)] == positions


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], False),
        ([U], False),
        ([S, D, U, U], False),
        ([U, A], True),
        ([U, A, U], True),
        ([A, U], True),
        ([call("1"), output("1")], False),
        ([U, call("1"), output("1")], True),
        ([C, U], False),
        ([U, U, C, U], True),
        ([U, A, U, C, A, U], True),
    ],
)
def test_whether_there_is_anything_to_condense(items: Sequence[dict[str, Any]], *, expected: bool) -> None:
    assert has_older(items) is expected


_ITEMS = st.lists(st.sampled_from([U, A, S, D, C, R, call("1"), output("1")]), max_size=10)


@given(_ITEMS)
def test_nothing_is_told_twice_and_what_is_new_is_told(items: list[dict[str, Any]]) -> None:
    found = [*told(items)]
    assert len(set(found)) == len(found)
    last = max((position for position, item in enumerate(items) if item is C), default=-1)
    assert {position for position in range(len(items)) if position > last} <= set(found)
    assert {position for position, item in enumerate(items) if item in (S, D)} <= set(found)
    assert sum(items[position] is C for position in found) == (last >= 0)


@given(_ITEMS)
def test_what_can_be_condensed_never_becomes_longer(items: list[dict[str, Any]]) -> None:
    after = [*told([*items, C])]
    assert not has_older(items) or len(after) <= len(told(items))
    assert after.count(len(items)) == 1
