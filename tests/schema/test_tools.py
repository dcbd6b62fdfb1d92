"""Tools and tool_choice: known kinds are checked, unknown kinds pass."""

from __future__ import annotations

from typing import Any

import pytest

from .refusals import accept, refusal, refuse, request

MISSING = "missing_required_parameter"
FUNCTION = {"type": "function", "name": "get_weather"}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: x"}


@pytest.mark.parametrize(
    "tool",
    [
        FUNCTION,
        FUNCTION | {"description": None, "parameters": None, "strict": None, "name": "n" * 128},
        FUNCTION | {"parameters": {"type": "object"}, "strict": True, "defer_loading": True},
        {"type": "custom", "name": "apply_patch", "format": GRAMMAR},
        {"type": "custom", "name": "any name", "format": {"type": "text"}, "description": None},
        {"type": "custom", "name": "c", "format": None},
        {"type": "namespace", "name": "n", "description": "", "tools": [FUNCTION, {"type": "custom", "name": "c"}]},
        {"type": "namespace", "name": "n", "tools": []},
        {"type": "tool_search"},
        {"type": "tool_search", "execution": "client", "description": "d", "parameters": {}},
        {"type": "apply_patch"},
        FUNCTION | {"allowed_callers": ["direct", "programmatic"], "output_schema": {"type": "object"}},
        {"type": "shell", "environment": {"type": "local"}, "allowed_callers": None},
        {"type": "shell", "environment": {"type": "container_auto", "memory_limit": "1g"}},
        {"type": "shell", "environment": None},
        {"type": "local_shell"},
        {"type": "web_search", "external_web_access": True},
        {"type": "tool_of_tomorrow", "name": 5},
    ],
)
def test_tools_are_accepted(tool: dict[str, Any]) -> None:
    accept(tools=[tool])


@pytest.mark.parametrize(
    ("tool", "path", "code"),
    [
        (5, "", "invalid_type"),
        ({"name": "f"}, ".type", MISSING),
        ({"type": ["function"]}, ".type", "invalid_type"),
        ({"type": "function"}, ".name", MISSING),
        (FUNCTION | {"name": "get weather"}, ".name", "invalid_value"),
        (FUNCTION | {"name": "n" * 129}, ".name", "string_above_max_length"),
        (FUNCTION | {"parameters": "{}"}, ".parameters", "invalid_type"),
        (FUNCTION | {"strict": "true"}, ".strict", "invalid_type"),
        ({"type": "custom", "name": "c", "format": "text"}, ".format", "invalid_type"),
        ({"type": "custom", "name": "c", "format": {"type": "ebnf"}}, ".format.type", "invalid_value"),
        ({"type": "custom", "name": "c", "format": GRAMMAR | {"syntax": "peg"}}, ".format.syntax", "invalid_value"),
        ({"type": "namespace", "name": "n"}, ".tools", MISSING),
        ({"type": "namespace", "name": "n", "tools": [FUNCTION, {"type": "mcp"}]}, ".tools[1].type", "invalid_value"),
        ({"type": "tool_search", "execution": "remote"}, ".execution", "invalid_value"),
        ({"type": "shell", "environment": {}}, ".environment.type", MISSING),
        (FUNCTION | {"allowed_callers": "direct"}, ".allowed_callers", "invalid_type"),
        ({"type": "apply_patch", "allowed_callers": [5]}, ".allowed_callers[0]", "invalid_type"),
    ],
)
def test_a_wrong_tool_is_refused_by_its_path(tool: object, path: str, code: str) -> None:
    assert refuse(tools=[FUNCTION, tool]) == (f"tools[1]{path}", code)


def test_a_tool_of_chat_completions_is_explained() -> None:
    assert refusal(request(tools=[{"type": "function", "function": {"name": "f"}}])).message == (
        "Missing required parameter: 'tools[0].name': it belongs beside 'type', not inside 'function' as in Chat Completions."
    )


@pytest.mark.parametrize(
    "choice",
    [
        "none",
        "auto",
        "required",
        {"type": "function", "name": "f"},
        {"type": "custom", "name": "c"},
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
        {"type": "allowed_tools", "mode": None, "tools": [{"type": "image_generation"}]},
        {"type": "apply_patch"},
        {"type": "web_search_preview"},
    ],
)
def test_tool_choices_are_accepted(choice: object) -> None:
    accept(tool_choice=choice)


@pytest.mark.parametrize(
    ("choice", "path", "code"),
    [
        ("any", "", "invalid_value"),
        ([], "", "invalid_type"),
        ({}, ".type", MISSING),
        ({"type": "function"}, ".name", MISSING),
        ({"type": "function", "function": {"name": "f"}}, ".name", MISSING),
        ({"type": "allowed_tools", "tools": []}, ".tools", "empty_array"),
        ({"type": "allowed_tools", "tools": [{"name": "f"}]}, ".tools[0].type", MISSING),
        ({"type": "allowed_tools", "mode": "none", "tools": [FUNCTION]}, ".mode", "invalid_value"),
    ],
)
def test_a_wrong_tool_choice_is_refused_by_its_path(choice: object, path: str, code: str) -> None:
    assert refuse(tool_choice=choice) == (f"tool_choice{path}", code)
