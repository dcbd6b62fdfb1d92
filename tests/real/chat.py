"""Bytes of a Chat Completions server, for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.real.upstream import Head, Step

EVENTS = Head(200, {"content-type": "text/event-stream"})
JSON = Head(200, {"content-type": "application/json"})
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
DONE = b"data: [DONE]\n\n"


def event(payload: Any) -> bytes:
    return b"data: " + encoded(payload) + b"\n\n"


def encoded(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode()


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    """One event of a stream."""
    return event(_envelope("chat.completion.chunk", [{"index": 0, "delta": delta, "finish_reason": finish}]))


def text(*pieces: str) -> Sequence[bytes]:
    return [chunk(content=piece) for piece in pieces]


def finish(reason: str = "stop") -> bytes:
    """The last events: reason, usage, [DONE]."""
    return chunk(reason) + event(_envelope("chat.completion.chunk", [], usage=USAGE)) + DONE


def completion(finish: str = "stop", **message: Any) -> bytes:
    """A whole answer."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return encoded(_envelope("chat.completion", [choice], usage=USAGE))


def call(name: str, arguments: str, **more: Any) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def answer(said: str = "Hello!") -> Sequence[Step]:
    """A short stream."""
    return [EVENTS, *text(said), finish()]


def refusal(status: int, error: object, **headers: str) -> Sequence[Step]:
    """An HTTP error with that JSON body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [Head(status, {"content-type": "application/json", **named}), encoded(error)]


def _envelope(kind: str, choices: list[Any], **more: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 1700000000, "model": "scripted", "choices": choices, **more}
