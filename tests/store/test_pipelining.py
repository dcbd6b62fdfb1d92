"""Many commands under way on few connections, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, ReadOnlyError, ResponseError

from gw_extproc.core.notation import Duration
from gw_extproc.core.store_url import parse
from gw_extproc.store import clients
from gw_extproc.store.pipelining import MOST, Pipelines
from tests import valkey
from tests.connections import answering
from tests.store.proxy import proxy
from tests.store.stores import eventually
from tests.valkey import Valkey

MANY = 50


@asynccontextmanager
async def pipelines_to(url: str) -> AsyncIterator[Pipelines]:
    client, _ = clients.build(parse(url), timeout=5, connections=8)
    assert isinstance(client, Redis)
    opened = Pipelines(client.connection_pool)
    yield opened
    await opened.close()
    await client.aclose()


@pytest.fixture
async def pipelines(single: Valkey) -> AsyncIterator[Pipelines]:
    async with pipelines_to(single.url) as opened:
        yield opened


async def who(pipelines: Pipelines) -> int:
    """The server's number for the connection that is used."""
    number = await pipelines.call("CLIENT", "ID")
    assert isinstance(number, int)
    return number


async def all_of(pipelines: Pipelines) -> set[int]:
    """The numbers of all connections."""
    return set(await asyncio.gather(*(who(pipelines) for _ in range(MANY))))


async def waiting(pipelines: Pipelines) -> asyncio.Task[object]:
    """A call whose reply does not come."""
    task = asyncio.create_task(pipelines.call("BLPOP", "nothing", 0))
    await asyncio.sleep(0.05)
    return task


async def test_a_connection_is_used_again(pipelines: Pipelines) -> None:
    assert await who(pipelines) == await who(pipelines)
    assert await pipelines.call("ECHO", b"\xff\r\n") == b"\xff\r\n"


async def test_settings_are_numbers_too(pipelines: Pipelines) -> None:
    assert await pipelines.call("ECHO", Duration(5)) == b"5"


async def test_calls_at_once_share_few_connections_and_get_their_own_replies(pipelines: Pipelines) -> None:
    assert len(await all_of(pipelines)) == MOST
    for _ in range(2):
        told = await asyncio.gather(*(pipelines.call("ECHO", str(number)) for number in range(MANY)))
        assert told == [b"%d" % number for number in range(MANY)]


async def test_an_error_is_that_of_its_own_command(pipelines: Pipelines) -> None:
    before = await all_of(pipelines)
    some = await asyncio.gather(
        *(pipelines.call("ECHO" if each % 3 else "NONSENSE", each) for each in range(9)), return_exceptions=True
    )
    assert [isinstance(each, ResponseError) for each in some] == [not each % 3 for each in range(9)]
    assert "unknown command" in str(some[0])
    assert await all_of(pipelines) == before


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used(pipelines: Pipelines, single: Valkey) -> None:
    before = await who(pipelines)
    single.command("CLIENT", "KILL", "ID", before)
    await asyncio.sleep(0.05)  # until the end is heard
    assert await who(pipelines) != before


async def test_a_connection_that_breaks_fails_all_who_wait_there_and_nobody_else(pipelines: Pipelines, single: Valkey) -> None:
    there = await who(pipelines)
    some = [await waiting(pipelines)]
    elsewhere = await who(pipelines)
    some += [await waiting(pipelines) for _ in range(3)]
    single.command("CLIENT", "KILL", "ID", there)
    await eventually(lambda: sum(task.done() for task in some) == 2, "the end of the two that waited there")
    single.command("CLIENT", "KILL", "ID", elsewhere)
    assert all(isinstance(each, ConnectionError) for each in await asyncio.gather(*some, return_exceptions=True))
    assert not await all_of(pipelines) & {there, elsewhere}


async def test_a_call_that_takes_long_is_gone_around(pipelines: Pipelines) -> None:
    long = await waiting(pipelines)
    assert await pipelines.call("ECHO", "mine") == b"mine"
    assert not long.done()
    long.cancel()


async def test_the_reply_to_a_call_that_was_given_up_is_nobodys(pipelines: Pipelines, single: Valkey) -> None:
    before = await all_of(pipelines)
    for name in "ab":
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pipelines.call("BLPOP", f"a list {name}", 0)
    behind = [asyncio.create_task(pipelines.call("ECHO", name)) for name in "xy"]
    for name in "ab":
        single.command("LPUSH", f"a list {name}", "late")
    assert await asyncio.gather(*behind) == [b"x", b"y"]
    assert await all_of(pipelines) == before


async def test_who_waits_in_silence_may_doubt_and_then_no_connection_is_used_any_more(pipelines: Pipelines) -> None:
    before = await all_of(pipelines)
    pipelines.doubt(0)  # nothing is owed
    assert await all_of(pipelines) == before
    silent = await waiting(pipelines)
    pipelines.doubt(1000)
    assert not silent.done()
    pipelines.doubt(0.01)
    with pytest.raises(ConnectionError):
        await silent
    assert not await all_of(pipelines) & before


async def test_what_a_busy_server_does_not_take_is_not_piled_up(single: Valkey) -> None:
    async with proxy(single.port) as wire, pipelines_to(wire.url) as pipelines:
        await all_of(pipelines)
        wire.takes.clear()
        large = b"x" * 8_000_000
        tasks = []
        for _ in range(10):
            tasks.append(asyncio.create_task(pipelines.call("ECHO", large)))
            await asyncio.sleep(0.05)
        for task in tasks[:-1]:
            task.cancel()
        wire.takes.set()
        assert await tasks[-1] == large
        assert wire.sent.count(large) <= len(tasks) // 2  # what was written cannot be taken back


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n", b"+OK\r\n+OK\r\n"])
async def test_what_speaks_no_redis_is_not_listened_to(said: bytes) -> None:
    talks = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal talks
        talks += 1
        while await reader.read(1000):
            writer.write(said)

    async with answering(talk) as port, pipelines_to(f"redis://127.0.0.1:{port}") as pipelines:
        for _ in range(3):
            await asyncio.gather(pipelines.call("ECHO", "a"), return_exceptions=True)
        assert talks == 3


async def test_a_server_that_became_a_replica_is_looked_for_anew() -> None:
    with valkey.running() as server:
        async with pipelines_to(server.url) as pipelines:
            before = await all_of(pipelines)
            server.command("REPLICAOF", "127.0.0.1", 1)
            with pytest.raises(ReadOnlyError):
                await pipelines.call("SET", "a", "b")
            assert not await all_of(pipelines) & before
