"""Answers that begin before the request's body was read."""

from __future__ import annotations

import httpx2
import pytest

from tests.hosted.apps import Applications, Call
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
    import asyncio

    waiting = asyncio.create_task(call.receive())
    await streaming(call)
    waiting.cancel()


@pytest.mark.parametrize("listener", ["shipped", "bare"])
@pytest.mark.parametrize("size", [1, 300_000, 20_000_000])
@pytest.mark.parametrize("application", [refusing, streaming, reading_a_piece, reading_half_the_time])
def test_the_client_reads_the_answer(carrier: Carrier, apps: Applications, listener: str, size: int, application: object) -> None:
    path = apps.at(application)  # type: ignore[arg-type]
    with httpx2.Client(timeout=DEADLINE) as client:
        for _ in range(2):
            response = client.post(carrier.url(path, listener), content=b"x" * size)
            assert (response.status_code, response.content) == (413 if application is refusing else 200, b"no")
