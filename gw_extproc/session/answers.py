"""The upstream's answer on its way back: each class is one way to turn it into what the caller asked for.

An answer is told the upstream's headers when it is made, then the body in pieces, then the end. It withholds the response headers
until it knows what they are: at once for an event stream, at the end for a JSON object or an error. `body` and `end` may raise
GatewayError; `fail` then ends the answer in the form that what was already said allows. What it says is a `Head`, then `Body` pieces,
whoever carries them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

import orjson

from gw_extproc.core import ids, upstream_errors
from gw_extproc.core.errors import BAD_ANSWER, GatewayError, UpstreamError
from gw_extproc.core.lane import Lane, lane
from gw_extproc.core.repetition import Repetition
from gw_extproc.core.sse import ChunkDecoder, Ending, Piece
from gw_extproc.encoding import BodyError, Decoder, Identity, decoder
from gw_extproc.session.session import Session

MAX_ERROR_BODY = 1024 * 1024
"""Bytes of an upstream's error that are read; what it says stands at the beginning."""

MAX_ANSWER = 256 * 1024 * 1024
"""Bytes of one answer, which is kept until its end for the final object: far beyond what models write, images among it."""

DESCRIBING = ("content-length", "content-encoding", "content-md5", "digest", "content-digest", "etag", "trailer")
"""Headers that describe a body: they go when it is replaced."""

_OF_ERRORS = ("retry-after", "www-authenticate")
"""Headers that an error of the upstream keeps where its other headers are lost."""

JSON = {"content-type": "application/json"}
EVENT_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


class Head(NamedTuple):
    """Status and headers of the answer; the upstream's own headers stay beside these, unless they describe its body."""

    status: int
    headers: Mapping[str, str]


class Body(NamedTuple):
    """A piece of the answer's body; the last one ends it."""

    data: bytes
    end: bool


Part = Head | Body


class Answer(ABC):
    """Turns the upstream's answer into the caller's."""

    def __init__(self, read: Decoder) -> None:
        self._read = read

    @abstractmethod
    def begin(self) -> Sequence[Part]:
        """What can be said as soon as the upstream's headers are there."""

    def token(self, data: bytes) -> bytes:
        """All that a piece says, where that is one event and nothing has to be waited for; else nothing, and it is for `body`."""
        return b""

    @abstractmethod
    async def body(self, data: bytes) -> Sequence[Part]:
        """What a piece of the body says."""

    @abstractmethod
    async def end(self) -> Sequence[Part]:
        """Everything that is left, with the end of the body."""

    @property
    def over(self) -> bool:
        """Whether the end was said before the upstream's body ended."""
        return False

    async def fail(self, error: GatewayError) -> Sequence[Part]:
        """Ends the answer with an error: as a whole, unless something was already said."""
        return whole_error(error)

    def _plain(self, data: bytes, besides: int = 0) -> bytes:
        return plain(self._read, data, besides)


def reader(headers: Mapping[str, str]) -> Decoder:
    """Takes the compression off a body with these headers; raises UpstreamError for one that nobody asked for."""
    read = decoder(headers.get("content-encoding"), MAX_ANSWER)
    if read is None:
        raise UpstreamError(f"The upstream compressed its answer as {headers['content-encoding']!r}, unasked.", code=BAD_ANSWER)
    return read


def plain(read: Decoder, data: bytes, besides: int = 0) -> bytes:
    """A piece of the body without its compression; so many bytes besides were read elsewhere. Raises UpstreamError."""
    try:
        read.passed(besides)
        return read.feed(data)
    except BodyError as error:
        raise UpstreamError(f"The upstream's answer is {error}.", code=BAD_ANSWER) from None


def whole_error(error: GatewayError) -> Sequence[Part]:
    """A whole answer: the error object under the error's status."""
    return [Head(error.status, {**JSON, **error.headers}), Body(error.body(), end=True)]


def error_of(head: Head, body: bytes) -> UpstreamError:
    """The error that a whole answer told, for whoever tells it in another form."""
    error = UpstreamError(**orjson.loads(body)["error"], status=head.status)
    error.headers = _of_errors(head.headers)
    return error


class ErrorAnswer(Answer):
    """The upstream refused, or Envoy did in its name: the body becomes an error object."""

    def __init__(self, status: int, read: Decoder) -> None:
        super().__init__(read)
        self._status = status
        self._body = b""

    def begin(self) -> Sequence[Part]:
        return ()

    async def body(self, data: bytes) -> Sequence[Part]:
        if len(self._body) < MAX_ERROR_BODY:
            self._body += self._plain(data)
        return ()

    async def end(self) -> Sequence[Part]:
        raise self.error()

    def error(self) -> UpstreamError:
        """What the upstream said, as far as it has been read."""
        if self._status < 400:
            return UpstreamError(f"The upstream answered with status {self._status}.", code=BAD_ANSWER)
        return upstream_errors.reshape(self._status, self._body)


class ObjectAnswer(Answer):
    """The caller wants one JSON object."""

    def __init__(self, session: Session, read: Decoder) -> None:
        super().__init__(read)
        self._session = session
        self._decoder = ChunkDecoder()
        session.assembler.start()

    def begin(self) -> Sequence[Part]:
        return ()

    async def body(self, data: bytes) -> Sequence[Part]:
        assembler = self._session.assembler
        for chunk in self._decoder.feed(self._plain(data)):
            assembler.feed(chunk)
        if assembler.error is not None:
            raise assembler.error
        return ()

    async def end(self) -> Sequence[Part]:
        session, assembler = self._session, self._session.assembler
        rest, ending = self._decoder.end()
        for chunk in rest:
            assembler.feed(chunk)
        assembler.end(ending)
        if assembler.error is not None:
            raise assembler.error
        if assembler.usage_estimated:
            session.plan.notices.add("estimated", "usage")
        await session.conclude()
        return [Head(200, {**JSON, **notice(session)}), Body(session.told, end=True)]

    async def fail(self, error: GatewayError) -> Sequence[Part]:
        self._session.refuse(error)
        return whole_error(error)


