"""The body of a request: may it be read, and how large may it be?"""

from __future__ import annotations

from collections.abc import Mapping

from gw_extproc.core.errors import BodyTooLarge, CallerError, UnsupportedMediaType, quote
from gw_extproc.encoding import BodyError, decoder


class RequestBody:
    """Collects a JSON body. Raises CallerError: from the headers where they forbid to read it, from `feed` where the bytes do."""

    def __init__(self, headers: Mapping[str, str], limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise UnsupportedMediaType(f"The request body must be application/json, not {quote(kind)}.", code="unsupported_media_type")
        encoding = headers.get("content-encoding")
        read = decoder(encoding, limit)
        if read is None:
            message = f"The request body is compressed as {quote(str(encoding))}; gzip, deflate or none can be read."
            raise UnsupportedMediaType(message, code="unsupported_content_encoding")
        announced = headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise self._too_large()
        self._read = read

    def feed(self, data: bytes) -> None:
        try:
            self._pieces.append(self._read.feed(data))
        except BodyError as error:
            raise self._too_large() if error.too_large else CallerError(f"The request body is {error}.", code="invalid_body") from None

    def take(self) -> bytes:
        """The whole body; nothing of it is kept. Raises CallerError where it is compressed and not whole."""
        if not self._read.ended:
            raise CallerError("The request body ends before its compression does.", code="invalid_body")
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"The request body is larger than {self._limit} bytes.", code="request_too_large")
