"""The parts of one Chat delta, whatever server wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.core import chunks
from gw_extproc.core.json_text import TOO_DEEP
from gw_extproc.core.think import Kind

R, T = Kind.REASONING, Kind.TEXT


def test_the_first_choice_is_the_one_with_index_0_or_none() -> None:
    first: dict[str, Any] = {"index": 0}
    assert chunks.first_choice([{"index": 1}, first]) is first
    assert chunks.first_choice([{"delta": {}}]) == {"delta": {}}
    assert chunks.first_choice([{"index": None}]) == {"index": None}


@pytest.mark.parametrize("choices", [None, {}, "no", [], [{"index": 1}], [5, None, "no"]])
def test_without_a_choice_there_is_none(choices: Any) -> None:
    assert chunks.first_choice(choices) is None


def test_the_delta_counts_before_the_message() -> None:
    assert chunks.delta_of({"delta": {"content": "a"}, "message": {"content": "ab"}}) == {"content": "a"}
    assert chunks.delta_of({"message": {"content": "ab"}}) == {"content": "ab"}
    assert chunks.delta_of({"delta": None, "message": "no"}) == {}


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        ({"reasoning_content": "a"}, "a"),
        ({"reasoning": "a"}, "a"),
        ({"reasoning_content": "a", "reasoning": "a", "reasoning_details": [{"text": "a"}]}, "a"),
        ({"reasoning_content": "", "reasoning": "a"}, "a"),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "a"}, {"type": "reasoning.summary", "summary": "b"}]}, "ab"),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}, "no", {"text": 5}]}, ""),
        ({"reasoning": None, "reasoning_details": None}, ""),
        ({"reasoning": {"effort": "high"}}, ""),
        ({}, ""),
    ],
)
def test_reasoning_comes_from_the_first_field_that_has_some(delta: chunks.Delta, text: str) -> None:
    assert chunks.reasoning(delta) == text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a", [(T, "a")]),
        ([{"type": "text", "text": "a"}, "b"], [(T, "a"), (T, "b")]),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}, "b"]}, {"type": "text", "text": "c"}],
            [(R, "ab"), (T, "c")],
        ),
        ([{"type": "thinking", "thinking": "a", "signature": "x"}], [(R, "a")]),
        ([{"type": "reasoning", "text": "a"}, {"type": "reasoning_text", "content": "b"}], [(R, "a"), (R, "b")]),
        ({"type": "text", "text": "a"}, [(T, "a")]),
        ({"type": "thinking", "thinking": "a"}, [(R, "a")]),
        ({"answer": 42}, [(T, '{"answer":42}')]),
        ({"type": "circle", "radius": 2}, [(T, '{"type":"circle","radius":2}')]),
        (5, [(T, "5")]),
        ([None, 5, {}, {"type": []}, {"type": "text", "text": ""}, {"type": "text", "text": [[], {"text": 5}]}], []),
    ],
)
def test_content_is_a_string_parts_or_an_object(content: Any, said: list[tuple[Kind, str]]) -> None:
    assert list(chunks.content(content)) == said


def test_content_nested_too_deeply_says_so() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"type": "text", "text": [deep], "content": deep}
    assert list(chunks.content([deep])) == []
    assert list(chunks.content({"answer": deep})) == [(T, TOO_DEEP)]


def test_calls_are_tool_calls_or_the_legacy_function_call() -> None:
    entry = {"index": 0, "id": "a"}
    legacy = {"name": "f", "arguments": "{}"}
    assert chunks.calls({"tool_calls": [entry, None, "no"], "function_call": legacy}) == [entry]
    assert chunks.calls({"tool_calls": [], "function_call": legacy}) == [{"index": 0, "function": legacy}]
    assert chunks.calls({"function_call": {"arguments": "{"}}) == [{"index": 0, "function": {"arguments": "{"}}]
    assert chunks.calls({"tool_calls": {"no": 1}, "function_call": {"name": "", "arguments": ""}}) == ()
    assert chunks.calls({"tool_calls": None, "function_call": None}) == ()


def test_url_citations_come_flat_or_nested() -> None:
    flat = {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2}
    nested = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 1.0, "end_index": 2}}
    assert list(chunks.citations([flat, nested])) == [flat, flat]
    assert list(chunks.citations([{"type": "url_citation", "url": "u", "title": 5, "start_index": "1", "end_index": None}])) == [
        {"type": "url_citation", "url": "u", "title": "", "start_index": 0, "end_index": 0}
    ]


@pytest.mark.parametrize(
    "annotations",
    [None, 5, "no", {}, ["no", {"type": "file_citation"}], [{"type": "url_citation", "url_citation": 5}], [{"type": "url_citation"}]],
)
def test_other_annotations_have_no_place(annotations: Any) -> None:
    assert list(chunks.citations(annotations)) == []


def test_logprobs_have_every_field() -> None:
    token = {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -1}]}
    assert chunks.logprobs({"logprobs": {"content": [token]}}) == [
        {
            "token": "é",
            "logprob": -0.5,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "e", "logprob": -1, "bytes": [101]}],
        }
    ]
    bare = {"token": "a", "logprob": None, "bytes": ["x"], "top_logprobs": None}
    assert chunks.logprobs({"logprobs": {"content": [bare]}}) == [{"token": "a", "logprob": 0.0, "bytes": [97], "top_logprobs": []}]


@pytest.mark.parametrize("given", [None, "no", {"content": None}, {"content": "no"}, {"content": [None, {"token": 5}]}])
def test_other_logprobs_are_none(given: Any) -> None:
    assert list(chunks.logprobs({"logprobs": given})) == []
