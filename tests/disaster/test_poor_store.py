"""A store that is there and does not do its work: full, or slower than the timeout. The promises are the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.disaster import replica
from tests.disaster.burst import burst as made
from tests.disaster.client import calling, turns_of
from tests.disaster.replica import Replica
from tests.disaster.test_killed_store import answered, is_unavailable, ready
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.store.proxy import Proxy, proxy
from tests.store.stores import eventually
from tests.valkey import Valkey
from tests.waiting import DEADLINE

SHORT = 0.3
"""Seconds for an attempt whose answer will not come."""

RETRIES = 1

_PAUSE = int(2000 * DEADLINE)  # milliseconds; the test ends it


async def test_a_full_store_refuses_whole_turns_and_is_read_as_ever(store: Valkey, upstream: Upstream) -> None:
    model = upstream.script(chat.answer("Hello"))
    async with replica.serving(store.url, upstream) as worker, calling(worker.url, upstream) as client:
        kept, conversation = await client.ask(model), await client.conversation()
        store.command("CONFIG", "SET", "maxmemory", "1mb")
        response = await answered(client, model, previous_response_id=kept["id"])
        turn = await client.turn(model, conversation=conversation)
        assert turn.response is not None
        for refused in (response, turn.response):
            assert (refused["status"], refused["store"]) == ("completed", False)
            assert await client.read(refused["id"]) is None
            assert worker.log().count(f"response {refused['id']} is not stored: it is full") == 1
        assert is_unavailable(await client.http.post("/conversations", json={}))
        path = f"/conversations/{conversation}/items"
        assert is_unavailable(await client.http.post(path, json={"items": [{"role": "user", "content": "Hi"}]}))
        assert await client.listed(conversation) == []
        assert await client.read(kept["id"]) == kept
        assert await client.remembered(kept["id"]) == ["Go on.", "Hello"]
        await eventually(lambda: worker.log().count('"level":"error","logger":"gw_extproc.store"') == 1, "a line about it")
        assert ready(worker)

        store.command("CONFIG", "SET", "maxmemory", "0")
        assert (await client.ask(model, conversation=conversation))["store"] is True
        assert len(await client.listed(conversation)) == 2
        assert worker.log().count("takes writes again") == 1


@pytest.mark.long
async def test_a_store_that_fills_up_in_a_burst(store: Valkey, upstream: Upstream) -> None:
    async with replica.serving(store.url, upstream) as worker, calling(worker.url, upstream) as client:
        burst = await made([client], upstream)
        async with burst.going():
            for _ in range(2):
                await burst.more()
                store.command("CONFIG", "SET", "maxmemory", "1mb")
                await burst.unstored(20)
                store.command("CONFIG", "SET", "maxmemory", "0")
            await burst.more()
        await burst.assert_all_there(client)


def hold_up(held: str, store: Valkey, wire: Proxy) -> None:
    if held == "before the save":
        store.command("CLIENT", "PAUSE", _PAUSE, "WRITE")
    else:
        wire.flows.clear()


def let_go(store: Valkey, wire: Proxy) -> None:
    store.command("CLIENT", "UNPAUSE")
    wire.flows.set()


@pytest.mark.parametrize("held", ["before the save", "after the save"])
async def test_a_store_that_is_slower_than_the_timeout(held: str, store: Valkey, upstream: Upstream) -> None:
    """The wire is held up until the answers are there, so that they do not wait for it; how often they were to be saved is counted."""
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hello"), gate, chat.finish()])
    async with proxy(store.port) as wire, slow_replica(wire, upstream) as worker, calling(worker.url, upstream) as client:
        kept, conversation = await client.ask(upstream.script(chat.answer("Once"))), await client.conversation()
        begun = [client.begin(model, **given) for given in ({"previous_response_id": kept["id"]}, {"conversation": conversation})]
        for turn, _ in begun:
            await turn.until_said("Hello")
        hold_up(held, store, wire)
        gate.open()
        for turn, ended in begun:
            await ended
            assert turn.response is not None
            assert (turn.response["status"], turn.response["store"]) == ("completed", False)
            assert wire.sent.count(b"$24\r\n%b\r\n" % turn.ref.unique.encode()) <= 1 + RETRIES
        assert is_unavailable(await client.get(f"/responses/{kept['id']}"))
        assert is_unavailable(await client.get(f"/conversations/{conversation}/items"))
        let_go(store, wire)
        await eventually(lambda: ready(worker), "the store")

        continued, in_conversation = (turn for turn, _ in begun)
        if (found := await client.read(continued.id)) is not None:  # its save has come through, only the answer was late
            await client.assert_whole(found, "Go on.", "Once", "Go on.", "Hello")
        found = await client.read(in_conversation.id)
        assert turns_of(await client.listed(conversation)) == ({} if found is None else {in_conversation.ref.unique: 2})
        await client.assert_whole(kept, "Go on.", "Once")


@pytest.mark.long
async def test_a_store_that_is_slow_now_and_then_in_a_burst(store: Valkey, upstream: Upstream) -> None:
    async with proxy(store.port) as wire, slow_replica(wire, upstream) as worker, calling(worker.url, upstream) as client:
        burst = await made([client], upstream)
        async with burst.going():
            for held in ("before the save", "after the save"):
                await burst.more()
                hold_up(held, store, wire)
                await burst.unstored(2)
                let_go(store, wire)
            await burst.more()
    async with replica.serving(store.url, upstream) as patient, calling(patient.url, upstream) as client:  # hundreds of reads at once
        await burst.assert_all_there(client)


@asynccontextmanager
async def slow_replica(wire: Proxy, upstream: Upstream) -> AsyncIterator[Replica]:
    """One that does not wait for long, and has found its store: on a busy machine that may take a while."""
    async with replica.serving(wire.url, upstream, store_timeout=SHORT, store_retries=RETRIES) as worker:
        await eventually(lambda: ready(worker), "the store")
        yield worker
