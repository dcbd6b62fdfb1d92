"""Upstream bytes to Chat chunks: server-sent events as servers really send them, or one JSON body, told apart by the first byte.

The decoder follows the WHATWG event stream grammar (CRLF, CR and LF line ends, comments, any split of the bytes) and is more
lenient where real servers are: a last event without its blank line counts, several JSON payloads under one blank line count each,
and a body that begins with `{` or `[` is JSON whatever its content type says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import orjson

from gw_extproc.core.errors import UpstreamError

Chunk = Mapping[str, Any]

MAX_PENDING = 64 * 1024 * 1024
"""Bytes of one unfinished event or JSON body: as much as a request may have by default, since an image may come back."""

_BOM = b"\xef\xbb\xbf"


class Ending(Enum):
    """How the upstream's body ended."""

    WHOLE = "a JSON body, complete"
    DONE = "a stream that said [DONE]"
    CUT = "a stream that just stopped"


class ChunkDecoder:
    """Feed it bytes in any split; it gives back the chunks they complete. `end()` gives the rest and how the body ended."""

    def __init__(self) -> None:
        self._reader: _Undecided | _Events | _Json = _Undecided()

    def feed(self, data: bytes) -> Sequence[Chunk]:
        """Raises UpstreamError where an event is not JSON or too large."""
        if isinstance(self._reader, _Undecided):
            decided = self._reader.feed(data)
            if decided is None:
                return ()
            self._reader, data = decided
        return self._reader.feed(data)

    @property
    def done(self) -> bool:
        """Whether the stream said [DONE]: nothing of interest follows, even if the connection stays open."""
        return isinstance(self._reader, _Events) and self._reader.ending is Ending.DONE

    def end(self) -> tuple[Sequence[Chunk], Ending]:
        """Raises UpstreamError where a JSON body is not complete."""
        return self._reader.end()


class _Undecided:
    """Nothing but white space so far (OpenRouter keeps buffered requests alive with it)."""

    def __init__(self) -> None:
        self._start = b""

    def feed(self, data: bytes) -> tuple[_Events | _Json, bytes] | None:
        self._start += data
        start = self._start.removeprefix(_BOM).lstrip()
        if not start or _BOM.startswith(start):
            return None
        return (_Json() if start[:1] in (b"{", b"[") else _Events()), start

    def end(self) -> tuple[Sequence[Chunk], Ending]:
        return (), Ending.CUT


class _Json:
    """One JSON document: an object, or a list of objects (Gemini wraps errors in one)."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Sequence[Chunk]:
        self._size += len(data)
        _check_size(self._size)
        self._parts.append(data)
        return ()

    def end(self) -> tuple[Sequence[Chunk], Ending]:
        document = _parse(b"".join(self._parts))
        return (document if isinstance(document, list) else [document]), Ending.WHOLE


class _Events:
    def __init__(self) -> None:
        self._partial: list[bytes] = []  # the unfinished last line
        self._size = 0
        self._data: list[bytes] = []  # data lines of the unfinished event
        self._event = b""
        self.ending = Ending.CUT

    def feed(self, data: bytes) -> Sequence[Chunk]:
        self._size += len(data)
        if b"\n" not in data and b"\r" not in data and not (self._partial and self._partial[-1].endswith(b"\r")):
            _check_size(self._size)
            self._partial.append(data)
            return ()
        lines = b"".join((*self._partial, data)).splitlines(keepends=True)
        # A lone CR at the very end may be half of a CRLF.
        self._partial = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        chunks: list[Chunk] = []
        for line in lines:
            self._line(line.rstrip(b"\r\n"), chunks)
        self._size = sum(map(len, self._partial)) + sum(map(len, self._data))
        return chunks

    def end(self) -> tuple[Sequence[Chunk], Ending]:
        chunks: list[Chunk] = []
        for line in (*b"".join(self._partial).splitlines(), b""):
            self._line(line, chunks)
        self._partial = []
        return chunks, self.ending

    def _line(self, line: bytes, chunks: list[Chunk]) -> None:
        if not line:
            if self._data:
                self._dispatch(chunks)
            self._event = b""
            return
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._event = value.strip()

    def _dispatch(self, chunks: list[Chunk]) -> None:
        data, self._data = self._data, []
        for payload in _payloads(data):
            if payload == b"[DONE]":
                self.ending = Ending.DONE
            elif payload:
                chunk = _parse(payload)
                if not isinstance(chunk, dict):
                    raise _not_json(payload)
                error = self._event == b"error" and "error" not in chunk
                chunks.append({"error": chunk} if error else chunk)


def _payloads(data: list[bytes]) -> Sequence[bytes]:
    """The data lines are one payload by the standard; each is one of its own where a server forgot the blank lines."""
    if len(data) == 1:
        return [data[0].strip()]
    whole = b"\n".join(data).strip()
    try:
        orjson.loads(whole)
    except orjson.JSONDecodeError:
        return [line.strip() for line in data]
    return [whole]


def _parse(document: bytes) -> Any:
    try:
        parsed = orjson.loads(document)
    except orjson.JSONDecodeError:
        parsed = _parse_leniently(document)
    objects = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(each, dict) for each in objects):
        raise _not_json(document)
    return parsed


def _parse_leniently(document: bytes) -> Any:
    """What orjson rightly refuses and real servers send: halves of surrogate pairs, broken UTF-8, NaN."""
    try:
        parsed = json.loads(document.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise _not_json(document) from None
    return orjson.loads(json.dumps(parsed, ensure_ascii=False).encode("utf-8", "replace"))


def _not_json(document: bytes) -> UpstreamError:
    start = document[:80].decode("utf-8", "replace")
    return UpstreamError(f"The upstream's answer is not a JSON object: {start!r}", code="bad_upstream_answer")


def _check_size(size: int) -> None:
    if size > MAX_PENDING:
        raise UpstreamError(f"The upstream sent an event of more than {MAX_PENDING} bytes.", code="bad_upstream_answer")
