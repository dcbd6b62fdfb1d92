"""The parts of one Chat delta, whatever server wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.core import chunks
from gw_extproc.core.json_text import TOO_DEEP
from gw_extproc.core.think import Kind

R, T, NO = Kind.REASONING, Kind.TEXT, Kind.REFUSAL


class TestUnwrapping:
    @pytest.mark.parametrize(
        "chunk",
        [{"choices": [], "result": {"response": "a"}}, {"choices": None, "response": "a"}, {"result": None}, {"result": "a"}, {}],
    )
    def test_chats_own_form_stays_as_it_is(self, chunk: chunks.Delta) -> None:
        assert chunks.unwrapped(chunk) is chunk

    def test_the_result_is_the_chunk(self) -> None:
        inner: dict[str, Any] = {"choices": [{"delta": {}}]}
        assert chunks.unwrapped({"result": inner, "success": True, "errors": []}) is inner

    @pytest.mark.parametrize("wrap", [lambda inner: inner, lambda inner: {"result": inner, "success": True}])
    def test_a_response_is_the_content(self, wrap: Any) -> None:
        calls = [{"name": "f", "arguments": {}}]
        made = chunks.unwrapped(wrap({"response": "a", "tool_calls": calls, "usage": {"prompt_tokens": 1}, "finish_reason": "stop"}))
        assert made["choices"] == [{"delta": {"content": "a", "tool_calls": calls}, "finish_reason": "stop"}]
        assert made["usage"] == {"prompt_tokens": 1}


class TestChoices:
    @pytest.mark.parametrize("index", [0, 1, "0", None])
    def test_the_first_is_followed_whatever_its_index(self, index: object) -> None:
        assert chunks.followed_choice([5, {"index": index, "n": 1}, {"n": 2}], None) == {"index": index, "n": 1}

    def test_or_the_one_with_index_0(self) -> None:
        assert chunks.followed_choice([{"index": 1}, {"index": 0, "n": 1}], None) == {"index": 0, "n": 1}
        assert chunks.followed_choice([5], None) is None

    def test_then_the_one_with_its_index_or_with_none(self) -> None:
        first, second = {"index": 0}, {"index": 1}
        assert chunks.followed_choice([first, second], 1) is second
        for unnumbered in ({"delta": "a"}, {"index": None}):
            assert chunks.followed_choice([first, unnumbered], 1) is unnumbered
        assert chunks.followed_choice([first], 1) is None

    @pytest.mark.parametrize("choices", [None, {}, "no", [], [5, None, "no"]])
    def test_without_a_choice_there_is_none(self, choices: Any) -> None:
        assert chunks.followed_choice(choices, None) is None

    @pytest.mark.parametrize(
        ("delta", "says"),
        [
            ({"role": "assistant", "content": ""}, False),
            ({"role": "assistant", "content": None, "tool_calls": []}, False),
            ({}, False),
            ({"provider": "x"}, False),
            ({"content": "a"}, True),
            ({"reasoning": "a"}, True),
        ],
    )
    def test_the_role_says_nothing(self, delta: dict[str, Any], says: bool) -> None:
        assert chunks.says_something(delta) is says


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        *(({name: "a"}, "a") for name in ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts")),
        ({"reasoning_content": "a", "reasoning": "a", "reasoning_details": [{"text": "a"}]}, "a"),
        ({"reasoning_content": "", "reasoning": "a"}, "a"),
        ({"reasoning": {"content": "a"}}, "a"),
        ({"reasoning": {"summary": [{"text": "a"}, "b"]}}, "ab"),
        ({"thinking": {"thinking": "a", "signature": "x"}}, "a"),
        ({"reasoning_content": 42}, "42"),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "a"}, {"type": "reasoning.summary", "summary": "b"}]}, "ab"),
        ({"reasoning_details": [{"content": "a"}, {"content": [{"text": "b"}]}]}, "ab"),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}, {"text": True}, None]}, ""),
        ({"reasoning": None, "reasoning_details": None}, ""),
        ({"reasoning": {"effort": "high"}, "thinking": True}, ""),
        ({}, ""),
    ],
)
def test_reasoning_comes_from_the_first_field_that_has_some(delta: chunks.Delta, text: str) -> None:
    assert chunks.reasoning(delta) == text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a", [(T, "a")]),
        ("", []),
        (None, []),
        ([{"type": "text", "text": "a"}, "b"], [(T, "a"), (T, "b")]),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}, "b"]}, {"type": "text", "text": "c"}],
            [(R, "ab"), (T, "c")],
        ),
        ([{"type": "thinking", "thinking": "a", "signature": "x"}], [(R, "a")]),
        ([{"type": "reasoning", "text": "a"}, {"type": "reasoning_text", "content": "b"}], [(R, "a"), (R, "b")]),
        ([{"text": "a", "thought": True}, {"text": "b", "thought": False}], [(R, "a"), (T, "b")]),
        ([{"reasoningContent": {"reasoningText": {"text": "a", "signature": "x"}}}, {"text": "b"}], [(R, "a"), (T, "b")]),
        ([{"reasoningContent": "no"}], []),
        ([{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}], [(T, "a"), (NO, "b")]),
        ([{"type": "text", "text": {"value": "a", "annotations": []}}], [(T, "a")]),
        ({"type": "text", "text": "a"}, [(T, "a")]),
        ({"type": "thinking", "thinking": "a"}, [(R, "a")]),
        ({"answer": 42}, [(T, '{"answer":42}')]),
        ({"type": "circle", "radius": 2}, [(T, '{"type":"circle","radius":2}')]),
        ({"type": []}, [(T, '{"type":[]}')]),
        (5, [(T, "5")]),
        (0, [(T, "0")]),
        (0.5, [(T, "0.5")]),
        (True, [(T, "true")]),
        ([5, {"type": "text", "text": [[], {"text": 6}]}], [(T, "5"), (T, "6")]),
        ([None, True, [], {}, {"type": []}, {"type": "text", "text": ""}, {"type": "image_url", "image_url": {"url": "u"}}], []),
    ],
)
def test_content_is_a_text_a_number_parts_or_an_object(content: Any, said: list[tuple[Kind, str]]) -> None:
    assert list(chunks.content({"content": content})) == said


def test_content_has_other_names() -> None:
    assert chunks.content({"text": "a"}) == ((T, "a"),)
    assert chunks.content({"content": "a", "text": "b"}) == ((T, "a"),)
    assert chunks.content({"content": None, "audio": {"id": "x", "transcript": "a"}}) == ((T, "a"),)


@pytest.mark.parametrize("delta", [{}, {"audio": None}, {"audio": {"data": "AA=="}}, {"audio": "no"}, {"text": ""}])
def test_no_content_is_none(delta: chunks.Delta) -> None:
    assert list(chunks.content(delta)) == []


def test_content_nested_too_deeply_says_so() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"type": "text", "text": [deep], "content": deep}
    assert list(chunks.content({"content": [deep]})) == []
    assert list(chunks.content({"content": {"answer": deep}})) == [(T, TOO_DEEP)]


def test_calls_are_tool_calls_or_the_legacy_function_call() -> None:
    entry = {"index": 0, "id": "a"}
    legacy = {"name": "f", "arguments": "{}"}
    assert chunks.calls({"tool_calls": [entry, None, "no"], "function_call": legacy}) == [entry]
    assert chunks.calls({"tool_calls": entry}) == [entry]
    assert chunks.calls({"tool_calls": "no"}) == []
    assert chunks.calls({"tool_calls": [], "function_call": legacy}) == [{"index": 0, "function": legacy}]
    assert chunks.calls({"function_call": {"arguments": "{"}}) == [{"index": 0, "function": {"arguments": "{"}}]
    assert chunks.calls({"tool_calls": {}, "function_call": {"name": "", "arguments": ""}}) == ()
    assert chunks.calls({"tool_calls": None, "function_call": None}) == ()


def test_url_citations_come_flat_or_nested() -> None:
    flat = {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2}
    nested = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 1.0, "end_index": "2"}}
    assert list(chunks.citations([flat, nested])) == [flat, flat]
    assert list(chunks.citations([{"type": "url_citation", "url": "u", "title": 5, "start_index": "a", "end_index": None}])) == [
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


def test_logprobs_of_the_older_api_are_two_lists() -> None:
    given = {"tokens": ["a", 5, "b", "c"], "token_logprobs": [None, -1, -0.5], "top_logprobs": [{"a": -1}]}
    told = [(each["token"], each["logprob"], each["top_logprobs"]) for each in chunks.logprobs({"logprobs": given})]
    assert told == [("a", 0.0, []), ("b", -0.5, [])]


@pytest.mark.parametrize(
    "given",
    [None, "no", {"content": None}, {"content": "no"}, {"content": [None, {"token": 5}]}, {"tokens": ["a"]}, {"tokens": "a"}],
)
def test_other_logprobs_are_none(given: Any) -> None:
    assert list(chunks.logprobs({"logprobs": given})) == []
