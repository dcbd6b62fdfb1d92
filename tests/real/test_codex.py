"""The requests of a real coding agent: strict servers accept what becomes of them, and its own kinds of tools come back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import pytest

from tests.beside import codex_requests, needs_recordings
from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.upstream import Received, Step, Upstream
from tests.strict_chat import violations
from tests.waiting import DEADLINE

PATCH = '*** Begin Patch\n*** Add File: a.txt\n+"Grüße"\n*** End Patch\n'

# The same shapes, in a request of our own: it proves the same where the recordings are missing.
OWN: Mapping[str, Any] = {
    "headers": {"content-type": "application/json", "accept": "text/event-stream", "authorization": "Bearer ***"},
    "body": {
        "model": "codex-like",
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "thread-1",
        "client_metadata": {"session": "1"},
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "You write code."}]},
            {"type": "message", "id": "msg_1", "role": "user", "content": [{"type": "input_text", "text": "Write a file."}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": None},
            {
                "type": "custom_tool_call",
                "id": "ctc_1",
                "call_id": "call_1",
                "name": "apply_patch",
                "input": PATCH,
                "status": "completed",
            },
            {"type": "message", "id": "msg_2", "role": "assistant", "content": [{"type": "output_text", "text": "Patching."}]},
            {"type": "custom_tool_call_output", "id": "ctco_1", "call_id": "call_1", "output": "Done!"},
        ],
        "tools": [
            {"type": "function", "name": "run", "strict": False, "parameters": {"type": "object", "properties": {}}},
            {
                "type": "namespace",
                "name": "agents",
                "description": "",
                "tools": [{"type": "function", "name": "spawn", "parameters": {}}],
            },
            {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}},
            {"type": "tool_search", "execution": "client", "description": "Finds tools.", "parameters": {"type": "object"}},
            {"type": "web_search", "external_web_access": False, "search_content_types": ["text"]},
        ],
    },
}


def _requests() -> list[Any]:
    recorded = [pytest.param(request, id=name) for name, request in codex_requests().items()]
    missing = pytest.param(None, id="recorded", marks=needs_recordings)
    return [pytest.param(OWN, id="own"), *(recorded or [missing])]


@pytest.mark.parametrize("request_", _requests())
def test_what_reaches_the_model_is_legal(request_: Mapping[str, Any], gateway: Gateway, upstream: Upstream) -> None:
    events, received = _play(request_, gateway, upstream, chat.answer("Done."))
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["usage"]["total_tokens"] == 18
    assert violations(received.chat) == []
    assert "client_metadata" not in received.chat
    assert received.headers["content-length"] == str(len(received.body))


@pytest.mark.parametrize("request_", _requests())
def test_a_called_tool_comes_back_as_what_it_was(request_: Mapping[str, Any], gateway: Gateway, upstream: Upstream) -> None:
    """Each offered tool is called once: functions, namespaced ones and free text ones."""
    _, received = _play(request_, gateway, upstream, chat.answer())
    wire: Any = received.chat["tools"]
    functions = [tool["function"] for tool in wire]
    calls = [chat.chunk(tool_calls=[_call(number, function)]) for number, function in enumerate(functions)]
    events, _ = _play(request_, gateway, upstream, [chat.EVENTS, *calls, chat.finish("tool_calls")])
    output = events[-1]["response"]["output"]
    assert [_named(item) for item in output] == list(_offered(request_["body"]))
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == output
    for item in output:
        if item["type"] == "custom_tool_call":
            assert item["input"] == PATCH
            assert "".join(event["delta"] for event in events if event.get("item_id") == item["id"] and "delta" in event) == PATCH


def _play(
    request: Mapping[str, Any], gateway: Gateway, upstream: Upstream, steps: Sequence[Step]
) -> tuple[Sequence[dict[str, Any]], Received]:
    model = upstream.script(steps, key=request["body"]["model"])
    response = httpx2.post(f"{gateway.url}/responses", headers=request["headers"], json=request["body"], timeout=DEADLINE)
    assert response.status_code == 200, response.text
    return events_of(response.text), upstream.received(model)


def _call(number: int, function: Mapping[str, Any]) -> dict[str, Any]:
    """A call of that function; where it has one text parameter named `input`, it is a custom tool's."""
    properties = function.get("parameters", {}).get("properties", {})
    arguments = {"input": PATCH} if list(properties) == ["input"] else {}
    return chat.call(function["name"], json.dumps(arguments), index=number, id=f"call_{number}")


def _named(item: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    return item["type"], item.get("namespace"), item.get("name")


def _offered(body: Mapping[str, Any]) -> Sequence[tuple[str, str | None, str | None]]:
    """What a call of each tool must look like, in the order of the tools."""
    added = [tool for item in body["input"] if item["type"] == "additional_tools" for tool in item["tools"]]
    return [named for tool in [*body.get("tools", []), *added] for named in _items_of(tool, None)]


def _items_of(tool: Mapping[str, Any], namespace: str | None) -> Sequence[tuple[str, str | None, str | None]]:
    match tool["type"]:
        case "function":
            return [("function_call", namespace, tool["name"])]
        case "custom":
            return [("custom_tool_call", namespace, tool["name"])]
        case "namespace":
            return [named for inner in tool["tools"] for named in _items_of(inner, tool["name"])]
        case "tool_search":
            return [("tool_search_call", None, None)]
        case _:
            return []
