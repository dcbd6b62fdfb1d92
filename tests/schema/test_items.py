"""Input items: what both standards allow, what real clients send, and the path of what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from .refusals import accept, refusal, refuse, request

MISSING = "missing_required_parameter"
TEXT = {"type": "input_text", "text": "hello"}
PATCH = {"type": "update_file", "path": "a.txt", "diff": "+a"}
RESULT = {"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}

ACCEPTED: list[dict[str, Any]] = [
    {"role": "user", "content": "hello"},
    {"type": None, "role": "system", "content": "hello"},
    {"type": "message", "role": "developer", "id": "msg_1", "status": None, "content": []},
    {"role": "user", "content": [TEXT, {"type": "text", "text": ""}, {"type": "output_text", "text": "x"}]},
    {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,", "detail": "original"}]},
    {"role": "user", "content": [{"type": "input_image", "image_url": None, "file_id": "file_1", "detail": None}]},
    {"role": "user", "content": [{"type": "input_file", "file_data": "data:", "filename": "a.pdf"}]},
    {"role": "user", "content": [{"type": "input_file", "file_url": "https://example.com/a.pdf"}]},
    {"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]},
    {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}]},
    *({"role": role, "content": None} for role in ("user", "system", "developer", "assistant")),
    *({"type": f"{kind}_output", "call_id": "c", "output": None} for kind in ("function_call", "custom_tool_call")),
    {"role": "assistant", "content": "hi", "phase": "commentary"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}], "phase": None},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}, TEXT, {"type": "text", "text": "hi"}]},
    {"role": "assistant", "content": [{"type": "output_text", "text": "", "annotations": None, "logprobs": None}]},
    {"type": "function_call", "call_id": "c" * 200, "name": "f", "arguments": "not json"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "", "namespace": "n", "id": None},
    {"type": "function_call_output", "call_id": "c", "output": "done"},
    {"type": "function_call_output", "call_id": "c", "output": [TEXT, {"type": "input_image", "file_id": "f"}]},
    {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin Patch"},
    {"type": "custom_tool_call_output", "call_id": "c", "output": [TEXT]},
    {
        "type": "local_shell_call",
        "id": "lsh",
        "call_id": None,
        "action": {"type": "exec", "command": ["ls"], "env": {}},
    },
    {"type": "local_shell_call_output", "id": "lsh", "output": "a"},
    {"type": "local_shell_call_output", "call_id": "c", "output": "a"},
    {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": 9}},
    {"type": "shell_call_output", "call_id": "c", "output": [RESULT, RESULT | {"outcome": {"type": "timeout"}}]},
    {"type": "apply_patch_call", "call_id": "c", "operation": PATCH, "status": "completed"},
    {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a.txt"}},
    {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": None},
    {"type": "tool_search_call", "call_id": None, "execution": "client", "arguments": {"query": "q"}},
    {"type": "tool_search_output", "tools": [{"type": "function", "name": "f"}]},
    {"type": "additional_tools", "role": "developer", "tools": [{"type": "namespace", "name": "n", "tools": []}]},
    {"type": "additional_tools", "role": "developer", "tools": None},
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": None},
    {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "s"}],
        "content": [{"type": "reasoning_text", "text": "r"}, {"type": "text", "text": "r"}],
        "encrypted_content": "e",
    },
    {"type": "compaction", "encrypted_content": "e"},
    {"type": "compaction_trigger"},
    {"type": "item_reference", "id": "msg_1"},
    {"type": None, "id": "msg_1"},
    {"id": "msg_1"},
    {"type": None, "role": None, "id": "msg_1"},
    {"type": "file_search_call", "queries": 5},
    {"type": "agent_message", "content": {"of": "tomorrow"}},
    {"type": "assistant", "note": "a type that is named like one of our tags"},
]


@pytest.mark.parametrize("item", ACCEPTED, ids=lambda item: str(item.get("type") or item.get("role") or "reference"))
def test_items_of_both_standards_and_of_real_clients_are_accepted(item: dict[str, Any]) -> None:
    accept(input=[item])
    accept(input=[item | {"field_of_tomorrow": {"a": 1}}])


@pytest.mark.parametrize(
    ("item", "path", "code"),
    [
        ("hello", "", "invalid_type"),
        (None, "", "invalid_type"),
        ({}, ".type", MISSING),
        ({"content": "hello"}, ".type", MISSING),
        ({"type": 5, "role": "user"}, ".type", "invalid_type"),
        ({"type": "", "role": "user"}, ".type", MISSING),
        ({"id": ""}, ".id", MISSING),
        ({"id": 5}, ".id", "invalid_type"),
        ({"type": "message", "content": "hello"}, ".role", MISSING),
        ({"role": "tool", "content": "hello"}, ".role", "invalid_value"),
        ({"role": "user"}, ".content", MISSING),
        ({"role": "assistant"}, ".content", MISSING),
        ({"type": "function_call_output", "call_id": "c"}, ".output", MISSING),
        ({"role": "user", "content": {}}, ".content", "invalid_type"),
        ({"role": "user", "content": ["hello"]}, ".content[0]", "invalid_type"),
        ({"role": "user", "content": [TEXT, {"text": "hello"}]}, ".content[1].type", MISSING),
        ({"role": "user", "content": [TEXT, {"type": "input_text"}]}, ".content[1].text", MISSING),
        ({"role": "user", "content": [{"type": "refusal", "refusal": ""}]}, ".content[0].type", "invalid_value"),
        ({"role": "user", "content": [{"type": "image_url"}]}, ".content[0].type", "invalid_value"),
        ({"role": "assistant", "content": [{"type": "input_image"}]}, ".content[0].type", "invalid_value"),
        ({"role": "user", "content": [{"type": "input_image", "image_url": ""}]}, ".content[0].image_url", MISSING),
        ({"role": "user", "content": [{"type": "input_file", "filename": "a"}]}, ".content[0].file_data", MISSING),
        ({"role": "user", "content": [{"type": "input_audio", "data": ""}]}, ".content[0].input_audio", MISSING),
        ({"type": "function_call", "name": "f", "arguments": ""}, ".call_id", MISSING),
        ({"type": "function_call", "call_id": "c", "name": "", "arguments": ""}, ".name", MISSING),
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}, ".arguments", "invalid_type"),
        ({"type": "function_call_output", "call_id": "", "output": ""}, ".call_id", MISSING),
        ({"type": "function_call_output", "call_id": "c", "output": {}}, ".output", "invalid_type"),
        (
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "x"}]},
            ".output[0].type",
            "invalid_value",
        ),
        ({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": None}, ".input", MISSING),
        ({"type": "local_shell_call_output", "output": ""}, ".call_id", MISSING),
        ({"type": "local_shell_call", "id": "c", "action": {"command": "ls"}}, ".action.command", "invalid_type"),
        ({"type": "shell_call", "call_id": "c", "action": {"commands": [1]}}, ".action.commands[0]", "invalid_type"),
        (
            {"type": "shell_call_output", "call_id": "c", "output": [RESULT | {"outcome": {"type": "exit"}}]},
            ".output[0].outcome.exit_code",
            MISSING,
        ),
        ({"type": "apply_patch_call", "call_id": "c", "operation": {"type": "x"}}, ".operation.type", "invalid_value"),
        ({"type": "apply_patch_call", "call_id": "c", "operation": PATCH | {"diff": None}}, ".operation.diff", MISSING),
        ({"type": "additional_tools", "tools": [{"type": "function"}]}, ".tools[0].name", MISSING),
        ({"type": "reasoning", "summary": "s"}, ".summary", "invalid_type"),
        ({"type": "reasoning", "content": [{"type": "image", "text": ""}]}, ".content[0].type", "invalid_value"),
        ({"type": "reasoning", "content": [{"text": ""}]}, ".content[0].type", MISSING),
        ({"type": "compaction"}, ".encrypted_content", MISSING),
    ],
)
def test_a_wrong_item_is_refused_by_its_path(item: object, path: str, code: str) -> None:
    assert refuse(input=[{"role": "user", "content": "first"}, item]) == (f"input[1]{path}", code)


def test_an_image_url_of_chat_completions_is_explained() -> None:
    part = {"type": "input_image", "image_url": {"url": "https://example.com/a.png"}}
    assert refusal(request(input=[{"role": "user", "content": [TEXT, part]}])).message == (
        "Invalid type for 'input[0].content[1].image_url': expected a string (give the URL itself), but got an object."
    )


def test_a_field_named_like_a_tag_does_not_bend_the_path() -> None:
    item = {"role": "user", "message": "x", "user": "y", "<message>": "z", "content": [5]}
    assert refuse(input=[item]) == ("input[0].content[0]", "invalid_type")
