"""A server of the tests leaves nothing for the garbage collector, which would blame another test."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import trustme

from tests.connections import Answer, answered


async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"!")
    await asyncio.Event().wait()


async def more_than_is_read(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"!" * 10_000_000)


@pytest.fixture(params=["plain", "TLS"])
def tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    if request.param == "plain":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    return context


def clients(port: int, number: int) -> Iterator[socket.socket]:
    return (socket.create_connection(("127.0.0.1", port)) for _ in range(number))


@pytest.mark.parametrize("answer", [never, more_than_is_read])
def test_whatever_a_connection_is_in_the_middle_of(answer: Answer, tls: ssl.SSLContext | None) -> None:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as stack:
        with answered(answer, tls=tls) as port:
            for waiting in clients(port, 5):  # where there is TLS, for a handshake
                stack.enter_context(waiting)
            for plain in clients(port, 2):
                client = stack.enter_context(trusting.wrap_socket(plain) if tls else plain)
                assert client.recv(1) == b"!"
            for just_accepted in clients(port, 20):
                stack.enter_context(just_accepted)
        gc.collect()  # pytest makes an error of what it finds


def test_a_client_that_leaves_is_no_fault() -> None:
    async def greedy(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)

    with answered(greedy) as port:
        for client in clients(port, 3):
            client.close()
