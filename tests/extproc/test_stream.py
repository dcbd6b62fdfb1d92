"""An exchange has nothing begun in gRPC when Envoy resets its stream after the last reply: gRPC would never free it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from gw_extproc.core.errors import GatewayError
from gw_extproc.extproc.messages import Reply, Request
from gw_extproc.extproc.modes import Duplex, Refusal
from gw_extproc.extproc.passthrough import PassThrough
from gw_extproc.extproc.pb import ext_proc_pb2 as pb
from gw_extproc.extproc.stream import MessageByMessage, Replying
from gw_extproc.session.gateway import Gateway
from tests.waiting import DEADLINE

FIRST = pb.ProcessingRequest(request_headers=pb.HttpHeaders(end_of_stream=True))
ANSWERS = (
    [pb.ProcessingRequest(response_headers=pb.HttpHeaders(end_of_stream=True))],
    [pb.ProcessingRequest(response_headers=pb.HttpHeaders()), pb.ProcessingRequest(response_body=pb.HttpBody(end_of_stream=True))],
    [pb.ProcessingRequest(response_headers=pb.HttpHeaders()), pb.ProcessingRequest(response_trailers=pb.HttpTrailers())],
)
"""What Envoy shows of an answer that passes through."""


class Stream:
    """Gives messages; takes replies when the test does."""

    def __init__(self, coming: Sequence[Request] = ()) -> None:
        self._coming = [FIRST, *coming]
        self.read_on = asyncio.Event()
        """Set when a message was asked for that does not come."""
        self.sending = asyncio.Event()
        self.takes = asyncio.Event()
        self.sent: list[Reply] = []

    async def read(self) -> Request:
        if not self._coming:
            self.read_on.set()
            await asyncio.Event().wait()
        return self._coming.pop(0)

    async def write(self, reply: Reply) -> None:
        self.sending.set()
        await self.takes.wait()
        self.sent.append(reply)


async def begin(inside: Replying, stream: Stream) -> asyncio.Task[None]:
    async def app(*_: object) -> None:
        raise AssertionError("nothing is handed over")

    gateway = cast(Gateway, None)  # only where something is left to do
    return asyncio.create_task(MessageByMessage(inside, gateway, app).run(await stream.read(), stream))


async def reset(exchange: asyncio.Task[None]) -> None:
    """As gRPC does when Envoy resets the stream."""
    exchange.cancel()
    with pytest.raises(asyncio.CancelledError):
        await exchange


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def refusal() -> Refusal:
    return Refusal(GatewayError("No."))


async def test_nothing_is_read_after_a_refusal() -> None:
    stream = Stream()
    stream.takes.set()
    exchange = await begin(refusal(), stream)
    await settled()
    await reset(exchange)
    assert len(stream.sent) == 1
    assert not stream.read_on.is_set()


@pytest.mark.parametrize("answer", ANSWERS)
async def test_nothing_is_read_after_an_answer_that_passes_through(answer: Sequence[Request]) -> None:
    stream = Stream(answer)
    stream.takes.set()
    exchange = await begin(PassThrough(Duplex(request=True, response=True)), stream)
    await settled()
    await reset(exchange)
    assert len(stream.sent) == 1 + len(answer)
    assert not stream.read_on.is_set()


async def test_the_last_reply_is_sent_to_its_end() -> None:
    stream = Stream()
    exchange = await begin(refusal(), stream)
    await stream.sending.wait()
    await reset(exchange)
    stream.takes.set()
    await settled()
    assert len(stream.sent) == 1


async def test_an_envoy_that_does_not_reset_the_stream_is_read_on() -> None:
    stream = Stream()
    stream.takes.set()
    exchange = await begin(refusal(), stream)
    await asyncio.wait_for(stream.read_on.wait(), DEADLINE)
    await reset(exchange)
