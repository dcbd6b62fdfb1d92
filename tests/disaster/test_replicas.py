"""Two replicas over one store: whatever one has announced, the other has at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.disaster import replica
from tests.disaster.burst import burst as made
from tests.disaster.client import Client, calling, good, turns_of
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.valkey import Valkey

APPENDS = 100


@pytest.fixture
async def clients(store: Valkey, upstream: Upstream) -> AsyncIterator[Sequence[Client]]:
    """The same caller at each of two replicas."""
    async with (
        replica.serving(store.url, upstream) as left,
        replica.serving(store.url, upstream) as right,
        calling(left.url, upstream) as one,
        calling(right.url, upstream) as other,
    ):
        yield one, other


@pytest.mark.long
async def test_what_one_announces_the_other_reads_at_once(clients: Sequence[Client], upstream: Upstream) -> None:
    """In the middle of a burst. A stream's client reads as soon as it has the terminal event."""
    one, other = clients
    model = upstream.script(chat.answer("Hello"))
    burst = await made(clients, upstream)
    async with burst.going():
        for _ in range(10):
            turn = await one.turn(model)
            assert turn.announced is not None
            assert await other.read(turn.id) == turn.announced
            response = await other.ask(model, previous_response_id=turn.id)
            assert await one.read(response["id"]) == response
            await one.assert_whole(response, *["Go on.", "Hello"] * 2)
        await burst.more()
    await burst.assert_all_there(one)
    await burst.assert_all_there(other)


async def test_both_continue_one_response_at_the_same_moment(clients: Sequence[Client], upstream: Upstream) -> None:
    """Two branches, both whole. The two models end their answers together."""
    root = await clients[0].ask(upstream.script(chat.answer("Hello")), input="Hi.")
    gates = [Gate(), Gate()]
    models = [upstream.script([chat.EVENTS, *chat.text(said), gate, chat.finish()]) for said, gate in zip("AB", gates, strict=True)]
    begun = [client.begin(model, previous_response_id=root["id"]) for client, model in zip(clients, models, strict=True)]
    for gate in gates:
        await asyncio.to_thread(gate.await_reached)
    for gate in gates:
        gate.open()
    turns = await asyncio.gather(*(task for _, task in begun))
    for turn, said, client in zip(turns, "AB", reversed(clients), strict=True):
        assert turn.announced is not None
        await client.assert_whole(turn.announced, "Hi.", "Hello", "Go on.", said)
    assert await clients[1].remembered(root["id"]) == ["Hi.", "Hello"]


async def test_appends_at_once_are_all_there_each_in_one_piece(clients: Sequence[Client], upstream: Upstream) -> None:
    """Turns, and items that are appended as such."""
    conversation = await clients[0].conversation()
    model = upstream.script(chat.answer("Hello"))

    async def append(number: int) -> str:
        client = clients[number % 2]
        if number % 4 < 2:
            return str((await client.ask(model, input=_said(f"turn {number}", 2), conversation=conversation))["output"][0]["id"])
        path = f"/conversations/{conversation}/items"
        return str(good(await client.http.post(path, json={"items": _said(f"items {number}", 3)}))["data"][-1]["id"])

    last = await asyncio.gather(*map(append, range(APPENDS)))
    items = await clients[0].listed(conversation)
    assert list(items) == list(await clients[1].listed(conversation))
    assert list(turns_of(items).values()) == [3] * APPENDS
    assert {item["id"] for item in items[2::3]} == set(last)
    for start in range(0, len(items), 3):
        texts = [item["content"][0]["text"] for item in items[start : start + 3]]
        name = texts[0].removesuffix(" 0")
        assert texts == [f"{name} 0", f"{name} 1", "Hello" if name.startswith("turn") else f"{name} 2"]


def _said(name: str, number: int) -> list[dict[str, str]]:
    """So many messages of the user, which bear the name."""
    return [{"role": "user", "content": f"{name} {at}"} for at in range(number)]
