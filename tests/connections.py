"""A server of the tests' own: when it is over, so is every connection, whatever it was in the middle of.

What asyncio's own server leaves open when its loop is closed, the garbage collector finds later, in the middle of a test that has
nothing to do with it: what it was accepting when it was closed, shaking hands with, or about to give to a task that was cancelled
before its first step. So here each connection belongs to one task, from when it is accepted.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from tests.waiting import DEADLINE

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

_LARGEST_LINE = 1024 * 1024


@asynccontextmanager
async def answering(answer: Answer, listening: socket.socket | None = None, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answers each connection by this, at any free port unless a socket is given; yields the port."""
    loop, connections = asyncio.get_running_loop(), _Connections(answer, tls)
    with listening or socket.create_server(("127.0.0.1", 0)) as accepting:
        accepting.setblocking(False)
        loop.add_reader(accepting, connections.accept, accepting)
        try:
            yield int(accepting.getsockname()[1])
        finally:
            loop.remove_reader(accepting)
            await connections.end()


@contextmanager
def answered(answer: Answer, listening: socket.socket | None = None, *, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The same in a thread with a loop of its own, for tests that block."""
    ready: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        stop = asyncio.Event()
        async with answering(answer, listening, tls=tls) as port:
            ready.set_result((port, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    port, loop, stop = ready.result(DEADLINE)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(DEADLINE)


class _Connections:
    """Those that are open, each with its task."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None) -> None:
        self._answer = answer
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, accepting: socket.socket) -> None:
        try:
            connection, _ = accepting.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # whoever it was has left
        connection.setblocking(False)
        task = asyncio.create_task(self._serve(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: connection.close())

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader(_LARGEST_LINE)
        protocol = asyncio.StreamReaderProtocol(reader)
        with suppress(OSError, EOFError):  # the other side's right
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, connection, ssl=self._tls)
            writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
            try:
                await self._answer(reader, writer)
                writer.close()
                await writer.wait_closed()
            finally:
                transport.abort()
