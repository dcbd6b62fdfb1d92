"""The shortest way of a token: a piece of the stream that is one event, repeats the last one, and only lets the open text grow.

Theory. Nearly all pieces of a paced stream are such. A lane keeps what stands before and after the text in the last of them, framing
included. A piece that begins and ends so, with one JSON string between, would be decoded to the same chunk with another text (see
repetition), and the assembler would let the same text grow (see its `growing`). All else is for the decoder: then the lane has ended.
"""

from __future__ import annotations

import orjson

from gw_extproc.core.events import Grow
from gw_extproc.core.repetition import Repetition

LONGEST = 1024 * 1024
"""Bytes that one lane takes: then a piece goes the ordinary way, where the answer's size is looked at."""


class Lane:
    """Takes a piece if it can."""

    def __init__(self, before: bytes, after: bytes, grow: Grow) -> None:
        self._before = before
        self._after = after
        self._begin = len(before)
        self._rest = len(after)
        self._grow = grow
        self.taken = 0
        """Bytes, which nobody else counts."""

    def feed(self, data: bytes) -> bytes:
        """The event that the piece causes; nothing where it is not of this lane, or the lane has taken its share."""
        if not (data.startswith(self._before) and data.endswith(self._after)) or self.taken > LONGEST:
            return b""
        try:
            text = orjson.loads(data[self._begin : len(data) - self._rest])
        except orjson.JSONDecodeError:
            return b""
        if not isinstance(text, str) or not text:
            return b""
        self.taken += len(data)
        return self._grow(text)


def lane(data: bytes, said: Repetition, grow: Grow) -> Lane | None:
    """The lane of a piece that was decoded to that repetition alone, with nothing left over; None where its text is not found in it."""
    before, after = said.pattern.before, said.pattern.after
    begin, end = data.find(before) + len(before), data.rfind(after)
    try:
        found = orjson.loads(data[begin:end])
    except orjson.JSONDecodeError:
        return None
    return Lane(data[:begin], data[end:], grow) if found == said.text else None
