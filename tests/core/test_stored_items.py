"""Items in normal form: every type, what clients leave out, and the laws."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.conversation import Conversation, Items
from gw_extproc.core.dialects import DIALECTS
from gw_extproc.core.errors import CallerError
from gw_extproc.core.notices import Notices
from gw_extproc.core.stored_items import normal
from gw_extproc.core.tools import Toolbox

from .anything import ITEMS, Fields

TEXT: Fields = {"type": "input_text", "text": "hello"}
SAID: Fields = {"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}
IMAGE: Fields = {"type": "input_image", "image_url": "u"}
SHELL: Fields = {"timeout_ms": None, "max_output_length": None}


def comparable(items: list[Fields]) -> list[Fields]:
    """Without compaction items, which only the session can read, and with the environment that local shell calls get."""
    return [
        item | {"action": {"env": {}, **item["action"]}} if item.get("type") == "local_shell_call" else item
        for item in items
        if item.get("type") != "compaction"
    ]


def told(items: list[Fields], dialect: str) -> tuple[list[Any], str | None] | str:
    """The messages that become of the items, and the notice; or what was refused."""
    notices = Notices()
    conversation = Conversation(DIALECTS[dialect], Toolbox(notices, reject_unsupported=False), notices)
    try:
        conversation.add(Items(items))
    except CallerError as error:
        return error.message
    return conversation.messages(), notices.header()


def formed(item: Fields) -> Fields:
    """What becomes of the item besides its id and its status, which are new."""
    form = normal(item, "id_1")
    assert list(form)[:3] == ["id", "type", "status"]
    assert (form.pop("id"), form.pop("status")) == ("id_1", "completed")
    return form


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"role": "user", "content": "hello"}, {"content": [TEXT]}),
        ({"type": None, "role": "system", "content": ""}, {"content": [TEXT | {"text": ""}]}),
        ({"role": "developer", "content": None}, {"content": []}),
        ({"role": "assistant", "content": "hello", "phase": None}, {"content": [SAID]}),
        ({"role": "assistant", "content": "hello", "phase": "commentary"}, {"content": [SAID], "phase": "commentary"}),
    ],
)
def test_a_message_gets_its_type_and_its_parts(sent: Fields, kept: Fields) -> None:
    assert formed(sent) == {"type": "message", "role": sent["role"], **kept}


@pytest.mark.parametrize(
    ("role", "part", "kept"),
    [
        ("user", {"type": "text", "text": "hello"}, TEXT),
        ("user", SAID | {"logprobs": None, "annotations": None}, TEXT),
        ("user", IMAGE | {"file_id": None, "detail": None}, IMAGE | {"detail": "auto"}),
        ("user", IMAGE | {"detail": "low", "text": ""}, None),
        ("user", {"type": "input_file", "file_data": "d", "filename": "f"}, None),
        ("assistant", TEXT, SAID),
        ("assistant", {"type": "text", "text": "hello", "logprobs": None}, SAID),
        ("assistant", SAID | {"annotations": [{"type": "url_citation"}]}, None),
        ("assistant", {"type": "refusal", "refusal": "no"}, None),
    ],
)
def test_parts_are_named_by_who_speaks(role: str, part: Fields, kept: Fields | None) -> None:
    """None: it is as it was sent."""
    assert formed({"role": role, "content": [part]})["content"] == [kept or part]


@pytest.mark.parametrize(
    ("sent", "added"),
    [
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, {}),
        ({"type": "function_call_output", "call_id": "c", "output": "done"}, {}),
        ({"type": "function_call_output", "call_id": "c", "output": [{"type": "text", "text": "hello"}]}, {"output": [TEXT]}),
        ({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "i"}, {}),
        ({"type": "custom_tool_call_output", "call_id": "c"}, {"output": ""}),
        ({"type": "reasoning"}, {"summary": []}),
        ({"type": "reasoning", "summary": [], "content": [], "encrypted_content": "e"}, {}),
        (
            {"type": "reasoning", "summary": [{"type": "text", "text": "s"}], "content": [{"type": "text", "text": "r"}]},
            {"summary": [{"type": "summary_text", "text": "s"}], "content": [{"type": "reasoning_text", "text": "r"}]},
        ),
        ({"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["ls"], "env": {"a": "b"}}}, {}),
        (
            {"type": "local_shell_call", "id": "old", "action": {"command": ["ls"]}},
            {"call_id": "old", "action": {"type": "exec", "env": {}, "command": ["ls"]}},
        ),
        ({"type": "local_shell_call_output", "id": "old", "call_id": "", "output": "a"}, {"call_id": "old"}),
        (
            {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
            {"action": {"commands": ["ls"], **SHELL}, "environment": None},
        ),
        ({"type": "shell_call_output", "call_id": "c", "output": []}, {"max_output_length": None}),
        ({"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}}, {}),
        ({"type": "apply_patch_call_output", "call_id": "c"}, {}),
        ({"type": "tool_search_call", "arguments": {}}, {"call_id": None, "execution": "client"}),
        ({"type": "tool_search_output", "execution": "server", "tools": []}, {"call_id": None}),
        ({"type": "additional_tools"}, {"role": "developer", "tools": []}),
        ({"type": "compaction", "encrypted_content": "e"}, {}),
    ],
    ids=lambda fields: str(fields.get("type", "")),
)
def test_each_type_gets_what_it_must_have(sent: Fields, added: Fields) -> None:
    kept = {name: value for name, value in sent.items() if name != "id"}
    assert formed(sent) == kept | added
    assert formed(sent | {"caller": None}) == kept | added, "a null is as good as absent"
    assert formed(sent | {"field_of_tomorrow": 5}) == kept | added | {"field_of_tomorrow": 5}


def test_what_is_not_known_is_kept_as_it_came() -> None:
    item = {"type": "acme:search", "error": None, "status": "searching", "id": "s_1"}
    assert normal(item, None) == item


def test_an_id_is_kept_where_no_other_is_given() -> None:
    assert normal({"role": "user", "content": [], "id": "own"}, None)["id"] == "own"
    assert normal({"role": "user", "content": [], "id": "own"}, "ours")["id"] == "ours"
    assert "id" not in normal({"role": "user", "content": [], "id": None}, None)


@pytest.mark.parametrize(("sent", "kept"), [("incomplete", "incomplete"), ("odd", "completed"), (None, "completed")])
def test_a_status_is_one_of_the_documents(sent: str | None, kept: str) -> None:
    assert normal({"role": "user", "content": [], "status": sent}, None)["status"] == kept


def test_the_status_of_a_patch_is_what_the_model_is_told() -> None:
    assert normal({"type": "apply_patch_call_output", "call_id": "c", "status": "odd"}, None)["status"] == "odd"


@given(items=ITEMS)
def test_normal_is_normal(items: list[Fields]) -> None:
    once = [normal(item, None) for item in items]
    assert [normal(item, None) for item in once] == once


@given(items=ITEMS.map(comparable), dialect=st.sampled_from(("generic", "openai", "mistral")))
def test_the_model_is_told_the_same(items: list[Fields], dialect: str) -> None:
    assert told([normal(item, None) for item in items], dialect) == told(items, dialect)
