"""Bodies that come compressed: read what the standard library reads, refuse the rest."""

from __future__ import annotations

import zlib
from typing import Protocol

MAX_INFLATED = 64 * 1024 * 1024
"""Bytes that one piece of a compressed body may become: a thousand times what Envoy sends at once would be a gigabyte."""

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Decoder(Protocol):
    """Takes a body in pieces. Raises BodyError where the bytes are not what the encoding says, or grow past the limit."""

    def feed(self, data: bytes) -> bytes: ...

    def passed(self, size: int) -> None:
        """So many bytes were read elsewhere: they count as well."""

    @property
    def ended(self) -> bool:
        """Whether the body may end here."""


class BodyError(ValueError):
    """The body cannot be read; `too_large` says whether it is its size."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


class Identity:
    """Bytes as they are, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def feed(self, data: bytes) -> bytes:
        self.passed(len(data))
        return data

    def passed(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise BodyError("too large", too_large=True)

    @property
    def ended(self) -> bool:
        return True


class Inflate:
    """gzip or deflate; the limit is that of the text inside, so a small bomb does no harm."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._inflate = zlib.decompressobj(_WINDOW_BITS[encoding])
        self._inside = Identity(limit)
        self._limit = min(limit, MAX_INFLATED)

    def feed(self, data: bytes) -> bytes:
        try:
            text = self._inflate.decompress(data, self._limit + 1)
        except zlib.error:
            raise BodyError("not compressed as its content-encoding says") from None
        if self._inflate.unconsumed_tail:
            raise BodyError("too large", too_large=True)
        return self._inside.feed(text)

    def passed(self, size: int) -> None:
        self._inside.passed(size)

    @property
    def ended(self) -> bool:
        return self._inflate.eof


def decoder(encoding: str | None, limit: int) -> Decoder | None:
    """What reads that content-encoding, or None where nothing here does."""
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        return Identity(limit)
    return Inflate(name, limit) if name in _WINDOW_BITS else None