class _Flow(Enum):
    WITHHELD = "the headers are not out: the answer may still become an error"
    PROMISED = "the headers are out, as the upstream has said that a stream follows"
    FLOWING = "events are going out"
    OVER = "all is said: what still comes is of no use, who carries it takes the end and drops the model call"


class StreamAnswer(Answer):
    """The caller wants events.

    The headers go out with the upstream's where these promise a stream, else with its first chunk. The events begin with the first
    bytes of the upstream's body: Envoy takes no body from us before it has sent some (a "spurious message", it would reset the client).
    """

    def __init__(self, session: Session, read: Decoder, *, promised: bool) -> None:
        super().__init__(read)
        self._session = session
        self._decoder = ChunkDecoder()
        self._lane: Lane | None = None
        self._flow = _Flow.PROMISED if promised else _Flow.WITHHELD

    def begin(self) -> Sequence[Part]:
        return [self._head()] if self._flow is _Flow.PROMISED else ()

    def token(self, data: bytes) -> bytes:
        if self._lane is None:
            return b""
        if event := self._lane.feed(data):
            self._session.exchange.flows(event)
        return event

    async def body(self, data: bytes) -> Sequence[Part]:
        if event := self.token(data):
            return (Body(event, end=False),)
        data = self._plain(data, besides=0 if self._lane is None else self._lane.taken)
        pieces = self._decoder.feed(data)
        opening = self._opening(pieces)
        assembler = self._session.assembler
        if events := b"".join(map(assembler.feed, pieces)):
            self._session.exchange.said(events)
        if self._decoder.done and self._flow is _Flow.FLOWING:
            events += assembler.end(Ending.DONE)
        if assembler.ended:
            events += await self._session.conclude()
        if assembler.error is not None:
            self._flow = _Flow.OVER
        self._lane = self._next_lane(data, pieces)
        return [*opening, Body(events, end=self.over)] if events else opening

    def _next_lane(self, data: bytes, pieces: Sequence[Piece]) -> Lane | None:
        """The way of what follows, if it is like what was just read."""
        said = pieces[0] if len(pieces) == 1 else None
        if not (isinstance(said, Repetition) and isinstance(self._read, Identity) and self._decoder.idle):
            return None
        grow = self._session.assembler.growing(said)
        return None if grow is None else lane(data, said, grow)

    @property
    def over(self) -> bool:
        return self._flow is _Flow.OVER

    async def end(self) -> Sequence[Part]:
        chunks, ending = self._decoder.end()
        opening = self._opening(chunks)
        if self._flow is _Flow.WITHHELD:
            raise UpstreamError("The upstream's answer is empty.", code=BAD_ANSWER)
        assembler = self._session.assembler
        events = b"".join([assembler.feed(chunk) for chunk in chunks]) + assembler.end(ending)
        return [*opening, Body(events + await self._session.conclude(), end=True)]

    async def fail(self, error: GatewayError) -> Sequence[Part]:
        if self._flow is _Flow.WITHHELD:
            return whole_error(error)
        opening = self._opening(())
        upstream = error if isinstance(error, UpstreamError) else UpstreamError(error.message, status=error.status, code=error.code)
        events = self._session.assembler.fail(upstream)
        return [*opening, Body(events + await self._session.conclude(), end=True)]

    def _opening(self, chunks: Sequence[Piece]) -> Sequence[Part]:
        """What comes before the first event. An answer that begins with an error becomes an HTTP error, if it still can."""
        if self._flow is _Flow.FLOWING or (self._flow is _Flow.WITHHELD and not chunks):
            return ()
        head: Sequence[Part] = ()
        if self._flow is _Flow.WITHHELD:
            if not isinstance(chunks[0], Repetition) and (error := upstream_errors.in_chunk(chunks[0])):
                raise error
            head = [self._head()]
        self._flow = _Flow.FLOWING
        opening = self._session.assembler.start()
        self._session.exchange.tells(opening)
        return [*head, Body(opening, end=False)]

    def _head(self) -> Head:
        return Head(200, {**EVENT_STREAM, **notice(self._session)})


def choose(session: Session | None, status: int, headers: Mapping[str, str]) -> Answer:
    """The answer for what the upstream's headers say and what the caller asked for; raises UpstreamError.

    There is no session where Envoy answered before the model was called.
    """
    read = reader(headers)
    if session is None or not 200 <= status < 300:
        return ErrorAnswer(status, read)
    if not session.plan.stream:
        return ObjectAnswer(session, read)
    return StreamAnswer(session, read, promised=headers.get("content-type", "").startswith("text/event-stream"))


def bare(status: int, headers: Mapping[str, str]) -> UpstreamError:
    """The error that an answer without any body is."""
    error = upstream_errors.reshape(status, b"") if status >= 400 else UpstreamError("The upstream's answer is empty.", code=BAD_ANSWER)
    error.headers = _of_errors(headers)
    return error


def _of_errors(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: headers[name] for name in _OF_ERRORS if name in headers}


def notice(session: Session) -> Mapping[str, str]:
    """The headers that name the response, for Envoy's access log, and what was left out or changed, where something was."""
    said = session.plan.notices.header()
    return {ids.HEADER: session.id} if said is None else {ids.HEADER: session.id, "x-gateway-notice": said}
