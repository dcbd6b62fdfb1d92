"""The Open Responses compliance cases that need neither state nor a WebSocket, for both wire profiles.

The official runner checks statuses and shapes, never texts. Its event reader is weak, and `runner_events` has the same
weaknesses: lines end in LF only, and an event counts only if its data and its blank line come in one piece of the body.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import h11
import pytest
from jsonschema import Draft202012Validator

from tests.beside import SPEC
from tests.events import Json
from tests.response_fields import MAY_BE_NULL, NEVER_NULL

EVENTS = frozenset(
    [
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.failed",
        "response.incomplete",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_text.annotation.added",
        "response.refusal.delta",
        "response.refusal.done",
        "response.reasoning.delta",
        "response.reasoning.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "error",
    ]
)
"""The 24 events of the standard: the runner takes no other."""


def png(size: int) -> str:
    """A red square as a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def message(role: str, content: Any, **more: str) -> Json:
    return {"type": "message", "role": role, "content": content, **more}


WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
ASK_WEATHER: Json = {"input": [message("user", "What is the weather like in San Francisco?")], "tools": [WEATHER]}
IMAGE = [{"type": "input_text", "text": "What is in this image?"}, {"type": "input_image", "image_url": png(32)}]

WHOLE: dict[str, Json] = {
    "basic-response": {"input": [message("user", "Say hello in exactly 3 words.")]},
    "system-prompt": {"input": [message("system", "You are a pirate."), message("user", "Say hello.")]},
    "tool-calling": ASK_WEATHER,
    "image-input": {"input": [message("user", IMAGE)]},
    "multi-turn": {
        "input": [message("user", "My name is Alice."), message("assistant", "Hello Alice!"), message("user", "What is my name?")],
    },
    "assistant-phase": {
        "input": [
            message("assistant", "I will look.", phase="commentary"),
            message("assistant", "It is 4.", phase="final_answer"),
            message("user", "Are you sure?"),
        ],
    },
}
STREAMED: dict[str, Json] = {
    "streaming-response": {"input": [message("user", "Count from 1 to 5.")]},
    "tool-calling-streaming": ASK_WEATHER,
}


@dataclass(frozen=True)
class Answer:
    """Status, content type, and the body in the pieces in which it came."""

    status: int
    content_type: str
    pieces: Sequence[bytes]


