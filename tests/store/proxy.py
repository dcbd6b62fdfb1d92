"""A wire to a server that a test can hold up and cut."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.connections import answering


class Proxy:
    """`sent` is all that clients sent; while `flows` is not set, nothing comes back.

    Connections keep the `flows` that there was when they came.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.sent = b""
        self.flows = asyncio.Event()
        self.flows.set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        back = asyncio.create_task(self._back(server_reader, writer))
        try:
            while data := await reader.read(65536):
                self.sent += data
                server_writer.write(data)
        finally:
            back.cancel()
            server_writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flows = self.flows
        while data := await reader.read(65536):
            await flows.wait()
            writer.write(data)


@asynccontextmanager
async def proxy(target: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """A proxy in front of this port, which may speak TLS to clients: the wheel's server cannot."""
    wire = Proxy(target)
    async with answering(wire.serve, tls=tls) as wire.port:
        yield wire
