"""Upstream bytes to Chat chunks: server-sent events as servers really send them, or one JSON body, told apart by the first byte.

The decoder follows the WHATWG event stream grammar (CRLF, CR and LF line ends, comments, any split of the bytes) and is more
lenient where real servers are: a last event without its blank line counts, several JSON payloads under one blank line count each, so
does a line that is a JSON object without `data:`, and a body that begins with `{` or `[` is JSON whatever its content type says. What
is not a JSON object becomes a chunk that holds an error: so what came before it counts, however the bytes were split; only under an
event name of its own (`ping`) it is no chunk at all. Nothing counts after [DONE].
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import orjson

from gw_extproc.core.errors import BAD_ANSWER, UpstreamError
from gw_extproc.core.repetition import PATIENCE, Pattern, Repetition, learned

Chunk = Mapping[str, Any]
Piece = Chunk | Repetition
"""What a stream consists of."""

MAX_PENDING = 64 * 1024 * 1024
"""Bytes of one unfinished event or JSON body: as much as a request may have by default, since an image may come back."""

_BLANK = b" \t\r\n\v\f\xef\xbb\xbf"
"""White space and the byte order mark: what may stand before the body (OpenRouter keeps buffered requests alive with white space)."""


CHUNK_EVENTS = frozenset({b"", b"message", b"error", b"chunk", b"chat.completion.chunk"})
"""Names of events whose data is a chunk; others carry one only where their data is a JSON object."""


class Ending(Enum):
    """How the upstream's body ended."""

    WHOLE = "a JSON body, complete"
    DONE = "a stream that said [DONE]"
    CUT = "a stream that just stopped"


class ChunkDecoder:
    """Feed it bytes in any split; it gives back the chunks they complete. `end()` gives the rest and how the body ended."""

    def __init__(self) -> None:
        self._reader: _Events | _Json | None = None

    def feed(self, data: bytes) -> Sequence[Piece]:
        """Raises UpstreamError where an event, or the JSON body, is too large."""
        if self._reader is None:
            data = data.lstrip(_BLANK)
            if not data:
                return ()
            self._reader = _Json() if data[:1] in (b"{", b"[") else _Events()
        return self._reader.feed(data)

    @property
    def done(self) -> bool:
        """Whether the stream said [DONE]: nothing of interest follows, even if the connection stays open."""
        return self._reader is not None and self._reader.ending is Ending.DONE

    @property
    def idle(self) -> bool:
        """Whether no event is unfinished."""
        return isinstance(self._reader, _Events) and self._reader.idle

    def end(self) -> tuple[Sequence[Piece], Ending]:
        return ((), Ending.CUT) if self._reader is None else self._reader.end()


class _Json:
    """One JSON document."""

    ending = Ending.WHOLE

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Sequence[Chunk]:
        self._size += len(data)
        _check_size(self._size)
        self._parts.append(data)
        return ()

    def end(self) -> tuple[Sequence[Chunk], Ending]:
        return _parse(b"".join(self._parts)), self.ending


class _Events:
    def __init__(self) -> None:
        self._partial: list[bytes] = []  # the unfinished last line, in pieces
        self._held = 0  # bytes of that line and of the unfinished event
        self._data: list[bytes] = []  # data lines of the unfinished event
        self._event = b""
        self._strange: bytes | None = b""  # the first line that has no place in an event stream; None once there was an event
        self._pattern: Pattern | None = None
        self._patience = PATIENCE
        self.ending = Ending.CUT

    def feed(self, data: bytes) -> Sequence[Piece]:
        if self._partial:
            self._held += len(data)
            _check_size(self._held)
            if b"\n" not in data and b"\r" not in data and not self._partial[-1].endswith(b"\r"):
                self._partial.append(data)
                return ()
            data = b"".join((*self._partial, data))
        lines = data.splitlines(keepends=True)
        # A lone CR at the very end may be half of a CRLF.
        self._partial = [lines.pop()] if lines and not lines[-1].endswith(b"\n") else []
        chunks: list[Piece] = []
        for line in lines:
            self._line(line.rstrip(b"\r\n"), chunks)
        if self._partial or self._data:
            self._held = sum(map(len, self._partial)) + sum(map(len, self._data))
            _check_size(self._held)
        return chunks

    @property
    def idle(self) -> bool:
        return not (self._partial or self._data or self._event)

    def end(self) -> tuple[Sequence[Piece], Ending]:
        chunks: list[Piece] = []
        for line in (*b"".join(self._partial).splitlines(), b""):
            self._line(line, chunks)
        self._partial = []
        if self._strange:
            chunks.append(_unreadable(self._strange))
        return chunks, self.ending

    def _line(self, line: bytes, chunks: list[Piece]) -> None:
        if line.startswith(b"data:"):
            self._data.append(line[5:])
        elif not line:
            if self._data:
                self._dispatch(chunks)
            self._event = b""
        elif line.startswith(b"event:"):
            self._event = line[6:].strip()
        elif line.startswith(b"error:"):  # llama.cpp's older servers
            self._event = b"error"
            self._data.append(line[6:])
        elif line.startswith(b"{"):
            self._data.append(line)
            self._dispatch(chunks)
        elif self._strange == b"" and not line.startswith((b":", b"id:", b"retry:")):
            self._strange = line

    def _dispatch(self, chunks: list[Piece]) -> None:
        data, self._data = self._data, []
        self._strange = None
        for payload in _payloads(data):
            if self.ending is Ending.DONE:
                return
            if payload.strip(b'"').upper() == b"[DONE]":
                self.ending = Ending.DONE
            elif payload and payload != b"null" and (payload.startswith(b"{") or self._event in CHUNK_EVENTS):
                chunks += map(_as_error, _parse(payload)) if self._event == b"error" else self._read(payload)

    def _read(self, payload: bytes) -> Sequence[Piece]:
        if self._pattern is not None:
            if (repetition := self._pattern.repeated(payload)) is not None:
                self._patience = PATIENCE
                return (repetition,)
            self._pattern = None
        parsed = _parse(payload)
        if self._patience and len(parsed) == 1 and (pattern := learned(payload, parsed[0])):
            self._pattern = pattern
            self._patience -= 1
        return parsed


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


def _parse(document: bytes) -> Sequence[Chunk]:
    """The object, or the objects of a list (Gemini wraps errors in one); anything else is an error."""
    try:
        parsed = orjson.loads(document)
    except orjson.JSONDecodeError:
        parsed = _parse_leniently(document)
    if isinstance(parsed, dict):
        return (parsed,)
    if isinstance(parsed, list) and all(isinstance(each, dict) for each in parsed):
        return parsed
    return (_unreadable(document),)


def _unreadable(document: bytes) -> Chunk:
    start = document[:80].decode("utf-8", "replace")
    return {"error": {"message": f"The upstream's answer is not a JSON object: {start!r}", "code": BAD_ANSWER}}


def _parse_leniently(document: bytes) -> Any:
    """What orjson rightly refuses and real servers send: halves of surrogate pairs, broken UTF-8, NaN. None where it is no JSON."""
    try:
        parsed = json.loads(document.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None)
        return orjson.loads(json.dumps(parsed, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _as_error(chunk: Chunk) -> Chunk:
    return chunk if "error" in chunk else {"error": chunk}


def _check_size(size: int) -> None:
    if size > MAX_PENDING:
        raise UpstreamError(f"The upstream sent an event of more than {MAX_PENDING} bytes.", code=BAD_ANSWER)
