"""Which call a piece belongs to: the servers' ways, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gw_extproc.core.calls import Calls, SuppressedCall, WholeCallBuffer
from gw_extproc.core.json_text import TOO_DEEP
from gw_extproc.core.toolkinds import WHOLE_CALLS, BadArguments

from .answers import piece


class Opened:
    """A call as the output would keep it."""

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.arguments = ""

    def grow(self, piece: str) -> None:
        self.arguments += piece


def sorted_into(*deltas: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Id, name and arguments of each call that these deltas make, in the order they opened."""
    opened: list[Opened] = []

    def open_call(id: str, name: str) -> Opened:
        opened.append(Opened(id, name))
        return opened[-1]

    calls = Calls(open_call)
    for delta in deltas:
        calls.feed(delta)
    calls.end()
    return [(call.id, call.name, call.arguments) for call in opened]


A, B = ("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')


def test_as_openai_does_it_and_interleaved() -> None:
    assert sorted_into(
        [piece(0, "a", "f", "")],
        [piece(0, arguments='{"x"')],
        [piece(1, "b", "g", "")],
        [piece(1, arguments='{"y"')],
        [piece(0, arguments=":1}")],
        [piece(1, arguments=":2}")],
        [piece(1, arguments="")],
    ) == [A, B]


def test_several_in_one_delta() -> None:
    assert sorted_into(
        [piece(0, "a", "f", '{"x"'), piece(1, "b", "g", '{"y"')], [piece(0, arguments=":1}"), piece(1, arguments=":2}")]
    ) == [A, B]


def test_indices_from_1_or_with_gaps() -> None:
    assert sorted_into([piece(1, "a", "f", "")], [piece(1, arguments='{"x":1}')], [piece(7, "b", "g", '{"y":2}')]) == [A, B]


def test_without_indices_the_place_in_the_list_finds_the_call() -> None:
    assert sorted_into(
        [piece(id="a", name="f", arguments='{"x"'), piece(id="b", name="g", arguments='{"y"')],
        [piece(arguments=":1}"), piece(arguments=":2}")],
    ) == [A, B]


def test_without_indices_a_known_id_finds_the_call() -> None:
    assert sorted_into(
        [piece(id="a", name="f", arguments='{"x"')],
        [piece(arguments=":")],
        [piece(id="a", arguments="1}")],
        [piece(id="b", name="g", arguments="{")],
        [piece(id="a", arguments=" ")],
        [piece(id="b", arguments='"y":2}')],
    ) == [("a", "f", '{"x":1} '), B]


def test_all_at_index_0() -> None:
    assert sorted_into([piece(0, "a", "f", '{"x":1}'), piece(0, "b", "g", '{"y":2}')]) == [A, B]
    assert sorted_into(
        [piece(0, "a", "f", "")], [piece(0, arguments='{"x":1}')], [piece(0, "b", "g", "")], [piece(0, arguments='{"y":2}')]
    ) == [
        A,
        B,
    ]


def test_without_ids() -> None:
    assert sorted_into([piece(0, name="f", arguments='{"x":1}')], [piece(0, name="g", arguments='{"y":2}')]) == [
        ("", "f", '{"x":1}'),
        ("", "g", '{"y":2}'),
    ]


def test_the_same_function_twice_without_ids() -> None:
    assert sorted_into([piece(name="f", arguments="{}")], [piece(name="f", arguments='{"x":1}')]) == [
        ("", "f", "{}"),
        ("", "f", '{"x":1}'),
    ]


def test_empty_ids_on_continuations() -> None:
    assert sorted_into([piece(0, "a", "f", "")], [piece(0, "", arguments='{"x"')], [piece(0, "", arguments=":1}")]) == [A]


def test_ids_that_change_with_each_piece() -> None:
    assert sorted_into([piece(0, "a", "f", '{"x"')], [piece(0, "other", arguments=":")], [piece(0, "third", "f", arguments="1}")]) == [
        A
    ]


def test_one_id_for_all_calls_is_only_the_first_ones() -> None:
    assert sorted_into([piece(0, "a", "f", '{"x":1}'), piece(1, "a", "g", '{"y":2}')]) == [A, ("", "g", '{"y":2}')]


def test_names_repeated_with_each_piece() -> None:
    assert sorted_into([piece(0, "a", "f", "")], [piece(0, "a", "f", '{"x"')], [piece(0, "a", "f", ":1}")]) == [A]
    assert sorted_into([piece(0, name="f")], [piece(0, name="f", arguments='{"x"')], [piece(0, name="f", arguments=":1}")]) == [
        ("", "f", '{"x":1}')
    ]


def test_unfinished_arguments_go_on_whatever_the_piece_looks_like() -> None:
    assert sorted_into([piece(0, name="f", arguments='{"x":')], [piece(0, name="f", arguments='{"y":2}}')]) == [
        ("", "f", '{"x":{"y":2}}')
    ]


def test_arguments_as_an_object() -> None:
    assert sorted_into([piece(0, "a", "f", {"x": 1})], [piece(1, "b", "g", {"y": 2})]) == [A, B]
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    assert sorted_into([piece(0, "a", "f", deep)]) == [("a", "f", TOO_DEEP)]


def test_a_repeated_name_continues_where_the_piece_cannot_begin_arguments() -> None:
    assert sorted_into([piece(0, name="f", arguments='{"x":1}')], [piece(0, name="f", arguments=" ")]) == [("", "f", '{"x":1} ')]
    assert sorted_into([piece(0, name="f", arguments="{}")], [piece(0, name="f", arguments=' {"x":1}')]) == [
        ("", "f", "{}"),
        ("", "f", ' {"x":1}'),
    ]


class TestRepetitions:
    @pytest.mark.parametrize("index", [0, None])
    def test_of_a_whole_call_say_nothing(self, index: int | None) -> None:
        pieces = [piece(index, "a", "f", '{"x"')], [piece(index, "a", arguments=":1}")]
        assert sorted_into(*pieces, [piece(index, "a", "f", '{"x":1}')]) == [A]

    def test_of_calls_without_arguments_say_nothing(self) -> None:
        assert sorted_into([piece(0, "a", "f", "{}")], [piece(0, "a", "f", "{}")]) == [("a", "f", "{}")]
        assert sorted_into([piece(0, "a", "f", "")], [piece(0, "a", "f", "")]) == [("a", "f", "")]

    def test_of_a_part_belong_to_the_arguments(self) -> None:
        pieces = [[piece(0, "a", "f", text)] for text in ('{"x":', '{"x":', "1}}")]
        assert sorted_into(*pieces) == [("a", "f", '{"x":{"x":1}}')]

    def test_under_another_id_are_another_call(self) -> None:
        assert sorted_into([piece(0, "a", "f", '{"x":1}')], [piece(0, "b", "f", '{"x":1}')]) == [A, ("b", "f", '{"x":1}')]


class TestPlaceholders:
    def test_give_way_to_the_real_arguments(self) -> None:
        assert sorted_into([piece(0, "a", "f", "{}")], [piece(0, arguments='{"x"')], [piece(0, arguments=":1}")]) == [A]
        assert sorted_into([piece(0, "a", "f", {})], [piece(0, "a", "f", {"x": 1})]) == [A]

    def test_are_the_arguments_where_nothing_else_comes(self) -> None:
        assert sorted_into([piece(0, "a", "f", "{}")], [piece(0, arguments="")]) == [("a", "f", "{}")]
        assert sorted_into([piece(0, "a", "f", "{}")], [piece(0, arguments="\n")]) == [("a", "f", "{}\n")]
        assert sorted_into([piece(0, "a", "f", "{")], [piece(0, arguments="}")]) == [("a", "f", "{}")]

    def test_may_come_before_the_name(self) -> None:
        assert sorted_into([piece(0, "a", arguments="{}")], [piece(0, name="f", arguments='{"x":1}')]) == [A]
        assert sorted_into([piece(0, "a", arguments="{}")], [piece(0, name="f")]) == [("a", "f", "{}")]

    def test_are_none_inside_the_arguments(self) -> None:
        assert sorted_into([piece(0, "a", "f", '{"x":')], [piece(0, arguments="{}")], [piece(0, arguments="}")]) == [
            ("a", "f", '{"x":{}}')
        ]


def test_some_servers_leave_out_the_inner_object() -> None:
    assert sorted_into([{"id": "a", "name": "f", "arguments": {"x": 1}}, {"id": "b", "name": "g", "parameters": {"y": 2}}]) == [A, B]


def test_some_servers_call_the_arguments_parameters() -> None:
    assert sorted_into([{"id": "a", "function": {"name": "f", "parameters": '{"x":1}'}}]) == [A]


def test_whether_there_was_a_call_is_known() -> None:
    calls = Calls(Opened)
    assert not calls.begun
    calls.feed([piece(0, "a")])
    assert calls.begun


def test_arguments_before_the_name_are_held() -> None:
    assert sorted_into([piece(0, "a", arguments='{"x"')], [piece(0, name="f", arguments=":1}")]) == [A]


def test_a_call_without_a_name_is_shown_if_it_says_something() -> None:
    assert sorted_into([piece(0, "a", arguments="{}")], [piece(1, "b")], [piece(2)]) == [("a", "", "{}")]
    assert sorted_into([piece(0, "a", arguments='{"x":1}')]) == [("a", "", '{"x":1}')]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"index": [], "id": 5, "function": None},
        {"index": 0.5, "id": {}, "function": "f"},
        {"index": "0", "function": {"name": 5, "arguments": None}},
        {"index": True, "id": None, "function": []},
    ],
)
def test_what_has_the_wrong_type_says_nothing(entry: dict[str, Any]) -> None:
    assert sorted_into([entry]) == []


