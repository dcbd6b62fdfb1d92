"""The two directions of ASGI over one ext_proc stream: what the application receives, and what it sends.

Theory. Envoy takes a streamed answer only when the request's body is whole: Envoy 1.40 sends the request to the upstream too where it
begins before, and what comes back breaks the answer. An answer that is known as a whole is legal at any time. So what is left of the
body is discarded when the answer begins; where that is too much, only a whole answer can be given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from enum import Enum
from itertools import chain
from typing import TypeVar

import grpc
from starlette.types import Message

from gw_extproc.core.errors import BodyTooLarge, GatewayError
from gw_extproc.extproc import messages
from gw_extproc.extproc.messages import MAX_BODY_MESSAGE, Pairs, Reply, Request
from gw_extproc.extproc.wire import Wire

MAX_DISCARDED = 32 * 1024 * 1024
"""Bytes of a body that are read for an application that answers without them: a client that reads no answer before it has sent all
shall get one. With more than this Envoy resets it, maybe before it has read the answer."""

DISCARDING = 10.0
"""Seconds that this may take."""

_CONNECTION = frozenset((b"connection", b"host", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
"""Headers of an answer that are Envoy's business: for one that its mutation rules protect it refuses the whole answer."""

_DISCONNECT: Message = {"type": "http.disconnect"}


_T = TypeVar("_T")


class Line:
    """The wire, on which a client that leaves is an event and no cancellation: afterwards what is written is lost."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.gone = asyncio.Event()
        self.written = asyncio.Event()
        """Set while no reply is on its way: before that gRPC takes no end of the stream."""
        self.written.set()
        self._writing: asyncio.Future[None] | None = None

    async def read(self) -> Request | None:
        """The next part of the request, or None where none follows: the client has left, or Envoy has answered in our place."""
        message = await self._result(self._wire.read())
        if isinstance(message, Request) and message.WhichOneof("request") in ("request_body", "request_trailers"):
            return message
        self.gone.set()
        return None

    async def write(self, reply: Reply) -> None:
        if self.gone.is_set():
            return
        self.written.clear()
        self._writing = asyncio.ensure_future(self._write(reply))  # gRPC ends what it has begun, also where the writer is cancelled
        await asyncio.shield(self._writing)

    async def _write(self, reply: Reply) -> None:
        try:
            await self._result(self._wire.write(reply))
        finally:
            self.written.set()

    async def _result(self, call: Awaitable[_T]) -> _T | None:
        """What the call gives, or None where the stream is over: gRPC cancels then, or raises in a task not the stream's own."""
        try:
            return await call
        except grpc.aio.BaseError:
            pass
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        self.gone.set()
        return None


class _Body(Enum):
    ARRIVING = "it comes in pieces"
    HELD = "it is here, and the application has not asked for it"
    READ = "the application has it, or will not get it"


