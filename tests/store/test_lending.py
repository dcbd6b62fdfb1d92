"""The short way of a command, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, ReadOnlyError, ResponseError

from gw_extproc.core.notation import Duration
from gw_extproc.core.store_url import parse
from gw_extproc.store import clients
from gw_extproc.store.lending import Lending
from tests import valkey
from tests.valkey import Valkey


@pytest.fixture
async def lending(single: Valkey) -> AsyncIterator[Lending]:
    client, _ = clients.build(parse(single.url), timeout=5, connections=8)
    assert isinstance(client, Redis)
    yield Lending(client.connection_pool)
    await client.aclose()


async def who(lending: Lending) -> int:
    """The server's number for the connection that is used."""
    number = await lending.call("CLIENT", "ID")
    assert isinstance(number, int)
    return number


async def test_a_connection_is_used_again(lending: Lending) -> None:
    assert await who(lending) == await who(lending)
    assert await lending.call("ECHO", b"\xff\r\n") == b"\xff\r\n"


async def test_settings_are_numbers_too(lending: Lending) -> None:
    assert await lending.call("ECHO", Duration(5)) == b"5"


async def test_calls_at_once_have_connections_of_their_own(lending: Lending) -> None:
    assert len(set(await asyncio.gather(*(who(lending) for _ in range(8))))) == 8
    assert len(set(await asyncio.gather(*(who(lending) for _ in range(8))))) == 8


async def test_an_error_in_good_order_changes_nothing(lending: Lending) -> None:
    before = await who(lending)
    with pytest.raises(ResponseError, match="unknown command"):
        await lending.call("NONSENSE")
    assert await who(lending) == before


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used(lending: Lending, single: Valkey) -> None:
    before = await who(lending)
    single.command("CLIENT", "KILL", "ID", before)
    await asyncio.sleep(0.05)  # until the end is heard
    assert await who(lending) != before


async def test_a_connection_that_breaks_in_a_call_is_dropped(lending: Lending, single: Valkey) -> None:
    before = await who(lending)
    waiting = asyncio.create_task(lending.call("BLPOP", "nothing", 0))
    await asyncio.sleep(0.05)
    single.command("CLIENT", "KILL", "ID", before)
    with pytest.raises(ConnectionError):
        await waiting
    assert await who(lending) != before


async def test_the_answer_to_a_call_that_was_given_up_is_nobodys(lending: Lending, single: Valkey) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lending.call("BLPOP", "a list", 0)
    single.command("LPUSH", "a list", "late")
    assert await lending.call("ECHO", "mine") == b"mine"


async def test_more_than_the_pool_has_are_refused_and_none_is_lost(lending: Lending) -> None:
    some = await asyncio.gather(*(who(lending) for _ in range(9)), return_exceptions=True)
    assert sum(isinstance(each, ConnectionError) for each in some) == 1
    assert len(set(await asyncio.gather(*(who(lending) for _ in range(8))))) == 8


async def test_a_server_that_became_a_replica_is_looked_for_anew() -> None:
    with valkey.running() as server:
        client, _ = clients.build(parse(server.url), timeout=5, connections=8)
        assert isinstance(client, Redis)
        lending = Lending(client.connection_pool)
        before = set(await asyncio.gather(*(who(lending) for _ in range(3))))
        server.command("REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(ReadOnlyError):
            await lending.call("SET", "a", "b")
        assert await who(lending) not in before
        await client.aclose()
