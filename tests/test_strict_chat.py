"""The strict checker finds what it should: each broken rule, one at a time."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.core.translated import FUNCTION, called, told
from tests.strict_chat import violations

Fields = dict[str, Any]

TOOL = {"type": "function", "function": {name: FUNCTION[name] for name in ("name", "parameters")}}
LEGAL: Fields = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "u", "detail": "low"}}],
        },
        {"role": "assistant", "content": "wait", "tool_calls": [called("a"), called("b")], "reasoning_content": ""},
        told("a"),
        told("b", ""),
        {"role": "user", "content": "go on"},
    ],
    "tools": [TOOL],
    "tool_choice": {"type": "function", "function": {"name": "look"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"default": None, "enum": []}}},
    "stream": True,
    "stream_options": {"include_usage": True},
}


def test_a_legal_request_breaks_no_rule() -> None:
    assert violations(LEGAL) == []


def test_system_messages_may_stand_anywhere_where_the_server_lets_them() -> None:
    late = {**LEGAL, "messages": [*LEGAL["messages"], {"role": "developer", "content": "be kind"}]}
    assert len(violations(late)) == 1
    assert violations(late, system_first=False) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model", 5),
        ("max_tokens", None),
        ("n_of_tomorrow", 1),
        ("stream", False),
        ("top_logprobs", 2),
        ("reasoning_effort", {"effort": "low"}),
        ("response_format", {"type": "xml"}),
        ("response_format.json_schema.schema.$schema", "x"),
        ("response_format.json_schema.name", "a name"),
        ("response_format.json_schema.strict", None),
        ("tools", []),
        ("tools.0.type", "custom"),
        ("tools.0.strict", True),
        ("tools.0.function.name", "n" * 65),
        ("tools.0.function.parameters", "{}"),
        ("tools.0.function.parameters.$schema", "x"),
        ("tools", [TOOL, TOOL]),
        ("tool_choice", {"type": "function", "function": {"name": "other"}}),
        ("tool_choice", {"type": "allowed_tools"}),
        ("messages", []),
        ("messages.0.role", "tool of tomorrow"),
        ("messages.0.content", [{"type": "text", "text": "x"}]),
        ("messages.0.name", "x"),
        ("messages.1.role", "system"),
        ("messages.1.content", []),
        ("messages.1.content", 5),
        ("messages.1.content.0.text", ""),
        ("messages.1.content.0.type", "input_text"),
        ("messages.1.content.1.image_url.detail", "original"),
        ("messages.1.content.1.image_url", "u"),
        ("messages.2.content", None),
        ("messages.2.content", [{"type": "text", "text": "x"}]),
        ("messages.2.tool_calls", []),
        ("messages.2.tool_calls.0.id", ""),
        ("messages.2.tool_calls.0.id", "a" * 41),
        ("messages.2.tool_calls.0.id", "b"),
        ("messages.2.tool_calls.0.type", "custom"),
        ("messages.2.tool_calls.0.function.name", "a name"),
        ("messages.2.tool_calls.0.function.arguments", ""),
        ("messages.2.tool_calls.0.function.arguments", "[]"),
        ("messages.2.tool_calls.0.function.arguments", '{"a": NaN}'),
        ("messages.2.tool_calls.0.function.arguments", {}),
        ("messages.3.tool_call_id", "b"),
        ("messages.4.tool_call_id", "a"),
        ("messages.4.role", "user"),
        ("messages.5", told("b")),
        ("messages.5", {"role": "assistant"}),
        ("messages.5", {"role": "assistant", "tool_calls": [called("c")]}),
    ],
)
def test_a_broken_rule_is_told(path: str, value: object) -> None:
    request = copy.deepcopy(LEGAL)
    *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
    place: Any = request
    for step in parents:
        place = place[step]
    place[last] = value
    assert violations(request)


@pytest.mark.parametrize("name", ["tools", "tool_choice"])
def test_a_tool_choice_and_its_tools_go_together(name: str) -> None:
    request = {key: value for key, value in LEGAL.items() if key != name}
    assert bool(violations(request)) is (name == "tools")


def test_two_limits_are_one_too_many() -> None:
    assert violations({**LEGAL, "max_tokens": 1, "max_completion_tokens": 1}) == ["max_tokens beside max_completion_tokens"]
