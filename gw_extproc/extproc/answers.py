"""The upstream's answer on its way back: each class is one way to turn it into what the caller asked for.

An answer is told the upstream's headers when it is made, then the body in pieces, then the end. It withholds the response headers
until it knows what they are: at once for an event stream, at the end for a JSON object or an error. `body` and `end` may raise
GatewayError or BodyError; `fail` then ends the answer in the form that what was already sent allows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum

from gw_extproc.core import upstream_errors
from gw_extproc.core.errors import GatewayError, UpstreamError
from gw_extproc.core.sse import BAD_ANSWER, Chunk, ChunkDecoder, Ending
from gw_extproc.extproc import messages
from gw_extproc.extproc.encoding import Decoder, decoder
from gw_extproc.extproc.messages import Reply
from gw_extproc.session import Session

MAX_ERROR_BODY = 1024 * 1024
"""Bytes of an upstream's error that are read; what it says stands at the beginning."""

_EVENT_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}
_REPLACED: Mapping[str, None] = dict.fromkeys(messages.DESCRIBING)

MAX_ANSWER = 256 * 1024 * 1024
"""Bytes of one answer, which is kept until its end for the final object: far beyond what models write, images among it."""


class Answer(ABC):
    """Turns Envoy's response messages into replies."""

    @abstractmethod
    def begin(self) -> Sequence[Reply]:
        """What can be sent as soon as the upstream's headers are there."""

    @abstractmethod
    def body(self, data: bytes) -> Sequence[Reply]:
        """What a piece of the body says."""

    @abstractmethod
    def end(self) -> Sequence[Reply]:
        """Everything that is left, with the end of the body."""

    @property
    def over(self) -> bool:
        """Whether the end was said before the upstream's body ended."""
        return False

    def fail(self, error: GatewayError) -> Sequence[Reply]:
        """Ends the answer with an error: as a whole, unless something was already sent."""
        return error_replies(error)


def error_replies(error: GatewayError) -> Sequence[Reply]:
    """A whole answer: the error object under the error's status, in place of the upstream's body."""
    changes = {":status": str(error.status), "content-type": "application/json", **_REPLACED, **error.headers}
    return [messages.response_headers(changes), *messages.response_bodies(error.body(), end=True)]


class ErrorAnswer(Answer):
    """The upstream refused, or Envoy did in its name: the body becomes an error object."""

    def __init__(self, status: int, read: Decoder) -> None:
        self._status = status
        self._read = read
        self._body = b""

    def begin(self) -> Sequence[Reply]:
        return ()

    def body(self, data: bytes) -> Sequence[Reply]:
        if len(self._body) < MAX_ERROR_BODY:
            self._body += self._read.feed(data)
        return ()

    def end(self) -> Sequence[Reply]:
        if self._status < 400:
            raise UpstreamError(f"The upstream answered with status {self._status}.", code=BAD_ANSWER)
        raise upstream_errors.reshape(self._status, self._body)


class ObjectAnswer(Answer):
    """The caller wants one JSON object."""

    def __init__(self, session: Session, read: Decoder) -> None:
        self._session = session
        self._read = read
        self._decoder = ChunkDecoder()
        session.assembler.start()

    def begin(self) -> Sequence[Reply]:
        return ()

    def body(self, data: bytes) -> Sequence[Reply]:
        assembler = self._session.assembler
        for chunk in self._decoder.feed(self._read.feed(data)):
            assembler.feed(chunk)
        if assembler.error is not None:
            raise assembler.error
        return ()

    def end(self) -> Sequence[Reply]:
        assembler = self._session.assembler
        rest, ending = self._decoder.end()
        for chunk in rest:
            assembler.feed(chunk)
        assembler.end(ending)
        if assembler.error is not None:
            raise assembler.error
        if assembler.usage_estimated:
            self._session.plan.notices.add("estimated", "usage")
        changes = {":status": "200", "content-type": "application/json", **_REPLACED, **_notice(self._session)}
        return [messages.response_headers(changes), *messages.response_bodies(assembler.response, end=True)]


class _Flow(Enum):
    WITHHELD = "the headers are not out: the answer may still become an error"
    PROMISED = "the headers are out, as the upstream has said that a stream follows"
    FLOWING = "events are going out"
    OVER = "all is said: what still comes is of no use, Envoy takes the end and drops the model call"


