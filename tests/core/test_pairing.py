"""Which output answers which call."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.pairing import CALL_TYPES, OUTPUT_TYPES, pair

Item = dict[str, Any]

USER: Item = {"role": "user", "content": "Go on."}


def call(call_id: str, **more: Any) -> Item:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}", **more}


def output(call_id: str) -> Item:
    return {"type": "function_call_output", "call_id": call_id, "output": "x"}


def test_outputs_find_their_calls_in_any_order() -> None:
    assert pair([call("a"), call("b"), output("b"), output("a")]).answers == {0: 3, 1: 2}


def test_an_id_that_every_turn_uses_again_is_answered_turn_by_turn() -> None:
    assert pair([call("0"), output("0"), call("0"), output("0")]).answers == {0: 1, 2: 3}


def test_a_call_that_was_never_answered_does_not_take_a_later_output() -> None:
    assert pair([call("0"), USER, call("0"), output("0")]).answers == {2: 3}


def test_two_calls_of_one_id_in_a_turn_are_answered_in_order() -> None:
    assert pair([call("0"), call("0"), output("0"), output("0")]).answers == {0: 2, 1: 3}


def test_an_output_before_its_call_answers_it() -> None:
    assert pair([output("a"), call("a")]).answers == {1: 0}


def test_an_output_without_a_call_is_an_orphan() -> None:
    pairs = pair([output("gone"), call("a"), output("a"), output("a")])
    assert pairs.answers == {1: 2}
    assert pairs.orphans == [0, 3]


def test_a_local_shells_output_may_name_the_item() -> None:
    shell = {"type": "local_shell_call", "id": "item", "call_id": "call"}
    named = {"type": "local_shell_call_output", "id": "item", "output": ""}
    assert pair([shell, named, output("call")]).answers == {0: 1}


def test_searches_without_an_id_are_answered_in_order() -> None:
    search: Item = {"type": "tool_search_call", "arguments": {}}
    found: Item = {"type": "tool_search_output", "tools": []}
    assert pair([search, search, found, found]).answers == {0: 2, 1: 3}


def test_reasoning_and_words_of_the_assistant_are_of_the_same_turn() -> None:
    between: list[Item] = [{"type": "reasoning", "summary": []}, {"role": "assistant", "content": "Hm."}]
    assert pair([call("0"), *between, call("0"), output("0"), output("0")]).answers == {0: 4, 3: 5}


@given(st.lists(st.sampled_from([call("a"), call("b", id="a"), output("a"), output("b"), USER])))
def test_every_output_answers_one_call_or_is_an_orphan(items: list[Item]) -> None:
    pairs = pair(items)
    outputs = [index for index, item in enumerate(items) if item.get("type") in OUTPUT_TYPES]
    assert sorted([*pairs.answers.values(), *pairs.orphans]) == outputs
    assert all(items[index]["type"] in CALL_TYPES for index in pairs.answers)
