"""One answer, from the bytes of its connection. llhttp reads them; here is what it leaves open.

An answer is in one of three phases. In HEAD nothing was said that counts: interim answers (1xx) come and go. In BODY its status and
headers are known, and its body comes in pieces. When it is WHOLE, anything further is surplus: nobody asked for it, so the connection
must not carry another request, whose answer that would seem to be.

What is stricter than RFC 9112: a change of protocol (101) was never asked for, and counts as broken. What is not, because servers do
it: lines may end with a bare LF, sizes of chunks with spaces, and a content-length beside a transfer-encoding is ignored (section 6.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gw_extproc.http1.errors import Broken

LARGEST_HEAD = 100 * 1024
"""Bytes of a head, or of trailers, that are waited for: servers send 16 kB at most, proxies with cookies a few times that."""


@dataclass(frozen=True)
class Head:
    """Status and headers, those by lower-case name, each with all its values: as Latin-1, so that bytes go on as they came."""

    status: int
    headers: Mapping[str, str]


class Phase(Enum):
    HEAD = auto()
    BODY = auto()
    WHOLE = auto()


class Incoming:
    """Fed with what the server sends; `take` gives what there is of the body."""

    def __init__(self, method: str) -> None:
        self.phase = Phase.HEAD
        self.head: Head | None = None
        self.reusable = False
        """Whether its connection may carry another request, once it is whole."""
        self._bodiless = method == "HEAD"
        self._until_the_end = False
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._unheard = 0
        """Bytes that have come since the last piece of the body."""
        self.on_body = self._pieces.append  # the parser calls it for each chunk: without a function of ours between
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_keep_alive=True,  # the answer follows an interim one that says `connection: close`
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    @property
    def whole(self) -> bool:
        return self.phase is Phase.WHOLE

    def feed(self, data: bytes) -> None:
        """Raises Broken where that is no HTTP, or goes on for too long without saying anything."""
        if self.phase is Phase.WHOLE:
            self.reusable = False
            return
        before = len(self._pieces)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.whole:
                raise Broken(f"no HTTP: {error}") from None
            self.reusable = False
        self._unheard = 0 if len(self._pieces) > before else self._unheard + len(data)
        if self._unheard > LARGEST_HEAD and not self.whole:
            raise Broken("a head without an end")

    def end(self) -> None:
        """The connection has ended; raises Broken where the answer has not."""
        if self.phase is Phase.BODY and self._until_the_end:
            self._complete()
        self.reusable = False
        if not self.whole:
            raise Broken("it ended too early")

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data

    def close(self) -> None:
        """Nothing is read any more: the parser, which holds on to this answer as this does to it, need not wait for the collector."""
        del self._parser

    # what the parser calls

    def on_message_begin(self) -> None:
        if self.phase is Phase.WHOLE:
            raise Broken("more than was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase is not Phase.HEAD:
            return  # trailers say nothing that is of use here
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        if self.phase is not Phase.HEAD:
            return
        headers, self._headers = self._headers, {}
        status = self._parser.get_status_code()
        if status == 101:
            raise Broken("another protocol")
        if status < 200:
            return
        if "transfer-encoding" in headers:
            headers.pop("content-length", None)
            self._until_the_end = headers["transfer-encoding"].rpartition(",")[2].strip().lower() != "chunked"
        else:
            self._until_the_end = "content-length" not in headers
        self.head, self.phase = Head(status, headers), Phase.BODY
        self.reusable = self._parser.should_keep_alive()
        if self._bodiless:
            self._complete()
            raise Broken("no body follows")  # the parser, who knows nothing of the request, would wait for one

    def on_message_complete(self) -> None:
        if self.phase is Phase.BODY:
            self._complete()

    def _complete(self) -> None:
        self.phase = Phase.WHOLE