@pytest.fixture(params=["gateway_url", "open_responses_url"], ids=["openai", "open-responses"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.mark.parametrize("case", WHOLE)
def test_whole(url: str, case: str) -> None:
    answer = post(url, {"model": "demo", **WHOLE[case]})
    assert answer.status == 200
    assert "application/json" in answer.content_type
    response = json.loads(b"".join(answer.pieces))
    check_response(response)
    assert response["output"]
    assert response["status"] == "completed"
    if case == "tool-calling":
        assert "function_call" in [item["type"] for item in response["output"]]


@pytest.mark.parametrize("case", STREAMED)
def test_streamed(url: str, case: str) -> None:
    answer = post(url, {"model": "demo", "stream": True, **STREAMED[case]})
    assert answer.status == 200
    events = list(runner_events(answer.pieces))
    check_stream(answer, events)
    assert events[-1]["response"]["status"] == "completed"
    if case == "tool-calling-streaming":
        check_call([event for event in events if event["type"].startswith(("response.function_call", "response.output_item"))])


@pytest.mark.parametrize("summary", [None, "auto"])
def test_a_thought_has_the_standard_s_events(open_responses_url: str, summary: str | None) -> None:
    """No case of the runner asks for it, but a model may think unasked. (The profile `openai` has OpenAI's events.)"""
    reasoning = {"effort": "low", "summary": summary}
    answer = post(open_responses_url, {"model": "demo", "stream": True, "input": "Think", "reasoning": reasoning})
    events = list(runner_events(answer.pieces))
    check_stream(answer, events)
    delta = "response.reasoning_summary_text.delta" if summary else "response.reasoning.delta"
    assert delta in [event["type"] for event in events]


def test_the_reader_is_as_weak_as_the_runner_s() -> None:
    assert list(runner_events([b'data: {"a":1}\n\n', b'data: {"b":2}\n', b'\ndata: {"c":3}\n\n'])) == [{"a": 1}, {"c": 3}]
    assert list(runner_events([b'data: {"a":1}\r\n\r\n'])) == []


def post(url: str, body: Json) -> Answer:
    """One request on a connection of its own; a piece is what a client's HTTP parser gets out of one read."""
    parts = urlsplit(f"{url}/responses")
    data = json.dumps(body).encode()
    headers = {
        "host": parts.netloc,
        "content-type": "application/json",
        "authorization": "Bearer any",
        "content-length": str(len(data)),
    }
    connection = h11.Connection(h11.CLIENT)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10) as peer:
        for event in (h11.Request(method="POST", target=parts.path, headers=list(headers.items())), h11.Data(data), h11.EndOfMessage()):
            peer.sendall(connection.send(event) or b"")
        return _answer(connection, peer)


def _answer(connection: h11.Connection, peer: socket.socket) -> Answer:
    head: h11.Response | None = None
    pieces = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(peer.recv(65536))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            pieces.append(bytes(event.data))
        else:
            assert isinstance(event, h11.EndOfMessage), event
            assert head is not None
            return Answer(head.status_code, dict(head.headers)[b"content-type"].decode(), pieces)


def runner_events(pieces: Sequence[bytes]) -> Iterator[Json]:
    """The events that the official runner would see."""
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece.decode()).split("\n")
        data = ""
        for line in lines:
            if line.startswith("data:"):
                data = line.removeprefix("data:").strip()
            elif line == "" and data:
                if data != "[DONE]":
                    yield json.loads(data)
                data = ""


def check_stream(answer: Answer, events: Sequence[Json]) -> None:
    """Every event was seen, is one of the 24 and has its shape; the last one carries a whole response."""
    assert answer.content_type.startswith("text/event-stream")
    body = b"".join(answer.pieces).decode()
    assert body.endswith("\n\ndata: [DONE]\n\n")
    assert len(events) == body.count("\n\n") - 1, "the runner would have lost some"
    assert body.count("event: ") == len(events)
    assert all(f"event: {event['type']}\ndata: " in body for event in events)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        check_event(event)
    check_response(events[-1]["response"])


def check_call(events: Sequence[Json]) -> None:
    kinds = [event["type"].removeprefix("response.") for event in events]
    deltas = kinds.count("function_call_arguments.delta")
    assert kinds == [
        "output_item.added",
        *["function_call_arguments.delta"] * deltas,
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert deltas >= 1
    assert events[0]["item"]["type"] == events[-1]["item"]["type"] == "function_call"


def check_response(response: Json) -> None:
    assert not [name for name in NEVER_NULL if response.get(name) is None]
    assert not [name for name in MAY_BE_NULL if name not in response]
    check_schema("ResponseResource", response)


def check_event(event: Json) -> None:
    assert event["type"] in EVENTS
    if SPEC.is_dir():
        check_schema(event_schemas()[event["type"]], event)


def check_schema(name: str, value: Json) -> None:
    """Holds the value against the standard's own document, where that is at hand."""
    if SPEC.is_dir():
        schema = {"$ref": f"#/components/schemas/{name}", "components": specification()["components"]}
        errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]
        assert not errors, errors


@cache
def specification() -> Json:
    document: Json = json.loads((SPEC / "openresponses-openapi.json").read_text())
    return document


@cache
def event_schemas() -> dict[str, str]:
    """The name of each event's schema, by the event's type."""
    schemas = {name: schema for name, schema in specification()["components"]["schemas"].items() if name.endswith("StreamingEvent")}
    return {schema["properties"]["type"]["enum"][0]: name for name, schema in schemas.items()}
