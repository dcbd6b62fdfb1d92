"""One emitter numbers all events of a response and writes each as it goes over the wire.

Framing (spec digest, section b): `event:` equals `type`, one data line, LF, each event whole; sequence numbers from 0 without gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson

from gw_extproc.core.errors import GatewayError
from gw_extproc.core.trace import Trace

DONE = b"data: [DONE]\n\n"

_DELTA = b'%b%d,"delta":%b}\n\n'
"""What `delta_prefix` gave, the number, the text."""

Grow = Callable[[str], bytes]
"""Lets an item grow by a text and gives the event that says so."""


@dataclass(frozen=True)
class Profile:
    """Where the two standards name or shape an event differently (spec digest, section h)."""

    reasoning_event: str
    """The family of raw reasoning text: `{reasoning_event}.delta` and `.done`."""
    nested_errors: bool


PROFILES = {
    "openai": Profile("response.reasoning_text", nested_errors=False),
    "open-responses": Profile("response.reasoning", nested_errors=True),
}


class Emitter:
    """Collects encoded events until they are taken, and the trace by which they can be told again."""

    def __init__(self, profile: Profile, first: int = 0) -> None:
        self.profile = profile
        self.trace = Trace()
        self._numbers = count(first)
        self._pending: list[bytes] = []

    def emit(self, type: str, **fields: Any) -> None:
        """One event; `fields` follow type and sequence_number."""
        data = orjson.dumps({"type": type, "sequence_number": next(self._numbers), **fields})
        self._pending.append(b"event: %b\ndata: %b\n\n" % (type.encode(), data))

    def describe(self, type: str, fields: Callable[[], Mapping[str, Any]]) -> None:
        """An event whose fields take some making: they are made only where somebody wants it."""
        self.emit(type, **fields())

    def begin(self, response: bytes, queued: bytes | None = None) -> None:
        """Announces the response, an encoded object; before that as queued, where there is such an object of it."""
        announced = [("created", response)] if queued is None else [("created", queued), ("queued", queued)]
        for event, object in (*announced, ("in_progress", response)):
            self.emit(f"response.{event}", response=orjson.Fragment(object))

    def end(self, status: str, response: bytes) -> None:
        """The terminal event, and the literal that ends an event stream: no event, it has no number."""
        self.emit(f"response.{status}", response=orjson.Fragment(response))
        self._pending.append(DONE)

    def delta(self, prefix: bytes, item: int, delta: str) -> None:
        """The item grew: one delta event whose constant part was encoded once by `delta_prefix`."""
        self.trace.add(item, len(delta))
        self._pending.append(_DELTA % (prefix, next(self._numbers), orjson.dumps(delta)))

    def growing(self, prefix: bytes, item: int, texts: list[str]) -> Grow:
        """The same event for each of many texts that let the item grow, for who sends it at once, and the text kept among those. This
        is the path of every token, so all that does not change is looked up here."""
        trace, number, keep, mark, encode = self.trace, self._numbers.__next__, texts.append, self.trace.marks.append, orjson.dumps

        def grow(text: str) -> bytes:
            if item != trace.item:
                trace.turn(item)
            keep(text)
            mark(len(text))
            return _DELTA % (prefix, number(), encode(text))

        return grow

    def error(self, error: GatewayError) -> None:
        """The stream's error event: flat as OpenAI has it, or nested as Open Responses has it."""
        fields: dict[str, Any] = {"code": error.code, "message": error.message, "param": error.param}
        if self.profile.nested_errors:
            fields = {"error": {"type": error.type, **fields}}
        self.trace.fail(error)
        self.emit("error", **fields)

    def take(self) -> bytes:
        """All events since the last call."""
        taken = b"".join(self._pending)
        self._pending.clear()
        return taken

    def each(self) -> list[bytes]:
        """The same, one by one."""
        taken, self._pending = self._pending, []
        return taken


class Mute(Emitter):
    """For a caller who wants the object alone: events are not written, but the trace is kept."""

    def emit(self, type: str, **fields: Any) -> None:
        pass

    def describe(self, type: str, fields: Callable[[], Mapping[str, Any]]) -> None:
        pass

    def delta(self, prefix: bytes, item: int, delta: str) -> None:
        self.trace.add(item, len(delta))


def delta_prefix(type: str, **constant: Any) -> bytes:
    """Everything of a delta event before its sequence number; `constant` are the fields that do not change."""
    head = orjson.dumps({"type": type, **constant})[:-1]
    return b'event: %b\ndata: %b,"sequence_number":' % (type.encode(), head)


def pieces(events: bytes) -> list[bytes]:
    """Some whole events one by one, as they go over the wire; the end of the stream is one of them, though it has no number."""
    return [piece + b"\n\n" for piece in events.split(b"\n\n")[:-1]]


def payloads(events: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The type and the JSON of each of some whole events, without what frames them; the end of the stream is none."""
    for block in events.split(b"\n\n"):
        head, found, data = block.partition(b"\ndata: ")
        if found:
            yield head.removeprefix(b"event: "), data