class StreamAnswer(Answer):
    """The caller wants events.

    The headers go out with the upstream's where these promise a stream, else with its first chunk. The events begin with the first
    bytes of the upstream's body: Envoy takes no body from us before it has sent some (a "spurious message", it would reset the client).
    """

    def __init__(self, session: Session, read: Decoder, *, promised: bool) -> None:
        self._session = session
        self._read = read
        self._decoder = ChunkDecoder()
        self._flow = _Flow.PROMISED if promised else _Flow.WITHHELD

    def begin(self) -> Sequence[Reply]:
        return [self._headers()] if self._flow is _Flow.PROMISED else ()

    def body(self, data: bytes) -> Sequence[Reply]:
        chunks = self._decoder.feed(self._read.feed(data))
        opening = self._opening(chunks)
        assembler = self._session.assembler
        events = b"".join([assembler.feed(chunk) for chunk in chunks])
        if self._decoder.done and self._flow is _Flow.FLOWING:
            events += assembler.end(Ending.DONE)
        if assembler.error is not None:
            self._flow = _Flow.OVER
        return [*opening, *messages.response_bodies(events, end=self.over)] if events else opening

    @property
    def over(self) -> bool:
        return self._flow is _Flow.OVER

    def end(self) -> Sequence[Reply]:
        chunks, ending = self._decoder.end()
        opening = self._opening(chunks)
        if self._flow is _Flow.WITHHELD:
            raise UpstreamError("The upstream's answer is empty.", code=BAD_ANSWER)
        assembler = self._session.assembler
        events = b"".join([assembler.feed(chunk) for chunk in chunks]) + assembler.end(ending)
        return [*opening, *messages.response_bodies(events, end=True)]

    def fail(self, error: GatewayError) -> Sequence[Reply]:
        if self._flow is _Flow.WITHHELD:
            return error_replies(error)
        opening = self._opening(())
        upstream = error if isinstance(error, UpstreamError) else UpstreamError(error.message, status=error.status, code=error.code)
        return [*opening, *messages.response_bodies(self._session.assembler.fail(upstream), end=True)]

    def _opening(self, chunks: Sequence[Chunk]) -> Sequence[Reply]:
        """What comes before the first event. An answer that begins with an error becomes an HTTP error, if it still can."""
        if self._flow is _Flow.FLOWING or (self._flow is _Flow.WITHHELD and not chunks):
            return ()
        headers: Sequence[Reply] = ()
        if self._flow is _Flow.WITHHELD:
            if error := upstream_errors.in_chunk(chunks[0]):
                raise error
            headers = [self._headers()]
        self._flow = _Flow.FLOWING
        return [*headers, messages.response_body(self._session.assembler.start(), end=False)]

    def _headers(self) -> Reply:
        return messages.response_headers({":status": "200", **_EVENT_STREAM, **_REPLACED, **_notice(self._session)})


def choose(session: Session | None, headers: Mapping[str, str]) -> Answer:
    """The answer for what the upstream's headers say and what the caller asked for; raises UpstreamError.

    There is no session where Envoy answered before the model was called.
    """
    status = int(headers.get(":status", "0"))
    read = decoder(headers.get("content-encoding"), MAX_ANSWER)
    if read is None:
        raise UpstreamError(f"The upstream compressed its answer as {headers['content-encoding']!r}, unasked.", code=BAD_ANSWER)
    if session is None or not 200 <= status < 300:
        return ErrorAnswer(status, read)
    if not session.plan.stream:
        return ObjectAnswer(session, read)
    return StreamAnswer(session, read, promised=headers.get("content-type", "").startswith("text/event-stream"))


def bare(headers: Mapping[str, str]) -> UpstreamError:
    """The error that an answer without any body is."""
    status = int(headers.get(":status", "0"))
    error = upstream_errors.reshape(status, b"") if status >= 400 else UpstreamError("The upstream's answer is empty.", code=BAD_ANSWER)
    error.headers = {name: headers[name] for name in ("retry-after", "www-authenticate") if name in headers}
    return error


def _notice(session: Session) -> Mapping[str, str]:
    notice = session.plan.notices.header()
    return {} if notice is None else {"x-gateway-notice": notice}
