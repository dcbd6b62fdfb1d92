"""A fast fake model server: one fixed answer, whole at once or as a paced stream; `python -m bench.upstream FD`."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import cast

import orjson
import uvloop

INTERVAL = 0.02
"""Seconds between two chunks of a stream: 50 tokens a second."""

CHUNKS = 125
"""Chunks of one stream: it lasts two and a half seconds."""


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice]}
    return _chunked(b"data: " + orjson.dumps(chunk) + b"\n\n")


_MESSAGE = {"role": "assistant", "content": "All that is gold does not glitter, not all those who wander are lost."}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 17, "total_tokens": 26}
_BODY = orjson.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": _USAGE,
    }
)
_END = b"0\r\n\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: "
WHOLE = _HEAD + b"application/json\r\n\r\n" + _chunked(_BODY) + _END
STREAM = _HEAD + b"text/event-stream\r\n\r\n" + _event({"role": "assistant", "content": ""})
TOKEN = _event({"content": " token"})
LAST = _event({}, "stop") + _chunked(b"data: [DONE]\n\n") + _END


class Connection(asyncio.Protocol):
    """Knows of HTTP what Envoy sends: a head, content-length or chunks, no pipelining."""

    def __init__(self) -> None:
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def connection_lost(self, _: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if is_whole(self._received):
            streamed = b'"stream":true' in self._received
            self._received = b""
            self._stream() if streamed else self._transport.write(WHOLE)

    def _stream(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport.write(STREAM)
        self._timer = loop.call_later(INTERVAL, self._token, CHUNKS, loop.time() + INTERVAL)

    def _token(self, left: int, now: float) -> None:
        """Keeps to the clock, however late it is called."""
        if left == 0:
            self._transport.write(LAST)
            return
        self._transport.write(TOKEN)
        self._timer = asyncio.get_running_loop().call_at(now + INTERVAL, self._token, left - 1, now + INTERVAL)


def is_whole(message: bytes) -> bool:
    """Whether this is all of an HTTP message with a body."""
    head, blank, body = message.partition(b"\r\n\r\n")
    if not blank:
        return False
    _, announced, length = head.lower().partition(b"content-length:")
    return len(body) == int(length.partition(b"\r\n")[0]) if announced else body.endswith(_END)


async def serve(listening: socket.socket) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, sock=listening)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(socket.socket(fileno=int(sys.argv[1]))))
