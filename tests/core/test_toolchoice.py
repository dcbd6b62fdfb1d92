"""tool_choice in all its forms."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.core.dialects import DIALECTS

from .translated import FUNCTION, Fields, chat, notice, plan, refusal, refused

WRITE: Fields = {"type": "function", "name": "write"}
CUSTOM: Fields = {"type": "custom", "name": "free"}
SERVER: Fields = {
    "type": "namespace",
    "name": "mcp",
    "tools": [{"type": "function", "name": "find"}, {"type": "custom", "name": "note"}],
}
TOOLS = [FUNCTION, WRITE, CUSTOM, SERVER, {"type": "apply_patch"}, {"type": "web_search"}]
ALL = ["look", "write", "free", "mcp__find", "mcp__note", "apply_patch"]


def offered(choice: object, dialect: str = "generic") -> tuple[Any, list[str]]:
    """The choice in Chat's form, and the names that are offered with it."""
    sent = chat(dialect, tools=TOOLS, tool_choice=choice)
    return sent.get("tool_choice"), [each["function"]["name"] for each in sent.get("tools", ())]


def named(name: str) -> Fields:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_words_stay_words(choice: str) -> None:
    assert offered(choice) == (choice, ALL)


def test_no_choice_is_no_field() -> None:
    assert offered(None) == (None, ALL)


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ({"type": "function", "name": "look"}, "look"),
        ({"type": "custom", "name": "free"}, "free"),
        ({"type": "function", "name": "find"}, "mcp__find"),
        ({"type": "apply_patch"}, "apply_patch"),
    ],
)
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_tool_is_named_or_offered_alone_and_required(choice: Fields, name: str, dialect: str) -> None:
    expected = (named(name), ALL) if DIALECTS[dialect].named_tool_choice else ("required", [name])
    assert offered(choice, dialect) == expected


def test_a_namespace_offers_its_tools_and_requires_one() -> None:
    assert offered({"type": "namespace", "name": "mcp"}) == ("required", ["mcp__find", "mcp__note"])
    assert offered({"type": "namespace"}) == ("required", ["mcp__find", "mcp__note"])


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"tools": [{"type": "function", "name": "write"}]}, ("auto", ["write"])),
        ({"mode": None, "tools": [{"type": "function", "name": "write"}]}, ("auto", ["write"])),
        ({"mode": "required", "tools": [{"type": "custom", "name": "free"}, WRITE]}, ("required", ["write", "free"])),
        ({"mode": "auto", "tools": [{"type": "namespace", "name": "mcp"}]}, ("auto", ["mcp__find", "mcp__note"])),
        ({"mode": "auto", "tools": [{"type": "custom", "name": "note"}]}, ("auto", ["mcp__note"])),
        ({"mode": "auto", "tools": [{"type": "web_search"}, FUNCTION]}, ("auto", ["look"])),
        ({"mode": "auto", "tools": [{"type": "web_search"}]}, (None, [])),
        ({"mode": "auto", "tools": [{"type": "function", "name": 5}]}, ("auto", ["look", "write", "mcp__find"])),
    ],
)
def test_allowed_tools_narrow_what_is_offered(choice: Fields, expected: object) -> None:
    assert offered({"type": "allowed_tools", **choice}) == expected


def allowed(*tools: Fields, **fields: object) -> Fields:
    return {"type": "allowed_tools", "tools": list(tools), **fields}


@pytest.mark.parametrize(
    ("choice", "callable"),
    [
        (None, {"look", "write", "invented"}),
        ("auto", {"look", "write", "invented"}),
        ("required", {"look", "write", "invented"}),
        ("none", set()),
        ({"type": "function", "name": "look"}, {"look", "write", "invented"}),
        (allowed(WRITE), {"write"}),
        (allowed({"type": "web_search"}), set()),
    ],
)
def test_calls_that_the_choice_does_not_allow_mean_nothing(choice: object, callable: set[str]) -> None:
    toolbox = plan(tools=TOOLS, tool_choice=choice).toolbox
    assert {name for name in ("look", "write", "invented") if toolbox.resolve(name) is not None} == callable


def test_no_call_is_allowed_where_there_are_no_tools_and_none_is_wanted() -> None:
    assert plan(tool_choice="none").toolbox.resolve("invented") is None


@pytest.mark.parametrize(
    ("name", "tool"),
    [("no", {"type": "function", "name": "no"}), ("write", {"type": "custom", "name": "write"})],
)
def test_an_allowed_tool_that_does_not_exist_is_refused_by_its_path(name: str, tool: Fields) -> None:
    for mode in ("auto", "required"):
        error = refusal(tools=TOOLS, tool_choice=allowed(FUNCTION, tool, mode=mode))
        assert error.message == f"Invalid value for 'tool_choice.tools[1]': there is no tool '{name}'."
        assert (error.param, error.code) == ("tool_choice.tools[1]", "invalid_value")


def test_an_allowed_tool_that_was_left_out_is_named() -> None:
    remote = {**FUNCTION, "name": "remote", "allowed_callers": ["programmatic"]}
    choice = allowed({"type": "web_search"}, {"type": "mcp", "server_label": "x"}, {"type": "function", "name": "remote"})
    sent = chat(tools=[*TOOLS, remote], tool_choice=choice)
    assert not sent.keys() & {"tools", "tool_choice"}
    assert notice(tools=[*TOOLS, remote], tool_choice=choice) == (
        "tools left out: web_search, function(remote); allowed tools left out: web_search, mcp(x), function(remote)"
    )
    assert notice(tools=TOOLS, tool_choice=allowed(FUNCTION)) == "tools left out: web_search"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"type": "web_search"}, "it demands the tool 'web_search', which is not among the tools that the model can call"),
        ({"type": "mcp", "server_label": "x"}, "it demands the tool 'x', which is not among the tools that the model can call"),
        ({"type": "function", "name": "no"}, "it demands the tool 'no', which is not among the tools that the model can call"),
        ({"type": "shell", "name": 5}, "it demands the tool 'shell', which is not among the tools that the model can call"),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "mcp"}]},
            "it requires one of the allowed tools, but the model can call none of them",
        ),
    ],
)
def test_a_demand_that_cannot_be_met_is_refused(choice: Fields, message: str) -> None:
    error = refusal(tools=TOOLS, tool_choice=choice)
    assert (error.message, error.param) == (f"Invalid value for 'tool_choice': {message}.", "tool_choice")


def test_a_call_cannot_be_required_where_there_is_no_tool() -> None:
    assert refused(tool_choice="required") == ("tool_choice", "invalid_value")
    assert refused(tool_choice="required", tools=[{"type": "web_search"}]) == ("tool_choice", "invalid_value")
    assert "tool_choice" not in chat(tool_choice="none")


def test_a_long_name_is_not_repeated_in_full() -> None:
    assert len(refusal(tool_choice={"type": "t" * 9999}).message) < 200


def test_many_allowed_tools_are_all_found() -> None:
    tools = [{"type": "function", "name": f"f{number}"} for number in range(3000)]
    assert len(chat(tools=tools, tool_choice={"type": "allowed_tools", "tools": tools})["tools"]) == 3000
