"""Exchanges with one server, over connections that are kept for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from gw_extproc.http1 import outgoing
from gw_extproc.http1.connection import Connection
from gw_extproc.http1.incoming import Head
from gw_extproc.http1.outgoing import Content
from gw_extproc.http1.reaching import Server, reached
from gw_extproc.http1.silence import Silence

IDLE = 4.0
"""Seconds that a connection waits for another exchange: servers close theirs after five, often."""

MOST_IDLE = 256
"""Connections that wait; any number may be in use."""


@dataclass(frozen=True)
class Answer:
    """The server's answer: its head, and its body as it comes."""

    head: Head
    connection: Connection

    async def read(self) -> bytes:
        """The next bytes of the body, as they are on the wire; none at its end. Raises HttpError."""
        return await self.connection.read()


class Client:
    """For one server. `silence`: seconds that it may be silent while it is waited for; `idle`: how long a connection is kept."""

    def __init__(self, server: Server, silence: float, idle: float = IDLE) -> None:
        self._server = server
        self._silence = Silence(silence)
        self._kept_for = idle
        self._opened: set[Connection] = set()
        self.idle: dict[Connection, asyncio.TimerHandle] = {}
        """Those that wait, the one that was used last at the end, each with the timer that will close it."""

    @asynccontextmanager
    async def exchange(self, method: str, path: str, headers: Mapping[str, str], content: Content = None) -> AsyncIterator[Answer]:
        """Sends a request; nothing is added but what says where its body ends. Leaving the block drops what is unread.

        Raises HttpError, and what the content raises. A request is sent once: only connecting is tried again.
        """
        connection = self._fresh() or await self._another()
        try:
            head = await connection.ask(method, outgoing.target(path), headers, content)
            yield Answer(head, connection)
        finally:
            if connection.free():
                self._keep(connection)

    async def close(self) -> None:
        """Closes all connections, whatever they are in the middle of."""
        self._silence.close()
        for timer in self.idle.values():
            timer.cancel()
        self.idle.clear()
        lost = [connection.lost for connection in self._opened]
        for connection in list(self._opened):
            connection.close()
        if lost:
            await asyncio.wait(lost)

    async def _another(self) -> Connection:
        """It is ours from now on, not from when it was made: uvloop says nothing of the end of one whose maker was cancelled."""
        connection = await reached(self._server, partial(Connection, self._silence))
        self._opened.add(connection)
        connection.lost.add_done_callback(lambda _: self._opened.discard(connection))
        return connection

    def _fresh(self) -> Connection | None:
        while self.idle:
            connection, timer = self.idle.popitem()
            timer.cancel()
            if connection.is_quiet():
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if len(self.idle) >= MOST_IDLE:
            connection.close()
        else:
            self.idle[connection] = asyncio.get_running_loop().call_later(self._kept_for, self._expire, connection)

    def _expire(self, connection: Connection) -> None:
        del self.idle[connection]
        connection.close()
