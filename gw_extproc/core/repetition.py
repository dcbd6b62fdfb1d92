"""Most chunks of a stream repeat the one before and differ in one text: such a chunk is known without being parsed.

Theory. A pattern is a chunk's JSON with a gap where its text stood. Bytes that begin and end as the pattern does, with one JSON string
between, are the same document with another text: JSON has no other way to read them. So a repetition is worth exactly what its parsed
chunk would be, which `Repetition.chunk` gives; who has read one chunk of the pattern may take the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

GROWING = ("content", "reasoning_content", "reasoning")
"""Fields of a delta whose text differs from chunk to chunk."""

PATIENCE = 16
"""Patterns in a row that nothing repeated, before a stream is taken for one whose chunks differ in more than a text."""

_STRANGE = "\0gap"
_FIELD = re.compile(rb'"(%b)"\s*:\s*("(?:[^"\\]|\\.)*")' % "|".join(GROWING).encode())


class Pattern:
    """One chunk of a stream, but for its text."""

    def __init__(self, before: bytes, after: bytes, chunk: Mapping[str, Any], name: str) -> None:
        self.before = before
        self.after = after
        self._chunk = chunk
        self._name = name

    def repeated(self, payload: bytes) -> Repetition | None:
        """The chunk that these bytes are, where they repeat the pattern and say something."""
        if not (payload.startswith(self.before) and payload.endswith(self.after)):
            return None
        try:
            text = orjson.loads(payload[len(self.before) : len(payload) - len(self.after)])
        except orjson.JSONDecodeError:
            return None
        return Repetition(text, self) if isinstance(text, str) and text else None

    def chunk(self, text: str) -> Mapping[str, Any]:
        """The pattern with that text."""
        choice = self._chunk["choices"][0]
        return {**self._chunk, "choices": [{**choice, "delta": {**choice["delta"], self._name: text}}]}


class Repetition(NamedTuple):
    """A chunk that repeats a pattern."""

    text: str
    pattern: Pattern

    def chunk(self) -> Mapping[str, Any]:
        return self.pattern.chunk(self.text)


def learned(payload: bytes, chunk: Mapping[str, Any]) -> Pattern | None:
    """The pattern of a chunk that was parsed from these bytes; None where it has no single text."""
    found = list(_FIELD.finditer(payload))
    choices = chunk.get("choices")
    if len(found) != 1 or not (isinstance(choices, list) and len(choices) == 1 and isinstance(choices[0], dict)):
        return None
    name, (start, end) = found[0].group(1).decode(), found[0].span(2)
    if not isinstance(choices[0].get("delta"), dict):
        return None
    pattern = Pattern(payload[:start], payload[end:], chunk, name)
    try:
        meant = orjson.loads(b"%b%b%b" % (payload[:start], orjson.dumps(_STRANGE), payload[end:]))
    except orjson.JSONDecodeError:
        return None  # it was read leniently
    # The field may have stood elsewhere, or inside a text: what the pattern says it means must be what its bytes mean.
    return pattern if meant == pattern.chunk(_STRANGE) else None
