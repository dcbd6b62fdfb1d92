"""One emitter numbers all events of a response and writes each as it goes over the wire.

Framing (spec digest, section b): `event:` equals `type`, one data line, LF, each event whole; sequence numbers from 0 without gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from gw_extproc.core.errors import GatewayError

DONE = b"data: [DONE]\n\n"


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
    """Collects encoded events until they are taken."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._sequence = 0
        self._pending: list[bytes] = []

    def emit(self, type: str, **fields: Any) -> None:
        """One event; `fields` follow type and sequence_number."""
        data = orjson.dumps({"type": type, "sequence_number": self._number(), **fields})
        self._pending.append(b"event: %b\ndata: %b\n\n" % (type.encode(), data))

    def delta(self, prefix: bytes, delta: str) -> None:
        """One delta event whose constant part was encoded once by `delta_prefix`: this is the path of every token."""
        self._pending.append(b'%b%d,"delta":%b}\n\n' % (prefix, self._number(), orjson.dumps(delta)))

    def error(self, error: GatewayError) -> None:
        """The stream's error event: flat as OpenAI has it, or nested as Open Responses has it."""
        fields: dict[str, Any] = {"code": error.code, "message": error.message, "param": error.param}
        if self.profile.nested_errors:
            fields = {"error": {"type": error.type, **fields}}
        self.emit("error", **fields)

    def done(self) -> None:
        """The literal that ends an event stream: no event, it has no number."""
        self._pending.append(DONE)

    def take(self) -> bytes:
        """All events since the last call."""
        taken = b"".join(self._pending)
        self._pending.clear()
        return taken

    def _number(self) -> int:
        number = self._sequence
        self._sequence += 1
        return number


def delta_prefix(type: str, **constant: Any) -> bytes:
    """Everything of a delta event before its sequence number; `constant` are the fields that do not change."""
    head = orjson.dumps({"type": type, **constant})[:-1]
    return b'event: %b\ndata: %b,"sequence_number":' % (type.encode(), head)
