"""What a request is on the wire: its head, and how the end of its body is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from gw_extproc.http1.errors import Broken

Content = bytes | AsyncIterator[bytes] | None
"""A body: whole, in pieces as they come, or none."""

_HAVE_BODIES = frozenset({"POST", "PUT", "PATCH"})
"""Methods of which a server expects to hear that there is no body (RFC 9110, section 8.6)."""

_AS_IT_IS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

LAST_CHUNK = b"0\r\n\r\n"


def target(path: str) -> str:
    """The path and query as they are written; only what cannot stand in a request line is escaped."""
    return path if path.isascii() and path.isprintable() and " " not in path else quote(path, safe=_AS_IT_IS)


def framed(method: str, headers: Mapping[str, str], content: Content) -> Mapping[str, str]:
    """The headers with the one that says where the body ends. A body in pieces may have told its length; else it is sent in chunks."""
    rest = {name: value for name, value in headers.items() if name not in ("content-length", "transfer-encoding")}
    if isinstance(content, bytes):
        return {**rest, "content-length": str(len(content))}
    if content is None:
        return {**rest, "content-length": "0"} if method in _HAVE_BODIES else rest
    told = headers.get("content-length")
    return {**rest, "transfer-encoding": "chunked"} if told is None else {**rest, "content-length": told}


def head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Request line and headers, as Latin-1. Raises Broken where a value would end its line."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    written = "\r\n".join(lines).encode("latin-1")
    ends = len(lines) - 1
    if written.count(b"\n") != ends or written.count(b"\r") != ends or b"\0" in written:
        raise Broken("a header that is none")
    return written


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
