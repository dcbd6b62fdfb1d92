"""A few connections to a server, each with many commands under way: written as they come, answered in that order.

Theory. `execute_command` of a Redis client runs some 170 functions, and a connection that serves one command at a time costs a wake-up
for each reply. Here a connection is opened by redis-py (TLS, credentials, the database, Sentinel's master are its matter); from then
on its bytes go to hiredis, and each reply to who has waited there longest. Who gives up waiting keeps his place in the row, so that
his reply is nobody's. A connection that ends fails all who wait there. One that is silent for too long is for `doubt` to find: only
who waits knows how long is too long.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection, DefaultParser
from redis.exceptions import ConnectionError, InvalidResponse, ReadOnlyError

MOST = 2
"""Connections. A server does one thing at a time, but a history of many megabytes is under way for a while: who comes meanwhile goes
around it."""

_MORE = object()


class Pipelines:
    """The connections that one pool makes."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._open: list[_Pipeline] = []
        self._lost: list[AbstractConnection] = []
        """Redis-py's sides of those that have ended: only what may wait can close them."""
        self._opening = asyncio.Lock()

    async def call(self, *command: str | bytes | int) -> Any:
        """The server's reply; raises redis' errors."""
        plain = tuple([int(each) if isinstance(each, int) else each for each in command])  # hiredis wants no subclass of int
        packed = hiredis.pack_command(plain)  # type: ignore[arg-type]  # its type speaks of tuples of one
        pipeline = self._free() or await self._opened()
        if not pipeline.flowing.is_set():
            await pipeline.flowing.wait()
        try:
            return await pipeline.send(packed)
        except ReadOnlyError:  # it is a replica now: the next attempt looks for the master
            self._give_up()
            raise

    def doubt(self, seconds: float) -> None:
        """A call was not answered in time. Where a connection has owed a reply in silence for so long, none is used any more."""
        now = asyncio.get_running_loop().time()
        if any(each.waiting and now - each.heard >= seconds for each in self._open):
            self._give_up()

    async def close(self) -> None:
        self._give_up()
        await self._bury()

    def _free(self) -> _Pipeline | None:
        """One without a command under way, or the one with the fewest; None where there shall be another."""
        for each in self._open:
            if not each.waiting:
                return each
        return min(self._open, key=_Pipeline.load) if len(self._open) >= MOST else None

    async def _opened(self) -> _Pipeline:
        async with self._opening:
            if (free := self._free()) is not None:  # opened by who was here before
                return free
            await self._bury()
            connection = cast(AbstractConnection, self._pool.make_connection())  # type: ignore[no-untyped-call]
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                pipeline = _Pipeline(connection, self._ended)
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            self._open.append(pipeline)
            return pipeline

    def _ended(self, pipeline: _Pipeline) -> None:
        if pipeline in self._open:
            self._open.remove(pipeline)
            self._lost.append(pipeline.connection)

    def _give_up(self) -> None:
        """All of them, whatever is under way there."""
        for each in self._open:
            each.abort()
            self._lost.append(each.connection)
        self._open = []

    async def _bury(self) -> None:
        while self._lost:
            await self._lost.pop().disconnect(nowait=True)


class _Pipeline(asyncio.Protocol):
    """One connection."""

    def __init__(self, connection: AbstractConnection, ended: Callable[[_Pipeline], None]) -> None:
        """Takes the connection's bytes over; raises ConnectionError where it has ended already."""
        self.connection = connection
        self.waiting: deque[asyncio.Future[Any]] = deque()
        self.heard = 0.0
        """When bytes came last, or the oldest command was written where none have come since; by the event loop's clock."""
        self.flowing = asyncio.Event()
        """Whether what is written leaves."""
        self.flowing.set()
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=DefaultParser.parse_error, notEnoughData=_MORE)
        writer = cast(Any, connection)._writer  # redis-py has no other word for it
        self._transport: asyncio.Transport = writer.transport
        self._check_open()
        self._transport.set_protocol(self)

    def load(self) -> int:
        return len(self.waiting)

    def send(self, command: bytes) -> asyncio.Future[Any]:
        """Its reply; raises ConnectionError."""
        self._check_open()
        if not self.waiting:
            self.heard = self._loop.time()
        reply: asyncio.Future[Any] = self._loop.create_future()
        self.waiting.append(reply)
        self._transport.write(command)
        return reply

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self.heard = self._loop.time()
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _MORE:
                waiting = self.waiting.popleft()
                if waiting.done():  # given up
                    continue
                if isinstance(reply, Exception):
                    waiting.set_exception(reply)
                else:
                    waiting.set_result(reply)
        except (InvalidResponse, IndexError):  # no Redis, or what nobody asked for
            self._transport.abort()

    def pause_writing(self) -> None:
        self.flowing.clear()

    def resume_writing(self) -> None:
        self.flowing.set()

    def connection_lost(self, _: Exception | None) -> None:
        self._ended(self)
        self.flowing.set()
        while self.waiting:
            if not (waiting := self.waiting.popleft()).done():
                waiting.set_exception(_closed())

    def _check_open(self) -> None:
        if self._transport.is_closing():
            raise _closed()


def _closed() -> ConnectionError:
    return ConnectionError("the connection was closed")
