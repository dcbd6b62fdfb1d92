"""The toolbox: what is offered under which name, and what a call of a name means."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.errors import CallerError
from gw_extproc.core.notices import Notices
from gw_extproc.core.toolkinds import Tool
from gw_extproc.core.tools import Toolbox

from .anything import TOOLS
from .translated import FUNCTION, chat, notice, refusal, refused

Fields = dict[str, Any]

CUSTOM: Fields = {"type": "custom", "name": "look"}


def toolbox(*tools: Fields, reject: bool = False) -> Toolbox:
    box = Toolbox(Notices(), reject_unsupported=reject)
    box.add(tools, "tools")
    return box


def names(*tools: Fields) -> list[str]:
    return [each["function"]["name"] for each in toolbox(*tools).definitions()]


def functions(*tools: Fields) -> list[Fields]:
    return [each["function"] for each in toolbox(*tools).definitions()]


def namespace(name: str, *tools: Fields, **fields: object) -> Fields:
    return {"type": "namespace", "name": name, "tools": list(tools), **fields}


@given(TOOLS)
def test_offered_names_are_legal_and_unique_and_mean_their_tool(tools: list[Fields]) -> None:
    box = toolbox(*tools)
    offered = [each["function"]["name"] for each in box.definitions()]
    assert len(set(offered)) == len(offered)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in offered)
    for name in offered:
        tool = box.resolve(name)
        assert tool is not None
        assert box.wire_name(tool) == name


@given(TOOLS, TOOLS)
def test_a_tool_keeps_its_name_when_others_follow(tools: list[Fields], others: list[Fields]) -> None:
    alone, together = names(*tools), names(*tools, *others)
    assert together[: len(alone)] == alone


def test_functions_are_offered_in_the_nested_form() -> None:
    full = {**FUNCTION, "description": "Looks.", "strict": False, "defer_loading": True}
    assert chat(tools=[full])["tools"] == [
        {
            "type": "function",
            "function": {"name": "look", "parameters": FUNCTION["parameters"], "description": "Looks.", "strict": False},
        }
    ]


def test_fields_that_cannot_be_sent_are_named_once() -> None:
    full = {**FUNCTION, "output_schema": {}, "defer_loading": True, "allowed_callers": ["direct", "programmatic"]}
    plain = {**FUNCTION, "name": "plain", "output_schema": None, "defer_loading": False, "allowed_callers": ["direct"]}
    local = {"type": "shell", "environment": {"type": "local", "skills": [{"name": "s"}]}}
    named = "fields not sent: tools[].output_schema, tools[].defer_loading, tools[].allowed_callers"
    assert notice(tools=[full, {**full, "name": "other"}, plain]) == named
    assert notice(tools=[namespace("mcp", full)]) == named
    assert notice(tools=[plain, {**CUSTOM, "format": {"type": "text"}}, {"type": "shell", "environment": {"type": "local"}}]) == ""
    assert notice(tools=[local, namespace("mcp", tag=1)]) == "fields not sent: tools[].environment.skills, tools[].tag"


@pytest.mark.parametrize("kind", ["apply_patch", "shell", "local_shell"])
def test_fields_that_a_built_in_tool_does_not_have_change_nothing(kind: str) -> None:
    assert functions({"type": kind, "description": 5, "parameters": 5}) == functions({"type": kind})
    assert notice(tools=[{"type": kind, "parameters": 5}]) == "fields not sent: tools[].parameters"


def test_what_the_caller_did_not_say_of_a_function_is_not_invented() -> None:
    bare = {"type": "function", "name": "look", "description": "", "parameters": None, "strict": None}
    assert functions(bare) == [{"name": "look", "parameters": {"type": "object", "properties": {}}}]


def test_the_name_of_the_meta_schema_is_left_out() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {}}
    assert functions({**FUNCTION, "parameters": schema}) == [{"name": "look", "parameters": {"type": "object", "properties": {}}}]
    assert functions({**FUNCTION, "parameters": {"$schema": "x"}})[0]["parameters"] == {"type": "object", "properties": {}}
    assert "$schema" in schema


def test_free_form_tools_are_functions_of_one_text() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    function = functions({**CUSTOM, "description": "Looks.", "format": grammar})[0]
    assert function["parameters"]["required"] == ["input"]
    assert function["description"].startswith("Looks.\n\n")
    assert function["description"].endswith("The text must match this lark grammar:\nstart: x")


@pytest.mark.parametrize("kind", ["apply_patch", "shell", "local_shell"])
def test_built_in_tools_that_the_client_runs_are_functions(kind: str) -> None:
    function = functions({"type": kind})[0]
    assert function["name"] == kind
    assert function["description"]
    assert function["parameters"]["type"] == "object"
    assert toolbox({"type": kind}).resolve(kind) == Tool(kind, kind)


def test_a_search_for_tools_is_offered_where_the_client_searches() -> None:
    search = {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": {"type": "object"}}
    assert functions(search) == [{"name": "tool_search", "description": "Finds.", "parameters": {"type": "object"}}]
    assert notice(tools=[{"type": "tool_search"}]) == "tools left out: tool_search"


def test_tools_of_a_namespace_carry_its_name_and_its_first_its_description() -> None:
    tools = namespace("mcp", {**FUNCTION, "description": "Looks."}, {**CUSTOM, "name": "write"}, description="A server.")
    first, second = functions(tools)
    assert (first["name"], second["name"]) == ("mcp__look", "mcp__write")
    assert first["description"] == "Looks.\n\nPart of mcp: A server."
    assert "A server." not in second["description"]
    assert functions(namespace("mcp", FUNCTION, description="A server."))[0]["description"] == "Part of mcp: A server."
    assert toolbox(tools).resolve("mcp__write") == Tool("custom", "write", "mcp")


def test_tools_of_one_name_get_different_names() -> None:
    tools = [FUNCTION, CUSTOM, namespace("a", FUNCTION), {**FUNCTION, "name": "a__look"}]
    given_names = names(*tools)
    assert given_names[0] == "look"
    assert re.fullmatch(r"look_[0-9a-f]{8}", given_names[1])
    assert given_names[2] == "a__look"
    assert re.fullmatch(r"a__look_[0-9a-f]{8}", given_names[3])
    assert names(*tools) == given_names
    assert names({"type": "custom", "name": "apply_patch"}, {"type": "apply_patch"})[1].startswith("apply_patch_")


def test_long_and_illegal_names_become_legal() -> None:
    long, other = names({**FUNCTION, "name": "n" * 65}, {**FUNCTION, "name": "n" * 66})
    assert (len(long), len(other)) == (64, 64)
    assert long != other
    assert names({"type": "custom", "name": "any name"}) == ["any_name"]
    clash = names(*({"type": "custom", "name": name} for name in ("a b", "a.b", "a_b")))
    assert len(set(clash)) == 3
    assert len(set(names({**FUNCTION, "name": "n" * 64}, {**CUSTOM, "name": "n" * 64}))) == 2


def test_many_names_that_become_the_same_are_told_apart() -> None:
    assert len(set(names(*({"type": "custom", "name": chr(0x4E00 + number)} for number in range(5000))))) == 5000


def test_a_tool_that_comes_twice_takes_its_last_definition() -> None:
    assert functions(FUNCTION, {**FUNCTION, "description": "Newer."}) == [
        {"name": "look", "parameters": FUNCTION["parameters"], "description": "Newer."}
    ]


@pytest.mark.parametrize("kind", ["additional_tools", "tool_search_output"])
def test_tools_that_stand_in_the_input_are_offered_too(kind: str) -> None:
    item = {"type": kind, "tools": [FUNCTION, namespace("mcp", FUNCTION)]}
    sent = chat(input=[{"role": "user", "content": "hello"}, item], parallel_tool_calls=False)
    assert [each["function"]["name"] for each in sent["tools"]] == ["look", "mcp__look"]
    assert sent["parallel_tool_calls"] is False
    assert "tools" not in chat(input=[{"role": "user", "content": "hello"}, {"type": "additional_tools", "tools": None}])


def test_tools_that_nobody_can_run_are_left_out_and_named() -> None:
    tools: list[Fields] = [{"type": kind} for kind in ("web_search", "file_search", "code_interpreter", "image_generation", "computer")]
    tools += [{"type": "mcp", "server_label": "github"}, {"type": "tool of tomorrow", "server_label": 5}]
    sent = chat(tools=[*tools, FUNCTION], tool_choice="auto")
    assert [each["function"]["name"] for each in sent["tools"]] == ["look"]
    assert notice(tools=tools) == (
        "tools left out: web_search, file_search, code_interpreter, image_generation, computer, mcp(github), tool of tomorrow"
    )


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ({"type": "shell", "environment": {"type": "container_auto"}}, "shell"),
        ({"type": "shell", "environment": {"type": "container_reference", "container_id": "c"}}, "shell"),
        ({**FUNCTION, "allowed_callers": ["programmatic"]}, "function(look)"),
        ({**CUSTOM, "allowed_callers": []}, "custom(look)"),
        ({"type": "apply_patch", "allowed_callers": ["programmatic"]}, "apply_patch"),
        ({"type": "shell", "environment": {"type": "local"}, "allowed_callers": ["programmatic"]}, "shell"),
        (namespace("mcp", {**FUNCTION, "allowed_callers": ["programmatic"]}), "function(look)"),
    ],
)
def test_tools_that_only_the_server_could_call_are_left_out(tool: Fields, said: str) -> None:
    assert functions(tool) == []
    assert notice(tools=[tool]) == f"tools left out: {said}"
    assert refused(tools=[tool], reject=True)[1] == "unsupported_tool"


def test_tools_that_nobody_can_run_are_refused_where_the_setting_says_so() -> None:
    assert refused(tools=[FUNCTION, {"type": "web_search"}], reject=True) == ("tools[1]", "unsupported_tool")
    inside = [{"role": "user", "content": "hello"}, {"type": "additional_tools", "tools": [{"type": "web_search"}]}]
    assert refused(input=inside, reject=True) == ("input[1].tools[0]", "unsupported_tool")
    assert len(refusal(tools=[{"type": "t" * 9999}], reject=True).message) < 200


def test_no_tools_are_no_field() -> None:
    for tools in ([], None, [{"type": "web_search"}], [namespace("mcp")]):
        sent = chat(tools=tools, tool_choice="auto", parallel_tool_calls=False)
        assert not sent.keys() & {"tools", "tool_choice", "parallel_tool_calls"}


def test_an_unknown_name_is_a_function_and_an_unknown_tool_has_the_name_it_would_have() -> None:
    box = toolbox(FUNCTION)
    assert box.resolve("invented") == Tool("function", "invented")
    assert box.wire_name(Tool("function", "gone", "mcp")) == "mcp__gone"


def test_what_is_not_offered_cannot_be_called() -> None:
    box = toolbox(FUNCTION, {**FUNCTION, "name": "write"})
    box.offer_only([Tool("function", "write")])
    assert [each["function"]["name"] for each in box.definitions()] == ["write"]
    assert box.resolve("look") is None
    assert box.resolve("invented") is None
    assert box.resolve("write") == Tool("function", "write")


def test_what_is_offered_cannot_be_called_where_no_call_is_allowed() -> None:
    box = toolbox(FUNCTION)
    box.allow_none()
    assert [each["function"]["name"] for each in box.definitions()] == ["look"]
    assert box.resolve("look") is None
    assert box.resolve("invented") is None


@pytest.mark.parametrize(
    ("wanted", "tools"),
    [
        ({("function", "look")}, ["look", "mcp__look"]),
        ({("function", None)}, ["look", "mcp__look"]),
        ({("custom", "look"), ("namespace", "mcp")}, ["mcp__look", "mcp__note"]),
        ({("namespace", None)}, ["mcp__look", "mcp__note"]),
        ({("shell", "anything"), ("function", "no")}, []),
    ],
)
def test_a_choice_means_tools_by_type_and_name(wanted: set[tuple[str, str | None]], tools: list[str]) -> None:
    box = toolbox(FUNCTION, namespace("mcp", FUNCTION, {"type": "custom", "name": "note"}))
    assert [box.wire_name(tool) for tool in box.matching(wanted)] == tools


def test_an_unsupported_tool_is_a_caller_error() -> None:
    with pytest.raises(CallerError, match=r"^Unsupported value for 'tools\[0\]': this gateway cannot run the tool 'mcp'\.$"):
        toolbox({"type": "mcp"}, reject=True)


@given(st.lists(st.text(min_size=1, max_size=90), unique=True, max_size=5))
def test_any_name_of_a_free_form_tool_becomes_legal(given_names: list[str]) -> None:
    wire = names(*({"type": "custom", "name": name} for name in given_names))
    assert len(set(wire)) == len(given_names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in wire)
