"""Reads one string out of a JSON object while its text is still arriving: `{"input": "..."}` to what stands between the quotes."""

from __future__ import annotations

import json
import re
from enum import Enum

import orjson

_OPENING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_COMPLETE = re.compile(r'(?:[^"\\]|\\(?:[^u]|u[0-9a-fA-F]{4}))*')
_LONE_HIGH = re.compile(r"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})$")

LONGEST_OPENING = 64
"""Characters within which the string must begin; more white space than that and we wait for the whole."""


LONGEST_ESCAPE = 12
"""Characters of a surrogate pair, both halves escaped."""


class _State(Enum):
    OPENING = "before the string"
    INSIDE = "inside the string"
    AFTER = "after the string"
    OTHER = "something else: judged when whole"


class InputText:
    """The text of a free-form tool call. `feed` gives the text that has become certain, `end` what is left.

    A model that does not keep to `{"input": "..."}` is taken at its word: whatever JSON it wrote is the text.
    """

    def __init__(self) -> None:
        self._state = _State.OPENING
        self._pending = ""
        self._all: list[str] = []

    def feed(self, piece: str) -> str:
        self._all.append(piece)
        self._pending += piece
        if self._state is _State.OPENING:
            self._open()
        return self._read() if self._state is _State.INSIDE else ""

    def end(self) -> str:
        if self._state is _State.AFTER or (self._state is _State.INSIDE and len(self._pending) <= LONGEST_ESCAPE):
            return ""  # an escape that was cut off says nothing
        if self._state is _State.INSIDE:
            return self._pending  # an escape that JSON does not have: the rest as it stands
        return _whole("".join(self._all))

    def _open(self) -> None:
        opening = _OPENING.match(self._pending)
        if opening and opening.end() <= LONGEST_OPENING:
            self._pending = self._pending[opening.end() :]
            self._state = _State.INSIDE
        elif len(self._pending) > LONGEST_OPENING:
            self._state = _State.OTHER

    def _read(self) -> str:
        complete = _COMPLETE.match(self._pending)
        assert complete is not None, "the pattern matches the empty string"
        text = complete.group()
        if self._pending[len(text) : len(text) + 1] == '"':
            self._state = _State.AFTER
        elif half := _LONE_HIGH.search(text):
            text = text[: half.start(1)]  # the other half of the pair is still to come
        self._pending = self._pending[len(text) :]
        return _unescape(text)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        decoded: str = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text  # an escape that JSON does not have: as it stands
    return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole(arguments: str) -> str:
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    if isinstance(value, dict) and isinstance(value.get("input"), str):
        text: str = value["input"]
        return text
    return value if isinstance(value, str) else arguments
