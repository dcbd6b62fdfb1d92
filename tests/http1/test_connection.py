"""What a connection gives its transport, which here takes all and says each time that it is enough."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from gw_extproc.http1.connection import Connection
from gw_extproc.http1.outgoing import Content
from gw_extproc.http1.silence import Silence

LARGE = b"x" * 1_000_000


class Narrow(asyncio.Transport):
    def __init__(self, connection: Connection, quiet: socket.socket) -> None:
        super().__init__({"socket": quiet})
        self._connection = connection
        self.taken = b""
        connection.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.taken += data
        self._connection.pause_writing()

    def writelines(self, pieces: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(pieces))

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self._connection.connection_lost(None)


async def pieces() -> AsyncIterator[bytes]:
    yield LARGE


@pytest.mark.parametrize("content", [lambda: LARGE, pieces], ids=["bytes", "pieces"])
async def test_a_server_has_to_take_only_so_much_before_it_has_not_been_silent(content: Callable[[], Content]) -> None:
    connection = Connection(Silence(60.0))
    quiet, other = socket.socketpair()
    transport = Narrow(connection, quiet)
    asking = asyncio.create_task(connection.ask("POST", "/", {}, content()))
    before = -1
    while len(transport.taken) > before:
        before = len(transport.taken)
        connection.resume_writing()
        for _ in range(5):  # turns of the loop until it has said more, if it has more to say
            await asyncio.sleep(0)
        assert len(transport.taken) - before < 70_000
    assert transport.taken.count(b"x") == len(LARGE)
    connection.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await asking).status == 204
    connection.close()
    quiet.close()
    other.close()
