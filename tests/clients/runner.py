"""What the official compliance runner does with a server: how it sends, how it reads, and how it checks what came.

It checks statuses and shapes, never texts. Its event reader is weak, and `runner_events` has the same weaknesses: lines end in LF
only, and an event counts only if its data and its blank line come in one piece of the body.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import h11
from jsonschema import Draft202012Validator
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.beside import SPEC
from tests.events import Json
from tests.response_fields import MAY_BE_NULL, NEVER_NULL

PATIENCE = 30.0
"""Seconds that the runner gives a turn on a WebSocket."""

KEY = "Bearer any"

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


@dataclass(frozen=True)
class Answer:
    """Status, content type, and the body in the pieces in which it came."""

    status: int
    content_type: str
    pieces: Sequence[bytes]


def post(url: str, body: Json, path: str = "/responses") -> Answer:
    """One request on a connection of its own; a piece is what a client's HTTP parser gets out of one read."""
    parts = urlsplit(f"{url}{path}")
    data = json.dumps(body).encode()
    headers = {
        "host": parts.netloc,
        "content-type": "application/json",
        "authorization": KEY,
        "content-length": str(len(data)),
    }
    connection = h11.Connection(h11.CLIENT)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=PATIENCE) as peer:
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


@dataclass(frozen=True)
class Turn:
    """What came of one `response.create` over WebSocket."""

    events: list[Json] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the runner reads on. Anything that still comes counts for the next turn."""
        return bool(self.events) and (self.error is not None or self.events[-1]["type"] in FINAL)

    @property
    def error(self) -> Json | None:
        """The error frame, if that is how it ended."""
        last = self.events[-1]
        error = last.get("error")
        if last.get("type") == "error" or (isinstance(error, dict) and isinstance(error.get("code"), str)):
            return last
        return None

    @property
    def response(self) -> Json:
        assert self.error is None, self.error
        response: Json = self.events[-1]["response"]
        return response


FINAL = ("response.completed", "response.failed", "response.incomplete")


@contextmanager
def websocket(url: str) -> Iterator[Connection]:
    """A connection at the path of the responses."""
    with connect(f"{url.replace('http', 'ws', 1)}/responses", additional_headers={"authorization": KEY}, proxy=None) as connection:
        yield connection


def take_turn(connection: Connection, **body: Any) -> Turn:
    """One frame of a turn after the other; each is an event of the standard in its shape, or an error with a status."""
    connection.send(json.dumps({"type": "response.create", "model": "demo", **body}))
    turn = Turn()
    while not turn.over:
        frame = connection.recv(timeout=PATIENCE)
        assert isinstance(frame, str)
        turn.events.append(json.loads(frame))
    if turn.error is None:
        for event in turn.events:
            check_event(event)
        assert [event["sequence_number"] for event in turn.events] == list(range(len(turn.events)))
        check_response(turn.response)
    else:
        assert isinstance(turn.error["status"], int)
        assert isinstance(turn.error["error"]["message"], str)
    return turn


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
