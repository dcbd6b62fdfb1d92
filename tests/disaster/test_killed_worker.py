"""kill -9 of a worker: what it has announced is there; of everything else there is all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from tests.disaster import envoy, replica
from tests.disaster.burst import burst as made
from tests.disaster.client import Client, Turn, calling, turns_of
from tests.disaster.replica import Replica
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.store.proxy import Proxy, proxy
from tests.store.stores import eventually
from tests.valkey import Valkey
from tests.waiting import DEADLINE

_PAUSE = int(2000 * DEADLINE)  # milliseconds; the test ends it


@pytest.fixture
async def wire(store: Valkey) -> AsyncIterator[Proxy]:
    async with proxy(store.port) as wire:
        yield wire


@pytest.fixture
async def worker(wire: Proxy, upstream: Upstream) -> AsyncIterator[Replica]:
    """It would wait for long for a store that is held up."""
    async with replica.serving(wire.url, upstream, store_timeout=DEADLINE) as worker:
        yield worker


@pytest.fixture(params=["http", "envoy"])
async def client(request: pytest.FixtureRequest, worker: Replica, upstream: Upstream) -> AsyncIterator[Client]:
    """One that calls the worker itself, or an Envoy before it."""
    async with AsyncExitStack() as stack:
        url = worker.url if request.param == "http" else await stack.enter_async_context(envoy.before(worker, upstream))
        yield await stack.enter_async_context(calling(url, upstream))


class Kinds:
    """A turn of each kind at the same step: alone, continuing another, and in a conversation."""

    def __init__(self, client: Client, root: Json, conversation: str, model: str) -> None:
        begun = [client.begin(model, **given) for given in ({}, {"previous_response_id": root["id"]}, {"conversation": conversation})]
        self.turns: Sequence[Turn] = [turn for turn, _ in begun]
        self._tasks = [task for _, task in begun]

    async def broken_off(self) -> None:
        await asyncio.gather(*self._tasks)

    async def assert_all_or_nothing(self, client: Client, items: Sequence[Json]) -> None:
        alone, continued, in_conversation = self.turns
        for turn, before in ((alone, ()), (continued, ("Go on.", "Once"))):
            assert turn.announced is None
            if (found := await client.read(turn.id)) is not None:
                assert (found["status"], found["output"][0]["status"]) == ("completed", "completed")
                await client.assert_whole(found, *before, "Go on.", "Hello")
        found = await client.read(in_conversation.id)
        assert turns_of(items).get(in_conversation.ref.unique, 0) == (0 if found is None else 2)


@pytest.mark.parametrize("held", ["before the save", "after the save"])
async def test_a_worker_that_is_killed_between_the_steps_of_its_turns(
    held: str, store: Valkey, wire: Proxy, worker: Replica, upstream: Upstream, client: Client
) -> None:
    root, conversation = await client.ask(upstream.script(chat.answer("Once"))), await client.conversation()
    told = Kinds(client, root, conversation, upstream.script(chat.answer("Hello")))
    await told.broken_off()

    unanswered, amid, before_end = Gate(), Gate(), Gate()
    silent = Kinds(client, root, conversation, upstream.script([unanswered]))
    speaking = Kinds(client, root, conversation, upstream.script([chat.EVENTS, *chat.text("Hel"), amid]))
    saving = Kinds(client, root, conversation, upstream.script([chat.EVENTS, *chat.text("Hello"), before_end, chat.finish()]))
    for turn in speaking.turns:
        await turn.until_said("Hel")
    for turn in saving.turns:
        await turn.until_said("Hello")
    await eventually(unanswered.reached.is_set, "the silent model")
    if held == "before the save":
        store.command("CLIENT", "PAUSE", _PAUSE, "WRITE")
    else:
        wire.flows.clear()
    before_end.open()
    for turn in saving.turns:
        await eventually(lambda turn=turn: turn.ref.unique.encode() in wire.sent, "the saves")  # type: ignore[misc]
    worker.kill()
    for kinds in (silent, speaking, saving):
        await kinds.broken_off()
    store.command("CLIENT", "UNPAUSE")
    wire.flows.set()
    await worker.start()

    items = await client.listed(conversation)
    alone, continued, _ = told.turns
    assert alone.announced is not None
    assert continued.announced is not None
    await client.assert_whole(alone.announced, "Go on.", "Hello")
    await client.assert_whole(continued.announced, "Go on.", "Once", "Go on.", "Hello")
    for turn in speaking.turns:
        assert await client.read(turn.id) is None
    await saving.assert_all_or_nothing(client, items)
    uniques = [turn.ref.unique for kinds in (told, saving) for turn in kinds.turns[2:]]
    saved = [unique for unique in uniques if unique in turns_of(items)]
    assert turns_of(items) == dict.fromkeys(saved, 2)
    assert saved[0] == told.turns[2].ref.unique
    assert await client.remembered(told.turns[2].id) == ["Go on.", "Hello"]


@pytest.mark.long
async def test_a_worker_that_is_killed_again_and_again_in_a_burst(worker: Replica, client: Client, upstream: Upstream) -> None:
    burst = await made([client], upstream)
    async with burst.going():
        for _ in range(3):
            await burst.more()
            worker.kill()
            await worker.start()
        await burst.more()
    await burst.assert_all_there(client)
