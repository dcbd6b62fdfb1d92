"""Words of the answer tests: what a Chat server sends, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from gw_extproc.core.assembler import Assembler, Making
from gw_extproc.core.conversation import Items
from gw_extproc.core.dialects import GENERIC
from gw_extproc.core.drafts import Seal
from gw_extproc.core.events import PROFILES
from gw_extproc.core.request import input_items, translate
from gw_extproc.core.response import ResponseObject
from gw_extproc.core.sse import ChunkDecoder, Piece
from gw_extproc.schema.validation import validate
from tests.events import Json, events

NOW = 1_700_000_000
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
SAID_DONE = b"data: [DONE]\n\n"


new_id = "{}_{}".format
"""Ids as they are made: by prefix and place, as `msg_0`."""


def assembler(*, profile: str = "openai", seal: Seal | None = None, events: bool = True, **request: Any) -> Assembler:
    """The assembler for the answer to that request, not yet started."""
    body = validate({"model": "m", "input": "hi", "stream": True, **request})
    plan = translate(body, Items(input_items(body)), GENERIC, reject_unsupported=False)
    making = Making(
        plan=plan,
        object=ResponseObject("resp_1", NOW, body),
        profile=PROFILES[profile],
        new_id=new_id,
        clock=lambda: NOW,
        prompt_bytes=len(orjson.dumps(plan.chat)),
        think_tags=GENERIC.think_tags,
        store=body.get("store") is not False,
        seal=seal,
        events=events,
    )
    return Assembler(making)


def announced(made: Assembler, *, stored: bool = True) -> bytes:
    """The terminal event of a response that has ended."""
    return made.announce(made.response(stored=stored))


@dataclass(frozen=True)
class Answer:
    """What the client got."""

    wire: bytes
    response: Json
    """The object of the terminal event."""
    estimated: bool

    @property
    def events(self) -> list[Json]:
        return events(self.wire)

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def output(self) -> list[Json]:
        output: list[Json] = self.response["output"]
        return output

    @property
    def status(self) -> str:
        return str(self.response["status"])

    @property
    def text(self) -> str:
        """All text of all messages."""
        parts = [part for item in self.output if item["type"] == "message" for part in item["content"]]
        return "".join(part["text"] for part in parts if part["type"] == "output_text")

    @property
    def thought(self) -> str:
        """All reasoning text."""
        return "".join(part["text"] for item in self.output if item["type"] == "reasoning" for part in item["content"])

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Name and arguments (or input) of each function or custom call."""
        return [(item["name"], item["arguments" if "arguments" in item else "input"]) for item in self.output if "name" in item]

    def of(self, type: str) -> list[Json]:
        """The events of one type."""
        return [event for event in self.events if event["type"] == type]


def answer(body: bytes | Iterable[bytes], **request: Any) -> Answer:
    """The answer to an upstream body, whole or in pieces."""
    return told(assembler(**request), body)


def told(made: Assembler, body: bytes | Iterable[bytes], read: Callable[[Piece], Piece] = lambda piece: piece) -> Answer:
    """The answer of that assembler to an upstream body, whole or in pieces, each chunk read so."""
    decoder = ChunkDecoder()
    wire = made.start()
    for piece in (body,) if isinstance(body, bytes) else body:
        wire += b"".join([made.feed(read(chunk)) for chunk in decoder.feed(piece)])
    rest, ending = decoder.end()
    wire += b"".join([made.feed(read(chunk)) for chunk in rest]) + made.end(ending)
    response = made.response(stored=True)
    return Answer(wire + made.announce(response), orjson.loads(response), made.usage_estimated)


def chunk(delta: Json | None = None, finish: str | None = None, **top: Any) -> Json:
    """One chunk with one choice."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **top}


def said(*contents: Any) -> list[Json]:
    """Chunks with these contents."""
    return [chunk({"content": content}) for content in contents]


def called(*entries: Json) -> Json:
    """A chunk with these pieces of tool calls."""
    return chunk({"tool_calls": list(entries)})


def piece(index: int | None = None, id: str | None = None, name: str | None = None, arguments: Any = None) -> Json:
    """One piece of a tool call; None is left out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {key: value for key, value in (("index", index), ("id", id), ("function", function)) if value is not None}


def usage(**counted: Any) -> Json:
    """OpenAI's last chunk: usage, no choices."""
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": counted or USAGE}


def stream(*chunks: Json, finish: str | None = "stop", done: bool = True) -> bytes:
    """The chunks as a server sends them; with a finish reason and [DONE] unless said otherwise."""
    ended = [*chunks, chunk(finish=finish)] if finish else chunks
    return b"".join(map(event, ended)) + (SAID_DONE if done else b"")


def event(data: Json) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def completion(message: Json, finish: str | None = "stop", **top: Any) -> bytes:
    """A whole JSON answer."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return orjson.dumps({"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": USAGE, **top})


def function(name: str = "f") -> Json:
    return {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}}


def cut(body: bytes, at: Sequence[int]) -> list[bytes]:
    """The body, cut at these places."""
    places = sorted({0, len(body), *(place % (len(body) + 1) for place in at)})
    return [body[start:end] for start, end in pairwise(places)]
