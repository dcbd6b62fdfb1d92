"""A server on raw sockets that says what a test hands it, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from gw_extproc.http1.client import Client
from gw_extproc.http1.reaching import Server
from tests.connections import Answer, answering

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

Said = bytes | asyncio.Event
"""An event is waited for."""


class Wire:
    """Answers each request by the next script, the last one for ever; a script that does not say `stays` ends its connection."""

    def __init__(self, *scripts: Sequence[Said], stays: bool = True) -> None:
        self._scripts = list(scripts)
        self._stays = stays
        self.requests: list[bytes] = []
        self.connections = 0
        self.ended = asyncio.Event()
        """Set when the other side has ended a connection."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append(await _request(reader))
                for said in self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]:
                    if isinstance(said, asyncio.Event):
                        leaves, goes_on = asyncio.create_task(reader.read(1)), asyncio.create_task(said.wait())
                        await asyncio.wait({leaves, goes_on}, return_when=asyncio.FIRST_COMPLETED)
                        goes_on.cancel()
                        if leaves.done():
                            return
                        leaves.cancel()
                        await asyncio.gather(leaves, return_exceptions=True)
                    else:
                        writer.write(said)
                        await writer.drain()
                if not self._stays:
                    return
        finally:
            self.ended.set()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """One request, as it is on the wire."""
    head = await reader.readuntil(b"\r\n\r\n")
    if length := re.search(rb"(?i)\r\ncontent-length: (\d+)", head):
        return head + await reader.readexactly(int(length[1]))
    body = b""
    if b"transfer-encoding: chunked" in head:
        while not body.endswith(b"0\r\n\r\n"):
            body += await reader.readuntil(b"\r\n")
    return head + body


@asynccontextmanager
async def client(answer: Answer, silence: float = 60.0, idle: float = 60.0, tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    async with answering(answer, tls=tls) as port:
        client = Client(Server("127.0.0.1", port), silence, idle)
        try:
            yield client
        finally:
            await client.close()


async def asked(client: Client, method: str = "POST", content: bytes | AsyncIterator[bytes] | None = b"hi") -> tuple[int, bytes]:
    """Status and body."""
    body = b""
    async with client.exchange(method, "/v1", {"host": "h"}, content) as answer:
        while piece := await answer.read():
            body += piece
    return answer.head.status, body
