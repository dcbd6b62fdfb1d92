"""The text of a free-form call while it arrives, and parsed values as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.json_text import LONGEST_OPENING, TOO_DEEP, InputText, written

SPACES = " " * LONGEST_OPENING


def read(pieces: Iterable[str]) -> str:
    reader = InputText()
    return "".join([*map(reader.feed, pieces), reader.end()])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input": "*** Begin Patch\\n+a"}', "*** Begin Patch\n+a"),
        (' { "input" : "a" , "more": 1}', "a"),
        ('{"input":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"}', '"\\/\b\f\n\r\té'),
        ('{"input":"\\ud83d\\ude42!"}', "🙂!"),
        ('{"input":"\\ud83dx"}', "\ufffdx"),
        ('{"input":"\\ud83d"}', "\ufffd"),
        ('{"input":"\\\\ud83d"}', "\\ud83d"),
        ('{"input":"raw\nline"}', "raw\nline"),
        ('{"input":"\\d+\\.\\n"}', "\\d+\\.\n"),
        ('{"input":"\\uzz and more than a dozen characters"}', "\\uzz and more than a dozen characters"),
        ('{"input":"C:\\u"}', "C:\\u"),
        ('{"input":"cut', "cut"),
        ('{"input":"cut\\u00', "cut"),
        ('{"input":"cut\\', "cut"),
        ('{"input":""}', ""),
        ('{"other": 1, "input": "a"}', "a"),
        ('{"other": 1}', '{"other": 1}'),
        ('"a"', "a"),
        ("[1]", "[1]"),
        ("", ""),
        ("*** Begin Patch\n" + SPACES, "*** Begin Patch\n" + SPACES),
        ('{"input": 5}', '{"input": 5}'),
        ("{" + SPACES + '"input": "a"}', "a"),
        ("{" + SPACES + '"input": "a\\q"}', "{" + SPACES + '"input": "a\\q"}'),
    ],
)
def test_the_text_is_what_the_model_meant_however_it_was_cut(arguments: str, text: str) -> None:
    assert read([arguments]) == text
    assert read(arguments) == text
    for at in range(len(arguments)):
        assert read([arguments[:at], arguments[at:]]) == text


def test_text_is_told_as_soon_as_it_is_certain() -> None:
    reader = InputText()
    assert [reader.feed(piece) for piece in ('{"in', 'put": "a', "b\\", "nc", '"', "}")] == ["", "a", "b", "\nc", "", ""]


@given(st.text(), st.booleans(), st.lists(st.integers(0, 300)))
def test_any_text_comes_back_in_any_split(text: str, ascii: bool, at: list[int]) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii)
    places = sorted({0, len(arguments), *(place % len(arguments) for place in at)})
    assert read(arguments[start:end] for start, end in pairwise(places)) == text


@given(st.text(alphabet='\\"u0dD8c3{}n:input '), st.lists(st.integers(0, 300)))
def test_anything_at_all_gives_the_same_text_in_any_split(arguments: str, at: list[int]) -> None:
    arguments = '{"input": "' + arguments
    places = sorted({0, len(arguments), *(place % len(arguments) for place in at)})
    assert read(arguments[start:end] for start, end in pairwise(places)) == read([arguments])


def test_values_are_written_as_json_unless_nested_too_deeply() -> None:
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    assert written({"a": [1, None]}) == '{"a":[1,null]}'
    assert written(deep) == TOO_DEEP
