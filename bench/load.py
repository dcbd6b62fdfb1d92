"""A client that costs little: requests made beforehand, answers only looked at for their end or counted by events."""

from __future__ import annotations

import asyncio

import orjson

from bench.upstream import INTERVAL, is_whole


def request(*, stream: bool) -> bytes:
    body = orjson.dumps({"model": "fake", "input": "Tell me a proverb about gold.", "temperature": 0.5, "stream": stream})
    head = f"POST /v1/responses HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Calls(asyncio.Protocol):
    """A connection that asks again as soon as it was answered, until it is told to stop."""

    def __init__(self) -> None:
        self.answered = 0
        self._request = request(stream=False)
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if is_whole(self._received):
            assert self._received.startswith(b"HTTP/1.1 200"), self._received
            self.answered += 1
            self._received = b""
            self.transport.write(self._request)


class Stream(asyncio.Protocol):
    """A connection that asks for one stream and counts its events."""

    def __init__(self) -> None:
        self.events = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(request(stream=True))

    def data_received(self, data: bytes) -> None:
        self.events += data.count(b"data: ")
        if data.endswith(b"0\r\n\r\n"):  # it may come alone
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the stream broke off"))


async def requests_per_second(port: int, connections: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    calls = [(await loop.create_connection(Calls, "127.0.0.1", port))[1] for _ in range(connections)]
    await asyncio.sleep(seconds / 5)  # warms up
    before, began = sum(call.answered for call in calls), loop.time()
    await asyncio.sleep(seconds)
    rate = (sum(call.answered for call in calls) - before) / (loop.time() - began)
    for call in calls:
        call.transport.abort()
    return rate


async def open_streams(port: int, number: int) -> list[Stream]:
    """Streams that began spread over one interval, as those of different users do."""
    loop = asyncio.get_running_loop()
    streams = []
    for _ in range(number):
        streams.append((await loop.create_connection(Stream, "127.0.0.1", port))[1])
        await asyncio.sleep(INTERVAL / number)
    return streams
