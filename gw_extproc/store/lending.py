"""The shortest way of a command: a connection at hand, the command packed in C, the reply read.

Theory. `execute_command` of a Redis client runs some 170 functions: it takes a connection from its pool and gives it back, under locks,
and asks for instruments at each step. Here connections are taken from that pool once and stay lent, so that what is left is to write
and to read. How they are made (TLS, credentials, the database, Sentinel's master) stays the pool's matter.
"""

from __future__ import annotations

import math
from typing import Any, cast

import hiredis
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, ReadOnlyError, ResponseError


class Lending:
    """The connections of one pool."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._idle: list[AbstractConnection] = []

    async def call(self, *command: str | bytes | int) -> Any:
        """The server's reply; raises redis' errors. Who gives up waiting cancels it: the connection is closed then."""
        plain = tuple([int(each) if isinstance(each, int) else each for each in command])  # hiredis wants no subclass of int
        packed = hiredis.pack_command(plain)  # type: ignore[arg-type]  # its type speaks of tuples of one
        connection = await self._lend()
        try:
            await connection.send_packed_command(packed, check_health=False)
            reply = await connection.read_response(timeout=math.inf)
        except BaseException as error:
            if isinstance(error, ResponseError) and not isinstance(error, ReadOnlyError):  # said in good order
                self._idle.append(connection)
            else:
                await self._drop(connection)
            raise
        self._idle.append(connection)
        return reply

    async def _lend(self) -> AbstractConnection:
        while self._idle:
            connection = self._idle.pop()
            if await _usable(connection):
                return connection
            await self._drop(connection)
        return cast(AbstractConnection, await self._pool.get_connection())  # type: ignore[no-untyped-call]

    async def _drop(self, connection: AbstractConnection) -> None:
        """And all that are idle: the server may have gone, or be a replica now, and the next attempt shall look for it anew."""
        idle, self._idle = self._idle, []
        for each in (connection, *idle):
            await each.disconnect(nowait=True)
            await self._pool.release(each)


async def _usable(connection: AbstractConnection) -> bool:
    """Whether the server has neither closed it nor said anything unasked."""
    try:
        return connection.is_connected and not await connection.can_read()
    except (ConnectionError, OSError):
        return False
