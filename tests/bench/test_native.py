"""The model server and the load in C: what one says, the other counts."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from bench import requests
from bench.load import Seen, loading, parse
from bench.native import program
from tests.waiting import DEADLINE

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture
async def model() -> AsyncIterator[int]:
    """The port of a model server."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        number = listening.fileno()
        with subprocess.Popen([program("upstream"), str(number)], pass_fds=(number,)) as process:
            yield int(listening.getsockname()[1])
            process.kill()


async def once(model: int, request: bytes, connections: int = 1) -> Seen:
    """All that is seen until every connection was answered."""
    async with loading(model, request, connections, again=False, quiet=True) as load:
        total = await load.seen()
        async with asyncio.timeout(DEADLINE):
            while total.answered + total.failed + total.broken < connections:
                await asyncio.sleep(0.01)
                total = added(total, await load.seen())
        return total


def added(one: Seen, other: Seen) -> Seen:
    return Seen(
        one.answered + other.answered,
        one.failed + other.failed,
        one.broken + other.broken,
        other.open,
        one.events + other.events,
        [*one.requests, *other.requests],
        [*one.firsts, *other.firsts],
        [*one.tokens, *other.tokens],
    )


async def test_whole_answers_are_counted(model: int) -> None:
    seen = await once(model, requests.http(requests.small(store=False)), connections=5)
    assert (seen.answered, seen.failed, seen.broken, seen.events, seen.open) == (5, 0, 0, 0, 0)
    assert len(seen.requests) == 5
    assert not seen.tokens


async def test_every_token_of_a_burst_is_counted_however_it_is_cut(model: int) -> None:
    seen = await once(model, requests.http(requests.burst(5000)), connections=2)
    assert (seen.answered, len(seen.tokens), len(seen.firsts)) == (2, 10_000, 2)
    assert seen.events == 2 * (5000 + 4)  # the role, the finish reason, the usage and [DONE] are events too


async def test_paced_tokens_arrive_one_by_one(model: int) -> None:
    seen = await once(model, requests.http(requests.paced(20, 2000)))
    assert len(seen.tokens) == 20
    assert seen.requests[0] >= 19 * 2000


async def test_streams_are_waited_for_until_they_flow(model: int) -> None:
    async with loading(model, requests.http(requests.paced(500, 2000)), 3, ramp=0.2, again=False) as load:
        assert await load.until_begun(3, DEADLINE) == 3
        assert (await load.seen()).open == 3
        assert await load.until_begun(1, 0.1) == 0


async def test_a_stream_that_breaks_off_is_broken(model: int) -> None:
    seen = await once(model, requests.http({**requests.small(store=False), "model": "cut-3"}))
    assert (seen.answered, seen.broken, len(seen.tokens)) == (0, 1, 3)


async def test_the_model_server_outlives_those_who_hang_up(model: int) -> None:
    """All that had come is read then, and more is on its way: what is written next is answered by a reset, and raises SIGPIPE."""
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", model), DEADLINE) as client:
            client.sendall(requests.http(requests.burst(20_000)))
            client.recv(1000)
            client.setblocking(False)
            with suppress(BlockingIOError):
                for _ in range(random.randrange(200)):
                    client.recv(1 << 20)
    assert (await once(model, requests.http(requests.small(store=False)))).answered == 1


async def test_errors_are_failures(model: int) -> None:
    seen = await once(model, requests.http({**requests.small(store=False), "model": "error-503"}), connections=3)
    assert (seen.answered, seen.failed) == (0, 3)


async def test_large_bodies_are_read_to_their_end(model: int) -> None:
    assert (await once(model, requests.http(requests.image()))).answered == 1


async def test_a_connection_asks_again_until_it_is_dropped(model: int) -> None:
    async with loading(model, requests.http(requests.small(store=False)), 2) as load:
        total = 0
        async with asyncio.timeout(DEADLINE):
            while total < 100:
                total += (await load.seen()).answered


def test_what_the_load_says_is_parsed() -> None:
    line = b'{"answered":1,"failed":0,"broken":0,"open":2,"events":3,"requests":[10],"firsts":[],"tokens":[4,5]}\n'
    assert parse(line) == Seen(1, 0, 0, 2, 3, [10], [], [4, 5])


def test_a_history_is_as_large_as_it_says() -> None:
    assert 390_000 < len(requests.http(requests.history(200))) < 410_000
    assert 9_900_000 < len(requests.http(requests.image())) < 10_100_000