class Incoming:
    """What the application receives: the body as it pulls it, one message of Envoy's each time, then that the client has left."""

    def __init__(self, line: Line, whole: bytes | None) -> None:
        self._line = line
        self._whole = whole or b""
        self._body = _Body.ARRIVING if whole is None else _Body.HELD
        self._turn = asyncio.Lock()
        self._reading: asyncio.Task[Request | None] | None = None
        self._patience = MAX_DISCARDED
        """Bytes that may still be discarded."""
        if self._body is _Body.HELD:
            self._watch()

    async def receive(self) -> Message:
        async with self._turn:
            if self._body is _Body.ARRIVING and not self._line.gone.is_set():
                return await self._next()
            if self._body is _Body.HELD:
                self._body = _Body.READ
                return {"type": "http.request", "body": self._whole, "more_body": False}
        await self._line.gone.wait()
        return _DISCONNECT

    async def discard(self) -> bool:
        """Reads what the application has not asked for; returns whether the body is whole then."""
        try:
            async with asyncio.timeout(DISCARDING), self._turn:
                while self._patience > 0 and self._body is _Body.ARRIVING and not self._line.gone.is_set():
                    self._patience -= len((await self._next()).get("body", b""))
        except TimeoutError:
            self._patience = 0  # who sends that slowly can read the answer meanwhile
        return self._body is not _Body.ARRIVING

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def _next(self) -> Message:
        """Reads in a task of its own: an application that gives up waiting, and asks again, loses nothing."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._line.read())
        message = await asyncio.shield(self._reading)
        self._reading = None
        if message is None:
            return _DISCONNECT
        piece = message.request_body  # empty where trailers end the body
        end = piece.end_of_stream or message.HasField("request_trailers")
        if end:
            self._body = _Body.READ
            self._watch()
        return {"type": "http.request", "body": piece.body, "more_body": not end}

    def _watch(self) -> None:
        """Nothing follows the body but the end of the stream."""
        self._reading = asyncio.create_task(self._line.read())


class Flow(Enum):
    SILENT = "the application has said nothing"
    BEGUN = "status and headers are withheld: the answer may be known as a whole with the first piece of its body"
    FLOWING = "the headers are out"
    OVER = "all is said"


class Outgoing:
    """What the application sends."""

    def __init__(self, line: Line, incoming: Incoming, method: str) -> None:
        self._line = line
        self._incoming = incoming
        self._method = method
        self.flow = Flow.SILENT
        self.status = 0
        self._headers: Pairs = ()
        self._left: int | None = None
        """Bytes that content-length announces and that are still to come."""

    async def send(self, message: Message) -> None:
        if self._line.gone.is_set():
            await asyncio.sleep(0)  # so that an application that only sends does not keep the loop
            return
        match self.flow, message["type"]:
            case Flow.SILENT, "http.response.start":
                self._begin(message)
            case Flow.BEGUN, "http.response.body":
                await self._first(*self._piece(message))
            case Flow.FLOWING, "http.response.body":
                await self._next(*self._piece(message))
            case _:
                raise RuntimeError(f"the application sent {message['type']} when {self.flow.value}")

    async def fail(self, error: GatewayError) -> None:
        """The error as a whole answer: only while nothing is out."""
        assert self.flow in (Flow.SILENT, Flow.BEGUN), self.flow
        self.flow, self.status = Flow.OVER, error.status
        await self._incoming.discard()
        await self._line.write(messages.immediate(error.status, error.body(), error.headers))

    def _begin(self, message: Message) -> None:
        headers = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
        self._headers = [pair for pair in headers if pair[0] not in _CONNECTION and not pair[0].startswith(b"x-envoy-")]
        self.status = message["status"]
        length = dict(headers).get(b"content-length")
        self._left = None if length is None or self._bodiless else int(length)
        self.flow = Flow.BEGUN

    @property
    def _bodiless(self) -> bool:
        return self._method == "HEAD" or self.status in (204, 304)

    def _piece(self, message: Message) -> tuple[bytes, bool]:
        """The bytes and whether more follow; raises RuntimeError where they are more or fewer than announced: a client that trusts
        content-length would wait for the rest, or take it for the next answer."""
        data, more = message.get("body", b""), message.get("more_body", False)
        if self._bodiless:
            return b"", more
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the application's body is not as long as its content-length")
        return data, more

    async def _first(self, data: bytes, more: bool) -> None:
        if self._bodiless and more:
            return
        reads_all = await self._incoming.discard()
        typed = any(name == b"content-type" for name, _ in self._headers)
        if not more and len(data) <= MAX_BODY_MESSAGE and (not reads_all or (data and typed)):
            replies: Iterable[Reply] = [messages.whole_answer(self.status, self._headers, data)]
        elif not reads_all:
            raise BodyTooLarge("The answer would begin before the request's body ends, which is too long to wait for.")
        else:
            empty = not data and not more
            headers = messages.answer_headers(self.status, self._headers, end=empty)
            replies = [headers] if empty else chain((headers,), messages.answer_bodies(data, end=not more))
        self.flow = Flow.FLOWING if more else Flow.OVER
        for reply in replies:
            await self._line.write(reply)

    async def _next(self, data: bytes, more: bool) -> None:
        if not more:
            self.flow = Flow.OVER
        if data or not more:
            for reply in messages.answer_bodies(data, end=not more):
                await self._line.write(reply)
