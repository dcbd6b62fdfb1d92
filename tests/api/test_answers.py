"""What is really answered is exactly what the models of the schema say, and no more."""

from __future__ import annotations

import orjson
import pytest
from jsonschema import Draft202012Validator

from gw_extproc.schema import answers
from gw_extproc.schema.conversations import Conversation, DeletedConversation
from gw_extproc.schema.output_items import ItemResource
from gw_extproc.schema.stream import ResponseStreamEvent
from tests.api.serving import Api, strictly
from tests.api.upstream_answers import EVERYTHING, TOOLS, says, says_all
from tests.beside import SPEC, needs_spec
from tests.core.schemas import faults
from tests.events import Json, events_of
from tests.real import chat
from tests.real.upstream import Upstream

NOT_IN_OPENAIS: list[Json] = [
    {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]},
    {"type": "file_search_call"},
]
ITEMS: list[Json] = [
    {
        "role": "user",
        "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "data:image/png;base64,AA=="}],
    },
    {"role": "user", "content": [{"type": "input_file", "file_data": "data:text/plain,a", "filename": "a"}]},
    *NOT_IN_OPENAIS,
    {"role": "developer", "content": "be kind"},
    {
        "role": "assistant",
        "content": [{"type": "output_text", "text": "hi"}, {"type": "refusal", "refusal": "no"}],
        "phase": "commentary",
    },
    {"type": "reasoning", "content": [{"type": "text", "text": "Hm."}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n"},
    {"type": "function_call_output", "call_id": "c", "output": "done"},
    {"type": "custom_tool_call", "call_id": "d", "name": "f", "input": ""},
    {"type": "custom_tool_call_output", "call_id": "d", "output": [{"type": "text", "text": "done"}]},
    {"type": "local_shell_call", "id": "e", "action": {"command": ["ls"]}},
    {"type": "local_shell_call_output", "id": "e", "output": "a"},
    {"type": "shell_call", "call_id": "g", "action": {"commands": ["ls"]}},
    {"type": "shell_call_output", "call_id": "g", "output": [{"stdout": "", "stderr": "", "outcome": {"type": "timeout"}}]},
    {"type": "apply_patch_call", "call_id": "h", "operation": {"type": "create_file", "path": "a", "diff": "+"}},
    {"type": "apply_patch_call_output", "call_id": "h", "status": "failed"},
    {"type": "tool_search_call", "arguments": {}},
    {"type": "tool_search_output", "tools": []},
    {"type": "additional_tools", "tools": [{"type": "apply_patch"}]},
]


def test_a_response_with_everything(api: Api, upstream: Upstream) -> None:
    response = api.post("/v1/responses", EVERYTHING | {"model": says_all(upstream)})
    assert {item["type"] for item in response["output"]} == {
        *("reasoning", "message", "function_call", "custom_tool_call"),
        *("shell_call", "local_shell_call", "apply_patch_call", "tool_search_call"),
    }
    strictly(answers.Response, response)
    strictly(answers.Response, api.get(f"/v1/responses/{response['id']}"))
    strictly(answers.DeletedResponse, api.delete(f"/v1/responses/{response['id']}"))


def test_its_events(api: Api, upstream: Upstream) -> None:
    answer = api.call("POST", "/v1/responses", json=EVERYTHING | {"model": says_all(upstream), "stream": True})
    events = events_of(answer.text)
    assert len({event["type"] for event in events}) > 20
    for event in events:
        strictly(ResponseStreamEvent, event)
    assert faults(events, "openai") == []


def test_an_event_of_an_error(api: Api, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, chat.chunk(content="Hel"), chat.event({"error": {"message": "out of memory"}})])
    events = events_of(api.call("POST", "/v1/responses", json={"model": model, "input": "hi", "stream": True}).text)
    assert [event["type"] for event in events][-2:] == ["error", "response.failed"]
    for event in events:
        strictly(ResponseStreamEvent, event)


def test_items_of_every_kind(api: Api) -> None:
    conversation = api.post("/v1/conversations", {"items": ITEMS, "metadata": {"a": "b"}})
    strictly(Conversation, conversation)
    place = f"/v1/conversations/{conversation['id']}"
    listed = api.get(f"{place}/items", order="asc")
    strictly(answers.ItemList, listed)
    assert [item["type"] for item in listed["data"]] == [item.get("type", "message") for item in ITEMS]
    strictly(ItemResource, api.get(f"{place}/items/{listed['first_id']}"))
    strictly(DeletedConversation, api.delete(place))


@needs_spec
def test_kept_items_are_also_those_of_openais_document(api: Api) -> None:
    known = [item for item in ITEMS if item not in NOT_IN_OPENAIS]
    listed = api.get(f"/v1/conversations/{api.post('/v1/conversations', {'items': known})['id']}/items")
    schemas = orjson.loads((SPEC / "openai-openapi-subset.json").read_bytes())["components"]
    validator = Draft202012Validator({"$ref": "#/components/schemas/ConversationItemList", "components": schemas})
    assert list(map(str, validator.iter_errors(listed))) == []


def test_annotations_of_other_kinds_are_given_back(api: Api) -> None:
    cited = [{"type": "file_citation", "file_id": "f", "index": 0, "filename": "a"}]
    item = {"role": "assistant", "content": [{"type": "output_text", "text": "hi", "annotations": cited}]}
    conversation = api.post("/v1/conversations", {"items": [item]})
    listed = api.get(f"/v1/conversations/{conversation['id']}/items")
    assert listed["data"][0]["content"][0]["annotations"] == cited


@pytest.mark.parametrize("tools", [TOOLS, []])
def test_the_items_that_a_response_was_made_from(api: Api, upstream: Upstream, tools: list[Json]) -> None:
    first = api.post("/v1/responses", EVERYTHING | {"model": says_all(upstream), "tools": tools})
    outputs = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "done"}
        for item in first["output"]
        if item["type"] == "function_call"
    ]
    request = {"model": says(upstream), "input": outputs, "previous_response_id": first["id"]}
    second = api.post("/v1/responses", request)
    strictly(answers.ItemList, api.get(f"/v1/responses/{second['id']}/input_items", limit=100))


def test_tokens_and_compaction(api: Api, upstream: Upstream) -> None:
    strictly(answers.InputTokens, api.post("/v1/responses/input_tokens", {"model": "m", "input": "hi"}))
    compacted = api.post("/v1/responses/compact", {"model": says(upstream, "We met."), "input": "hi"})
    strictly(answers.CompactedResponse, compacted)
