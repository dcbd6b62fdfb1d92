"""Requests as other clients send them, reduced to what is peculiar about each: all must be answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.events import events_of

Body = dict[str, Any]

PARAMETERS: Body = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TRIP: Body = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]}
WEATHER: Body = {"type": "function", "name": "get_weather", "description": "Weather.", "parameters": PARAMETERS}


def message(role: str, *parts: Body, **more: Any) -> Body:
    return {"type": "message", "role": role, "content": list(parts), **more}


def said(text: str) -> Body:
    return {"type": "input_text", "text": text}


def answered(text: str, **more: Any) -> Body:
    return {"type": "output_text", "text": text, **more}


def called(**more: Any) -> Body:
    return {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Oslo"}', **more}


def output(value: Any = "rain", **more: Any) -> Body:
    return {"type": "function_call_output", "call_id": "call_1", "output": value, **more}


CODEX: Body = {
    "stream": True,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "01a2-03b4",
    "client_metadata": {"turn_id": "1"},
    "parallel_tool_calls": False,
    "tool_choice": "auto",
    "reasoning": {"effort": "medium", "summary": "auto", "context": "auto"},
    "text": {"verbosity": "low"},
}
PATCH: Body = {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}}
CODEX_TOOLS: list[Body] = [
    {**WEATHER, "strict": False},
    {"type": "namespace", "name": "mcp", "description": "Tools of a server.", "tools": [{**WEATHER, "strict": False}]},
    {"type": "web_search", "external_web_access": False, "search_content_types": ["text"]},
    {"type": "tool_search", "execution": "client", "description": "Finds tools.", "parameters": PARAMETERS},
    PATCH,
]
CODEX_HISTORY: list[Body] = [
    message("developer", said("You are an agent."), id="msg_0"),
    message("user", said("Patch it"), id="msg_1"),
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "content": None,
        "encrypted_content": None,
    },
    {
        "type": "custom_tool_call",
        "id": "ctc_1",
        "status": "completed",
        "call_id": "call_2",
        "name": "apply_patch",
        "input": "*** Begin",
    },
    message("assistant", answered("Patching."), id="msg_2", phase="commentary"),
    {"type": "custom_tool_call_output", "id": "ctco_1", "call_id": "call_2", "output": [said("Done")]},
    called(id="fc_1"),
    output(id="fco_1"),
    message("user", {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "original"}, id="msg_3"),
]

SHAPES: dict[str, Body] = {
    "openai-agents: empty lists": {"input": [{"role": "user", "content": "Hello"}], "include": [], "tools": []},
    "openai-agents: assistant items fed back": {
        "input": [
            {"content": "Hello", "role": "user"},
            message("assistant", answered("Hi", annotations=[], logprobs=[]), id="msg_1", status="completed"),
            called(id="fc_1", status="completed"),
            output([said("rain")]),
            {"content": "And?", "role": "user"},
        ],
        "include": [],
        "tools": [{**WEATHER, "strict": True}],
        "parallel_tool_calls": None,
    },
    "openai-agents: shared tool choice and prompt": {"input": "Hello", "tools": [WEATHER], "tool_choice": "auto", "truncation": None},
    "ai-sdk openai: function call without id": {
        "input": [
            {"role": "user", "content": [said("Weather?")]},
            called(),
            output("rain"),
            {"role": "assistant", "content": [answered("Rain.")]},
            {"role": "user", "content": [said("And?")]},
        ],
        "tools": [WEATHER],
        "tool_choice": "auto",
        "stream": True,
    },
    "ai-sdk openai: structured": {
        "input": [{"role": "user", "content": [said("A weekend in Paris")]}],
        "text": {"format": {"type": "json_schema", "strict": True, "name": "response", "schema": TRIP}, "verbosity": "medium"},
        "store": True,
    },
    "ai-sdk open-responses: $schema": {
        "input": [{"type": "message", "role": "user", "content": [said("A weekend in Paris")]}],
        "tools": [{**WEATHER, "parameters": {"$schema": "http://json-schema.org/draft-07/schema#", **PARAMETERS}}],
        "text": {
            "format": {
                "type": "json_schema",
                "name": "response",
                "schema": {"$schema": "http://json-schema.org/draft-07/schema#", **TRIP},
            }
        },
    },
    "LlamaIndex: explicit nulls": {
        "input": [{"role": "user", "content": "Hello"}],
        "include": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": None,
        "previous_response_id": None,
        "store": False,
        "temperature": 0.1,
        "tools": None,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    },
    "instructor: a schema and a named tool": {
        "input": [{"role": "user", "content": "A weekend in Paris"}],
        "text": {"format": {"type": "json_schema", "name": "Trip", "schema": TRIP, "strict": True}},
        "tools": [{"type": "function", "name": "Trip", "description": "A trip.", "parameters": TRIP, "strict": True}],
        "tool_choice": {"type": "function", "name": "Trip"},
    },
    "LangChain: string contents": {
        "input": [
            {"role": "system", "content": "Be nice."},
            {"role": "user", "content": "Weather?"},
            {"type": "message", "role": "assistant", "content": "Let me see."},
            called(),
            output("rain"),
        ],
        "tools": [WEATHER],
        "stream": True,
    },
    "LangChain: reasoning fed back": {
        "input": [
            {"role": "user", "content": "Think"},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": "Hm."}],
                "status": "completed",
            },
            {"type": "message", "role": "assistant", "content": [answered("Thought.", annotations=[])], "id": "msg_1"},
            {"role": "user", "content": [{"type": "input_text", "text": "And?"}]},
        ],
        "reasoning": {"effort": "low", "summary": "auto"},
    },
    "pydantic-ai: string contents without type": {
        "input": [
            {"role": "developer", "content": "Be nice."},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "Let me see."},
            called(),
            output("rain"),
            {"role": "user", "content": "And?"},
        ],
        "instructions": "Be brief.",
        "tools": [{**WEATHER, "strict": False}],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "include": [],
    },
    "pydantic-ai: only a system message": {"input": [{"role": "system", "content": "Say hello."}]},
    "Codex: first turn": {**CODEX, "input": CODEX_HISTORY[:2], "tools": CODEX_TOOLS},
    "Codex: history": {**CODEX, "input": CODEX_HISTORY, "tools": CODEX_TOOLS},
    "Codex: additional_tools": {
        **CODEX,
        "input": [{"type": "additional_tools", "role": "developer", "tools": CODEX_TOOLS}, *CODEX_HISTORY],
    },
    "Codex: additional_tools without tools": {**CODEX, "input": [{"type": "additional_tools", "tools": []}, *CODEX_HISTORY[:2]]},
}


@pytest.fixture
def http(gateway_url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=gateway_url, trust_env=False) as http:
        yield http


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in SHAPES.items()])
def test_it_is_answered(http: httpx2.Client, body: Body) -> None:
    answer = http.post("responses", json={"model": "demo", **body})
    assert answer.status_code == 200, answer.text
    response = final(answer.text) if body.get("stream") else answer.json()
    assert response["status"] == "completed"
    assert response["output"]


def test_ai_sdk_refers_to_what_it_was_given(http: httpx2.Client) -> None:
    """@ai-sdk/openai sends the ids of earlier items instead of the items, unless it is told `store: false`."""
    settings = {"model": "demo", "tools": [WEATHER], "tool_choice": "auto", "reasoning": {"effort": "low", "summary": "auto"}}
    question = {"role": "user", "content": [said("What is the weather in Oslo?")]}
    first = final(http.post("responses", json={**settings, "input": [question], "stream": True}).text)
    known = [question, *references(first), output("rain", call_id=first["output"][-1]["call_id"])]
    second = final(http.post("responses", json={**settings, "input": known, "stream": True}).text)
    assert "rain" in second["output"][-1]["content"][0]["text"]
    known += [*references(second), {"role": "user", "content": [said("And?")]}]
    third = final(http.post("responses", json={**settings, "input": known, "stream": True}).text)
    assert 'Before, you said: "What is the weather in Oslo?".' in third["output"][-1]["content"][0]["text"]


def test_a_reference_to_nothing_is_refused_by_name(http: httpx2.Client) -> None:
    known = [{"type": "item_reference", "id": "msg_1"}, {"role": "user", "content": "And?"}]
    answer = http.post("responses", json={"model": "demo", "input": known})
    assert answer.status_code == 404
    assert answer.json()["error"]["param"] == "input[0]"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"conversation": None, "store": None, "include": None, "metadata": None, "background": None, "prompt": None, "user": None},
        {"store": True, "background": False, "include": [], "tools": [], "metadata": {}, "truncation": "disabled"},
    ],
    ids=["nothing more", "explicit nulls", "explicit defaults"],
)
def test_a_second_turn_by_id(http: httpx2.Client, more: Body) -> None:
    """LangChain (use_previous_response_id), LlamaIndex and @ai-sdk/openai (previousResponseId) each send it among other fields."""
    first = http.post("responses", json={"model": "demo", "input": "My name is Ada.", **more}).json()
    second = http.post("responses", json={"model": "demo", "input": "And?", "previous_response_id": first["id"], **more}).json()
    assert 'Before, you said: "My name is Ada.".' in second["output"][-1]["content"][0]["text"]


def references(response: Body) -> list[Body]:
    return [{"type": "item_reference", "id": item["id"]} for item in response["output"]]


def final(stream: str) -> Body:
    """The response of the last event before `[DONE]`."""
    last = events_of(stream)[-1]
    assert last["type"] == "response.completed"
    response: Body = last["response"]
    return response
