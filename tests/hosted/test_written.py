"""The end of an exchange waits for a reply that is on its way: gRPC takes no end of the stream before it has taken that."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from gw_extproc.extproc.hosted import Hosted
from gw_extproc.extproc.messages import Reply, Request


class Wire:
    """Takes a reply only when it is told to; the client leaves while the first is on its way."""

    def __init__(self) -> None:
        self.writing = asyncio.Event()
        self.takes = asyncio.Event()

    async def read(self) -> Request | None:
        await self.writing.wait()
        return None

    async def write(self, _: Reply) -> None:
        self.writing.set()
        await self.takes.wait()


@pytest.mark.parametrize("cancels", [False, True])
async def test_an_application_that_goes_on_without_its_client_leaves_no_reply_behind(*, cancels: bool) -> None:
    """Nor does one that stops what it is saying."""
    going_on: list[asyncio.Task[None]] = []
    ended = asyncio.Event()

    async def application(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        going_on.append(asyncio.create_task(_answer(send)))
        assert (await receive())["type"] == "http.disconnect"
        if cancels:
            going_on[0].cancel()
        ended.set()

    first, wire = Request(), Wire()
    first.request_headers.end_of_stream = True
    for name, value in ((":method", "GET"), (":path", "/"), (":authority", "here"), (":scheme", "http")):
        first.request_headers.headers.headers.add(key=name, raw_value=value.encode())
    exchange = asyncio.create_task(Hosted(application).run(first, wire))
    await ended.wait()
    for _ in range(100):  # it would end in a few
        await asyncio.sleep(0)
    assert not exchange.done()
    wire.takes.set()
    await exchange
    await asyncio.wait(going_on)


async def _answer(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"whole", "more_body": False})
