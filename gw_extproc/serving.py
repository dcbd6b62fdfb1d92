"""uvicorn in a loop that it shares with others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn


class Server(uvicorn.Server):
    """Says when it accepts connections, and leaves signals to the worker."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def begin(self, sockets: Sequence[socket.socket]) -> asyncio.Task[None]:
        """Serves in the task that this gives, from now on; raises what keeps it from that."""
        serving = asyncio.create_task(self.serve(list(sockets)))
        started = asyncio.create_task(self.accepting.wait())
        await asyncio.wait((serving, started), return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if serving.done():
            serving.result()
        return serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def unix_socket(path: str) -> socket.socket:
    """Listens where only this user can connect."""
    Path(path).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(path)
    finally:
        os.umask(before)
    return listening
