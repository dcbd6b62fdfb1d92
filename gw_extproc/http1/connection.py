"""One connection to the server, and the exchange that it carries.

An exchange begins with `ask` and ends with `free`, whatever happened between. While it lasts one task waits for more of the answer; it
is told when something has come, when the request's body has been sent, and when the connection is over. A body that comes in pieces is
sent by a task of its own, because the server may answer before it has heard all.

What wins when two things meet: what has been received is given out before a failure is raised, and an answer that is whole is good
whatever became of the request's body.

Silence counts while somebody waits for the server: not while the caller is slow to take the answer (then nothing is read, and the
server has to wait), nor while it is slow to send its request.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import cast

from gw_extproc.http1 import outgoing
from gw_extproc.http1.errors import Broken
from gw_extproc.http1.incoming import Head, Incoming
from gw_extproc.http1.outgoing import Content
from gw_extproc.http1.silence import Silence

_ENOUGH = 256 * 1024
"""Bytes of an answer that wait for their reader before no more are read: what one read takes at most."""

_AT_ONCE = 64 * 1024
"""Bytes of a request that are handed on before the server has to have taken some: what a transport keeps before it asks to wait."""


class Connection(asyncio.Protocol):
    """Told by its transport what comes."""

    def __init__(self, silence: Silence) -> None:
        self._silence = silence
        self._transport: asyncio.Transport
        self.lost = asyncio.get_running_loop().create_future()
        """Done when nothing is left of it."""
        self._answer: Incoming | None = None
        self._failure: BaseException | None = None
        self._body: asyncio.Task[None] | None = None
        """Sends the request's body, where that comes in pieces."""
        self._untaken = 0
        self._told: asyncio.Future[None] | None = None
        """Somebody waits for more of the answer."""
        self._room: asyncio.Future[None] | None = None
        """There while the server takes no more of the request."""

    async def ask(self, method: str, path: str, headers: Mapping[str, str], content: Content) -> Head:
        """Sends a request and gives the head of its answer; raises Broken, Silent, and what the content raises."""
        framed = outgoing.framed(method, headers, content)
        head = outgoing.head(method, path, framed)
        answer = self._answer = Incoming(method)
        if content is None or isinstance(content, bytes):
            self._transport.writelines((head, content[:_AT_ONCE]) if content else (head,))
            if content is not None and (self._room is not None or len(content) > _AT_ONCE):
                self._sending(self._rest(content))
        else:
            self._transport.write(head)
            self._sending(
                self._in_chunks(content) if "transfer-encoding" in framed else self._as_told(content, framed["content-length"])
            )
        while answer.head is None:
            await self._more()
        return answer.head

    async def read(self) -> bytes:
        """What has come of the answer's body since the last time; nothing only at its end. Raises as `ask`."""
        answer = self._answer
        assert answer is not None, "nothing was asked"
        while not (data := answer.take()) and not answer.whole:
            await self._more()
        self._resume()
        return data

    def free(self) -> bool:
        """Ends the exchange; whether the connection may carry another one. It is closed where it may not."""
        answer, self._answer = self._answer, None
        body, self._body = self._body, None
        sent = body is None or (body.done() and not body.cancelled() and body.exception() is None)
        if body is not None:
            body.cancel()
        reusable = answer is not None and answer.whole and answer.reusable and sent
        if answer is not None:
            answer.close()
        if reusable and self._is_idle():
            self._resume()
            return True
        self.close()
        return False

    def is_quiet(self) -> bool:
        """Whether the server has said nothing that is unheard: an end that the event loop does not know of would break what is sent."""
        if self._transport.is_closing():
            return False
        looking = select.poll()
        looking.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not looking.poll(0)

    def close(self) -> None:
        """At once: what is unsent or unread is of no use to anybody. An answer that would end with its connection has not ended."""
        self._fail(Broken("it was closed"))
        self._transport.abort()

    # what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # nobody asked
            return
        try:
            self._answer.feed(data)
        except Broken as broken:
            self._fail(broken)
            self.close()
            return
        self._untaken += len(data)
        if self._untaken >= _ENOUGH:
            self._transport.pause_reading()
        self._tell()

    def eof_received(self) -> None:
        """A server that has said all does not listen either: what it has not taken of the request is not sent any more."""
        self._over()
        self.close()

    def connection_lost(self, fault: Exception | None) -> None:
        if fault is None:
            self._over()
        else:
            self._fail(Broken(str(fault)))
        if self._body is not None:
            self._body.cancel()
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def _is_idle(self) -> bool:
        """Whether it is as good as new: nothing failed, nothing is still to be sent."""
        return self._failure is None and not (self._transport.is_closing() or self._transport.get_write_buffer_size())

    def _resume(self) -> None:
        if self._untaken >= _ENOUGH and not self._transport.is_closing():
            self._transport.resume_reading()
        self._untaken = 0

    def _sending(self, body: Coroutine[None, None, None]) -> None:
        self._body = asyncio.create_task(body)
        self._body.add_done_callback(self._sent)

    def _sent(self, body: asyncio.Task[None]) -> None:
        """From now on the server is waited for. A failure of the body's source is raised there."""
        if not body.cancelled() and (failure := body.exception()) is not None:
            self._fail(failure)
        self._tell()

    async def _rest(self, content: bytes) -> None:
        await self._drained()
        await self._write(content, _AT_ONCE)

    async def _in_chunks(self, content: AsyncIterator[bytes]) -> None:
        async for piece in content:
            if piece:
                await self._write(outgoing.chunk(piece))
        await self._write(outgoing.LAST_CHUNK)

    async def _as_told(self, content: AsyncIterator[bytes], length: str) -> None:
        """A body of another length would be taken for the next request, or never end."""
        left = int(length)
        async for piece in content:
            left -= len(piece)
            if left < 0:
                break
            await self._write(piece)
        if left:
            raise Broken("the body has not the length that was told")

    async def _write(self, data: bytes, start: int = 0) -> None:
        """A server that takes long for all of it has not been silent, as long as it takes some.

        What it has said is heard first: where it has refused the rest and left, to send that would end the connection unheard.
        """
        for begin in range(start, len(data), _AT_ONCE):
            if not self.is_quiet():
                for _ in range(2):  # turns of the loop: asyncio's hears in the next one, after it has come here
                    await asyncio.sleep(0)
            self._transport.write(data[begin : begin + _AT_ONCE])
            await self._drained()

    async def _drained(self) -> None:
        if self._room is not None:
            await self._silence.broken(self._room)

    async def _more(self) -> None:
        """Waits until there is more to know; raises the failure, if that is it."""
        if self._failure is not None:
            raise self._failure
        told = self._told = asyncio.get_running_loop().create_future()
        try:
            if self._body is None or self._body.done():
                await self._silence.broken(told)
            else:
                await told
        finally:
            self._told = None

    def _tell(self) -> None:
        if self._told is not None and not self._told.done():
            self._told.set_result(None)

    def _over(self) -> None:
        """Nothing further comes."""
        if self._answer is not None and self._failure is None:
            try:
                self._answer.end()
            except Broken as broken:
                self._failure = broken
        self._tell()

    def _fail(self, failure: BaseException) -> None:
        if self._failure is None:
            self._failure = failure
        self._tell()
