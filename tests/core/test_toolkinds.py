"""Tools that become functions: arguments to items, items of the history back to the arguments that the model had written."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.toolkinds import CALL_KINDS, WHOLE_CALLS, BadArguments, WholeCall, custom_description, parse_arguments

from .anything import ANY_JSON

Fields = dict[str, Any]


@pytest.mark.parametrize(("text", "value"), [("", {}), (" \n", {}), ("{}", {}), ('{"a": [1]}', {"a": [1]})])
def test_arguments_are_an_object(text: str, value: Fields) -> None:
    assert parse_arguments(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": ', "they are not JSON"),
        ('{"a": NaN}', "they are not JSON"),
        ("[]", "they are not an object"),
        ("null", "they are not an object"),
        ('{"a":' * 400 + "1" + "}" * 400, "they are nested too deeply"),
        ('{"a":' * 4000 + "1" + "}" * 4000, "they are not JSON"),
    ],
)
def test_other_arguments_are_bad(text: str, why: str) -> None:
    with pytest.raises(BadArguments, match=f"^{why}$"):
        parse_arguments(text)


@pytest.mark.parametrize(
    ("kind", "arguments", "fields"),
    [
        (
            "apply_patch",
            {"operation": {"type": "update_file", "path": "a", "diff": "+a"}},
            {"operation": {"type": "update_file", "path": "a", "diff": "+a"}},
        ),
        ("apply_patch", {"operation": {"type": "delete_file", "path": "a"}}, {"operation": {"type": "delete_file", "path": "a"}}),
        (
            "shell",
            {"commands": ["ls"], "timeout_ms": 5},
            {"action": {"commands": ["ls"], "timeout_ms": 5, "max_output_length": None}, "environment": None},
        ),
        (
            "local_shell",
            {"command": ["ls"], "env": {"A": "1"}, "timeout_ms": 5, "working_directory": "/", "user": "root"},
            {
                "action": {
                    "type": "exec",
                    "command": ["ls"],
                    "env": {"A": "1"},
                    "timeout_ms": 5,
                    "working_directory": "/",
                    "user": "root",
                }
            },
        ),
        ("tool_search", {"query": "maps"}, {"execution": "client", "arguments": {"query": "maps"}}),
    ],
)
def test_a_call_becomes_an_item_and_the_item_the_same_call(kind: str, arguments: Fields, fields: Fields) -> None:
    whole = WHOLE_CALLS[kind]
    assert whole.fields(arguments) == fields
    assert whole.arguments(fields) == arguments
    assert CALL_KINDS[whole.item_type] == kind


@pytest.mark.parametrize(
    ("kind", "arguments", "fields"),
    [
        (
            "apply_patch",
            {"type": "create_file", "path": "a", "diff": "", "note": 1},
            {"operation": {"type": "create_file", "path": "a", "diff": ""}},
        ),
        (
            "apply_patch",
            {"operation": {"type": "delete_file", "path": "a", "diff": "x"}},
            {"operation": {"type": "delete_file", "path": "a"}},
        ),
        (
            "shell",
            {"commands": "ls", "timeout_ms": 5.0, "max_output_length": "9"},
            {"action": {"commands": ["ls"], "timeout_ms": 5, "max_output_length": None}, "environment": None},
        ),
        ("local_shell", {"command": "ls", "env": ["A"], "user": 5}, {"action": {"type": "exec", "command": ["ls"], "env": {}}}),
    ],
)
def test_small_liberties_of_models_are_taken(kind: str, arguments: Fields, fields: Fields) -> None:
    assert WHOLE_CALLS[kind].fields(arguments) == fields


@pytest.mark.parametrize(
    ("kind", "arguments", "why"),
    [
        ("apply_patch", {}, "`operation.type` is not create_file, update_file or delete_file"),
        ("apply_patch", {"operation": "delete"}, "`operation` is not an object"),
        ("apply_patch", {"operation": {"type": "delete_file", "path": ""}}, "`operation.path` is not a path"),
        ("apply_patch", {"operation": {"type": "delete_file"}}, "`operation.path` is not a path"),
        ("apply_patch", {"operation": {"type": "update_file", "path": "a"}}, "`operation.diff` is not a string"),
        ("shell", {}, "`commands` is not a list of strings"),
        ("shell", {"commands": []}, "`commands` is not a list of strings"),
        ("local_shell", {"command": ["ls", 5]}, "`command` is not a list of strings"),
    ],
)
def test_arguments_that_do_not_fit_are_named(kind: str, arguments: Fields, why: str) -> None:
    with pytest.raises(BadArguments) as caught:
        WHOLE_CALLS[kind].fields(arguments)
    assert str(caught.value) == why


@given(st.sampled_from(list(WHOLE_CALLS.values())), ANY_JSON, st.sampled_from((1e300, 5.5, True)))
def test_any_arguments_fit_or_are_bad(whole: WholeCall, value: object, number: object) -> None:
    for fields in ({"operation": value}, {"commands": value}, {"command": value, "env": value}):
        with suppress(BadArguments):
            assert orjson.dumps(whole.fields({**fields, "timeout_ms": number}))
    with suppress(BadArguments):
        assert orjson.dumps(whole.fields({"commands": "ls", "command": "ls", "max_output_length": number, "timeout_ms": number}))


def test_a_shell_call_tells_its_commands_one_by_one() -> None:
    shell = WHOLE_CALLS["shell"]
    events = list(shell.stream(shell.fields({"commands": ["ls", "pwd"]})))
    assert [type.rpartition(".")[2] for type, _ in events] == ["added", "delta", "done"] * 2
    assert events[4] == ("response.shell_call_command.delta", {"command_index": 1, "delta": "pwd"})
    assert list(WHOLE_CALLS["apply_patch"].stream({})) == []


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ({}, "Write the text for this tool, as it is, into `input`."),
        ({"description": "Looks.", "format": {"type": "text"}}, "Looks.\n\nWrite the text for this tool, as it is, into `input`."),
        (
            {"description": None, "format": {"type": "grammar", "syntax": "regex", "definition": "a+"}},
            "Write the text for this tool, as it is, into `input`.\n\nThe text must match this regex grammar:\na+",
        ),
    ],
)
def test_a_free_form_tool_says_what_its_text_must_be(tool: Fields, text: str) -> None:
    assert custom_description(tool) == text
