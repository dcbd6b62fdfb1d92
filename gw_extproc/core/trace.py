"""What happened to the items of a response, in few words; with what they became it tells every event again (see replay).

A trace is a list of marks, as JSON. Each is about the item that was opened or named last, unless it says otherwise:

    ["s", model, store]       the response was announced, for that model, to be stored or not
    "o"                       the next item opened
    ["i", n]                  what follows is about item n
    "p"                       the next part of the message opened
    n                         n characters were added: by far the most frequent mark, and so the shortest
    [n, k]                    n characters were added, with k log probabilities
    ["l", k]                  k log probabilities were added that no text followed
    "a"                       the next annotation of the part was announced
    "r"                       the call began to run
    "c"                       the item closed
    ["e", type, code, param]  an error was announced; its message is that of the response
"""

from __future__ import annotations

from typing import Any

import orjson

from gw_extproc.core.errors import GatewayError

Mark = int | str | list[Any]

BEGUN, OPENED, ITEM, PART, LOGPROBS, ANNOTATED, RUNNING, CLOSED, ERROR = "s", "o", "i", "p", "l", "a", "r", "c", "e"


class Unusable(Exception):
    """A trace that is none, or not that of these items."""


class Trace:
    """Collects marks."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self.item = -1
        """Index of the item that the last mark was about."""

    def begin(self, model: str, *, store: bool) -> None:
        self.marks.append([BEGUN, model, store])

    def open(self, item: int) -> None:
        self.item = item
        self.marks.append(OPENED)

    def turn(self, item: int) -> None:
        """What follows is about that item."""
        self.item = item
        self.marks.append([ITEM, item])

    def add(self, item: int, mark: Mark) -> None:
        if item != self.item:
            self.turn(item)
        self.marks.append(mark)

    def fail(self, error: GatewayError) -> None:
        self.marks.append([ERROR, error.type, error.code, error.param])

    def encode(self) -> bytes:
        return orjson.dumps(self.marks)


def decode(trace: bytes) -> list[Any]:
    """The marks as they were written, by whomever; raises Unusable."""
    try:
        marks = orjson.loads(trace)
    except orjson.JSONDecodeError:
        raise Unusable from None
    if not isinstance(marks, list):
        raise Unusable
    return marks
