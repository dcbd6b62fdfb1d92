"""A scripted Chat Completions server on raw sockets: a test decides each byte, each pause and how the connection ends.

It runs in a thread with a loop of its own. The `model` of a request (its path where there is none) picks the script, so one gateway
serves many tests at once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from queue import Queue

from tests.connections import answered
from tests.waiting import DEADLINE


class Gate:
    """A place in a script where the server waits until the test opens the gate; `reached` tells the test that it waits."""

    def __init__(self) -> None:
        self._opened: Future[None] = Future()
        self.reached = threading.Event()

    def open(self) -> None:
        self._opened.set_result(None)

    @property
    def opened(self) -> bool:
        return self._opened.done()

    async def passed(self) -> None:
        self.reached.set()
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._opened)), 2 * DEADLINE)

    def await_reached(self) -> None:
        assert self.reached.wait(DEADLINE), "the upstream never came to the gate"


@dataclass(frozen=True)
class Head:
    """Status line and headers; without a content-length the body is sent in chunks."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def chunked(self) -> bool:
        return "content-length" not in self.headers

    def encoded(self) -> bytes:
        headers = dict(self.headers) | ({"transfer-encoding": "chunked"} if self.chunked else {})
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(frozen=True)
class Trailers:
    """Headers after a chunked body, which they end."""

    headers: Mapping[str, str]


class Stop(Enum):
    """How a connection ends before its answer does."""

    RESET = auto()
    CLOSE = auto()


Step = Head | bytes | Gate | Trailers | Stop
"""Bytes are a piece of the body, one write and one chunk each."""


@dataclass
class Received:
    """A request as it came, and what became of the connection."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when the other side has closed before the answer was complete."""

    @property
    def chat(self) -> dict[str, object]:
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def key(self) -> str:
        """What picks the script."""
        with suppress(ValueError, AssertionError):
            return str(self.chat.get("model", self.path))
        return self.path.partition("?")[0]

    def await_gone(self) -> None:
        assert self.gone.wait(DEADLINE), "the upstream's connection was not closed"


class Upstream:
    """The server. `script` says what the requests of a model get, in turn and the last one for ever."""

    def __init__(self) -> None:
        self._scripts: dict[str, Iterator[Sequence[Step]]] = {}
        self._received: defaultdict[str, Queue[Received]] = defaultdict(Queue)
        self._names = itertools.count(1)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def script(self, *answers: Sequence[Step], key: str | None = None) -> str:
        """Registers the answers and returns the model that gets them."""
        key = key or f"scripted-{next(self._names)}"
        self._scripts[key] = itertools.chain(answers, itertools.repeat(answers[-1]))
        return key

    def received(self, key: str) -> Received:
        """The next request for that key, as soon as it is there."""
        return self._received[key].get(timeout=DEADLINE)

    def count(self, key: str) -> int:
        """Requests for that key that nobody asked for yet."""
        return self._received[key].qsize()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first = await reader.read(1)
        while first:
            first = await self._exchange(first, reader, writer)

    async def _exchange(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Serves one request; returns the first byte of the next, or nothing where the connection is over."""
        request = await _read(first, reader, writer)
        self._received[request.key].put(request)
        playing = asyncio.create_task(_play(next(self._scripts[request.key]), writer))
        following = asyncio.create_task(_first_byte(reader))
        try:
            await asyncio.wait((playing, following), return_when=asyncio.FIRST_COMPLETED)
            if playing.done() and playing.exception() is None:
                return await following if playing.result() else b""
            request.gone.set()
            return b""
        finally:
            for task in (playing, following):
                task.cancel()
            await asyncio.gather(playing, following, return_exceptions=True)


async def _first_byte(reader: asyncio.StreamReader) -> bytes:
    with suppress(OSError):
        return await reader.read(1)
    return b""


async def _read(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Received:
    head = first + await reader.readuntil(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = start.split(" ")
    pairs = (line.partition(": ") for line in lines)
    request = Received(method, path, {name.lower(): value for name, _, value in pairs})
    if request.headers.get("expect") == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "content-length" in request.headers:
        request.body = await reader.readexactly(int(request.headers["content-length"]))
    elif request.headers.get("transfer-encoding") == "chunked":
        request.body = b"".join([chunk async for chunk in _Chunks(reader)])
    return request


class _Chunks:
    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> bytes:
        size = int(await self._reader.readline(), 16)
        chunk = (await self._reader.readexactly(size + 2))[:-2]
        if not chunk:
            raise StopAsyncIteration
        return chunk


async def _play(steps: Sequence[Step], writer: asyncio.StreamWriter) -> bool:
    """Returns whether the connection may serve another request; raises OSError where the other side has closed it."""
    chunked = False
    for step in steps:
        match step:
            case Head():
                chunked = step.chunked
                writer.write(step.encoded())
            case bytes():
                writer.write(b"%x\r\n%b\r\n" % (len(step), step) if chunked else step)
            case Gate():
                await step.passed()
            case Trailers():
                writer.write(b"0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in step.headers.items()).encode() + b"\r\n")
                return True
            case Stop.RESET:
                _lingerless(writer)
                writer.transport.abort()
                return False
            case Stop.CLOSE:
                return False
        await writer.drain()
        await asyncio.sleep(0)  # each step leaves before the next
    if chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _lingerless(writer: asyncio.StreamWriter) -> None:
    """Makes the close a reset."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def running() -> Iterator[Upstream]:
    """An upstream at a port of its own."""
    upstream = Upstream()
    with answered(upstream.answer, socket.create_server(("127.0.0.1", 0), backlog=512)) as upstream.port:
        yield upstream