class Announced:
    def __init__(self) -> None:
        self.closed: list[Any] = []

    def __call__(self, fields: Any) -> Any:
        self.closed.append(fields)
        return self

    def close(self, status: str) -> None:
        self.closed.append(status)


def whole(*pieces: str) -> tuple[WholeCallBuffer, list[Any]]:
    """A whole call with these arguments, and what it will announce."""
    announced = Announced()
    call = WholeCallBuffer(WHOLE_CALLS["tool_search"], announced)
    for each in pieces:
        call.grow(each)
    assert call.arguments == "".join(pieces)
    return call, announced.closed


class TestWholeCalls:
    @pytest.mark.parametrize("status", ["completed", "incomplete"])
    def test_are_announced_when_whole_and_then_complete(self, status: str) -> None:
        call, closed = whole('{"query"', ':"q"}')
        call.judge()
        assert closed == []
        call.close(status)
        assert closed == [{"execution": "client", "arguments": {"query": "q"}}, "completed"]

    @pytest.mark.parametrize("arguments", ['{"query"', "[]"])
    def test_of_another_form_are_an_error_and_announce_nothing(self, arguments: str) -> None:
        call, closed = whole(arguments)
        with pytest.raises(BadArguments):
            call.judge()
        assert closed == []


def test_a_suppressed_call_does_nothing() -> None:
    call = SuppressedCall()
    grow: Callable[[str], None] = call.grow
    grow("x")
    assert call.arguments == ""
