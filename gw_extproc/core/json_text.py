"""Text inside JSON and JSON as text: reads one string of an object while it is still arriving, and writes what may not be writable."""

from __future__ import annotations

import re
from enum import Enum

import orjson

_OPENING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_HEX = "[0-9a-fA-F]"
_COMPLETE = re.compile(rf'(?:[^"\\]+|\\(?:[^u]|u{_HEX}{{4}}|u(?={_HEX}{{0,3}}[^0-9a-fA-F])))*')
_LONE_HIGH = re.compile(rf"(?<!\\)(?:\\\\)*(\\u[dD][89abAB]{_HEX}{{2}})$")
_ESCAPE = re.compile(rf"\\(?:u({_HEX}{{4}})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}

LONGEST_OPENING = 64
"""Characters within which the string must begin; more white space than that and we wait for the whole."""

TOO_DEEP = "(nested too deeply to be shown)"


def written(value: object) -> str:
    """A parsed value as JSON text; the parser takes more levels than the writer."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return TOO_DEEP


class _State(Enum):
    OPENING = "before the string"
    INSIDE = "inside the string"
    AFTER = "after the string"
    OTHER = "something else: judged when whole"


class InputText:
    """The text of a free-form tool call: of `{"input": "..."}` what stands between the quotes.

    `feed` gives the text that has become certain, `end` what is left. A model that does not keep to that form is taken at its word:
    whatever it wrote is the text. So is an escape that JSON does not have.
    """

    def __init__(self) -> None:
        self._state = _State.OPENING
        self._pending = ""
        self._rest: list[str] = []

    def feed(self, piece: str) -> str:
        if self._state in (_State.AFTER, _State.OTHER):
            self._rest.append(piece)
            return ""
        self._pending += piece
        if self._state is _State.OPENING:
            self._open()
        return self._read() if self._state is _State.INSIDE else ""

    def end(self) -> str:
        if self._state in (_State.INSIDE, _State.AFTER):
            return ""  # an escape that was cut off says nothing
        return _whole(self._pending + "".join(self._rest))

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
    return _ESCAPE.sub(_character, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _ESCAPED.get(escape[2], escape[0])


def _whole(arguments: str) -> str:
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    if isinstance(value, dict) and isinstance(value.get("input"), str):
        text: str = value["input"]
        return text
    return value if isinstance(value, str) else arguments
