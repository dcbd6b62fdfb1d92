"""A hundred megabytes pass in either direction, and our process does not grow with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx2
import psutil
import pytest

from tests.hosted.apps import Applications, Call
from tests.hosted.carrier import Carrier
from tests.waiting import DEADLINE

PIECE = bytes(range(256)) * 256
PIECES = 1600
LARGEST_GROWTH = 50 * 1024 * 1024
"""Bytes: client and gateway share this process, and what is under way between them and Envoy is theirs as well."""


class Footprint:
    """How much this process grew over what it was, at most."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self.growth = 0

    def take(self) -> None:
        self.growth = max(self.growth, self._process.memory_info().rss - self._before)


def body(footprint: Footprint) -> Iterator[bytes]:
    for _ in range(PIECES):
        footprint.take()
        yield PIECE


@pytest.mark.parametrize("listener", ["shipped", "bare"])
def test_a_large_request(carrier: Carrier, apps: Applications, listener: str) -> None:
    footprint, digest = Footprint(), hashlib.sha256()

    async def application(call: Call) -> None:
        more = True
        while more:
            message = await call.receive()
            digest.update(message["body"])
            footprint.take()
            more = message["more_body"]
        await call.answer(b"ok")

    assert httpx2.post(carrier.url(apps.at(application), listener), content=body(footprint), timeout=DEADLINE).text == "ok"
    assert digest.digest() == hashlib.sha256(PIECE * PIECES).digest()
    assert footprint.growth < LARGEST_GROWTH


@pytest.mark.parametrize("listener", ["shipped", "bare"])
def test_a_large_answer(carrier: Carrier, apps: Applications, listener: str) -> None:
    footprint, digest = Footprint(), hashlib.sha256()

    async def application(call: Call) -> None:
        await call.begin()
        for _ in range(PIECES):
            footprint.take()
            await call.say(PIECE)
        await call.say(b"", more=False)

    with httpx2.stream("GET", carrier.url(apps.at(application), listener), timeout=DEADLINE) as response:
        for piece in response.iter_raw():
            digest.update(piece)
            footprint.take()
    assert digest.digest() == hashlib.sha256(PIECE * PIECES).digest()
    assert footprint.growth < LARGEST_GROWTH
