"""Answers that begin before the request's body was read."""

from __future__ import annotations

import asyncio
import socket

import httpx2
import pytest

from gw_extproc.extproc import asgi
from gw_extproc.extproc.asgi import MAX_DISCARDED
from tests.hosted.apps import Application, Applications, Call
from tests.hosted.carrier import Carrier
from tests.waiting import DEADLINE


async def refusing(call: Call) -> None:
    await call.answer(b"no", 413)


async def streaming(call: Call) -> None:
    await call.begin()
    await call.say(b"n")
    await call.say(b"o", more=False)


async def reading_a_piece(call: Call) -> None:
    await call.receive()
    await streaming(call)


async def reading_half_the_time(call: Call) -> None:
    """As frameworks do that wait for the disconnect beside the answer."""
    waiting = asyncio.ensure_future(call.receive())
    await streaming(call)
    waiting.cancel()


@pytest.mark.parametrize("listener", ["shipped", "bare"])
@pytest.mark.parametrize("size", [1, 300_000, 20_000_000])
@pytest.mark.parametrize("application", [refusing, streaming, reading_a_piece, reading_half_the_time])
def test_the_client_reads_the_answer(carrier: Carrier, apps: Applications, listener: str, size: int, application: Application) -> None:
    path = apps.at(application)
    with httpx2.Client(timeout=DEADLINE) as client:
        for _ in range(2):
            response = client.post(carrier.url(path, listener), content=b"x" * size)
            assert (response.status_code, response.content) == (413 if application is refusing else 200, b"no")


async def half_refusing(call: Call) -> None:
    """Before a body that is too long to discard no answer can be streamed."""
    await call.begin(413)
    await call.say(b"n")


@pytest.mark.parametrize(("application", "said"), [(refusing, b"no"), (half_refusing, b"request's body")])
def test_a_body_too_long_to_discard(carrier: Carrier, apps: Applications, application: Application, said: bytes) -> None:
    """The answer is there for a client that reads while it sends; then Envoy closes the connection."""
    with socket.create_connection(("127.0.0.1", carrier.port()), DEADLINE) as connection:
        head = f"POST {apps.at(application)} HTTP/1.1\r\nhost: x\r\ncontent-length: {10 * MAX_DISCARDED}\r\n\r\n"
        connection.sendall(head.encode() + b"x" * (MAX_DISCARDED + 2_000_000))
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert said in answer


def test_a_body_that_never_ends_is_not_waited_for(carrier: Carrier, apps: Applications, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "DISCARDING", 0.01)
    with socket.create_connection(("127.0.0.1", carrier.port()), DEADLINE) as connection:
        connection.sendall(f"POST {apps.at(refusing)} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nx".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
