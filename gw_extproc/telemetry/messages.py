"""What was asked and answered, in the form that OpenTelemetry's conventions for generative AI give messages; as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

Json = Mapping[str, Any]
Message = dict[str, Any]


def asked(chat: bytes) -> str | None:
    """The messages of a Chat request; nothing where it is not whole."""
    if (request := _read(chat)) is None:
        return None
    return _text([_message(message) for message in request.get("messages") or ()])


def answered(response: bytes) -> str | None:
    """The output of a response object; nothing where it is not whole."""
    if (response_object := _read(response)) is None:
        return None
    parts = [part for item in response_object.get("output") or () for part in _said(item)]
    return _text([{"role": "assistant", "parts": parts, "finish_reason": str(response_object.get("status"))}])


def _read(data: bytes) -> Json | None:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _text(messages: Sequence[Message]) -> str:
    return orjson.dumps(messages).decode()


def _message(message: Json) -> Message:
    role, content = message.get("role"), message.get("content")
    if role == "tool":
        return {"role": role, "parts": [{"type": "tool_call_response", "id": message.get("tool_call_id"), "result": content}]}
    pieces = [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
    return {"role": role, "parts": [*map(_piece, pieces), *map(_call, message.get("tool_calls") or ())]}


def _piece(piece: Json) -> Json:
    """Texts are told, of anything else only that it was there."""
    kind = piece.get("type")
    return {"type": "text", "content": piece.get("text")} if kind == "text" else {"type": kind}


def _call(call: Json) -> Json:
    function = call.get("function") or call.get("custom") or {}
    arguments = function.get("arguments", function.get("input"))
    return {"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "arguments": arguments}


def _said(item: Json) -> Sequence[Json]:
    match item.get("type"):
        case "message":
            return [{"type": "text", "content": part.get("text") or part.get("refusal")} for part in item.get("content") or ()]
        case "reasoning":
            texts = item.get("content") or item.get("summary") or ()
            return [{"type": "reasoning", "content": part.get("text")} for part in texts]
        case "function_call" | "custom_tool_call":
            arguments = item.get("arguments", item.get("input"))
            return [{"type": "tool_call", "id": item.get("call_id"), "name": item.get("name"), "arguments": arguments}]
        case kind:
            return [{"type": kind}]
