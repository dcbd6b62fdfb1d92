"""What a long history costs at the store: round trips for each request, and bytes. The time it takes is measured by bench/state.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.disaster import replica
from tests.disaster.client import calling, good
from tests.real import chat
from tests.real.upstream import Upstream
from tests.store.servers import Monitored, taught
from tests.valkey import Valkey

TURNS = 40
ITEMS = 200
OF_A_TURN = 10
"""Items of a turn in the conversation: all but one are given."""

SAID = "x" * 400


def stored_bytes(store: Valkey) -> int:
    """Of all threads."""
    keys: Sequence[bytes] = store.command("KEYS", "gw:*{*")
    return sum(int(store.command("MEMORY", "USAGE", key.decode(), "SAMPLES", 0)) for key in keys)


def is_linear(sizes: Sequence[int]) -> bool:
    """Whether the second half of a history takes about as much as the first, beside what the first thing of all takes."""
    empty, half, whole = sizes
    return whole - half < 1.3 * (half - empty)


async def test_a_long_chain_is_two_round_trips_a_turn_and_grows_by_its_own_items(store: Valkey, upstream: Upstream) -> None:
    model, sizes = upstream.script(chat.answer(SAID)), [0]
    previous: dict[str, Any] = {}
    async with replica.serving(store.url, upstream) as worker, calling(worker.url, upstream) as client:
        taught([store])
        with Monitored([store]) as monitored:
            for number in range(1, TURNS + 1):
                turn = await client.turn(model, input=SAID, **previous)
                assert turn.announced is not None
                assert len(monitored.commands()) == (2 if previous else 1)
                previous = {"previous_response_id": turn.id}
                if number in (TURNS // 2, TURNS):
                    sizes.append(stored_bytes(store))
                    monitored.commands()
            assert await client.read(turn.id) == turn.announced
            await client.get(f"/responses/{turn.id}/input_items", limit=100)
            assert len(monitored.commands()) == 2
        assert is_linear(sizes), sizes
        assert list(await client.remembered(turn.id)) == [SAID] * 2 * TURNS


async def test_a_long_conversation_is_two_round_trips_a_turn_and_grows_by_its_own_items(store: Valkey, upstream: Upstream) -> None:
    model, sizes = upstream.script(chat.answer(SAID)), [0]
    given = [{"role": "user", "content": SAID}] * (OF_A_TURN - 1)
    async with replica.serving(store.url, upstream) as worker, calling(worker.url, upstream) as client:
        conversation = await client.conversation()
        taught([store])
        with Monitored([store]) as monitored:
            for number in range(1, ITEMS // OF_A_TURN + 1):
                turn = await client.turn(model, input=given, conversation=conversation)
                assert turn.announced is not None
                assert len(monitored.commands()) == 2
                if number * OF_A_TURN in (ITEMS // 2, ITEMS):
                    sizes.append(stored_bytes(store))
                    monitored.commands()
            page = good(await client.get(f"/conversations/{conversation}/items", limit=100))
            assert len(monitored.commands()) == 1
            assert len(page["data"]) == 100
            await client.http.post(f"/conversations/{conversation}/items", json={"items": given})
            assert len(monitored.commands()) == 1
        assert is_linear(sizes), sizes
        assert len(await client.listed(conversation)) == ITEMS + len(given)
        assert len(await client.remembered(turn.id)) == ITEMS
