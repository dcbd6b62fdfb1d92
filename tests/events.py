"""Reads the events of a stream as a strict client would."""

from __future__ import annotations

from typing import Any

import orjson

Json = dict[str, Any]

_DONE = b"data: [DONE]\n\n"


def events(wire: bytes) -> list[Json]:
    """The events of a stream, each framed as the standard asks; [DONE] is none, nor is a comment."""
    assert wire.endswith(b"\n\n"), wire[-80:]
    found = []
    for block in wire.removesuffix(_DONE).split(b"\n\n")[:-1]:
        if block.startswith(b":"):
            continue
        name, data = block.split(b"\n")
        event = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        found.append(event)
    return found


def events_of(body: str) -> list[Json]:
    """The events of a whole stream, which ends with [DONE]."""
    wire = body.encode()
    assert wire.endswith(b"\n\n" + _DONE), wire[-80:]
    return events(wire)
