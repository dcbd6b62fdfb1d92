"""kill -9 of the store: what was announced is in its file, the gateway finds it again, and meanwhile says truly what it cannot keep."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.disaster import replica
from tests.disaster.burst import burst as made
from tests.disaster.client import Client, calling
from tests.disaster.replica import Replica
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.store.stores import eventually
from tests.valkey import Valkey

NOT_STORED = "not stored: store"


def ready(worker: Replica) -> bool:
    return httpx2.get(f"{worker.origin}/readyz").status_code == 200


def said(worker: Replica) -> list[str]:
    """What its log says, besides the line of each exchange."""
    return [line for line in worker.log().splitlines() if '"event":"exchange"' not in line]


def is_unavailable(answer: httpx2.Response) -> bool:
    """Whether it says that the store is away, and when to come again."""
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == "store_unavailable"
    return int(answer.headers["retry-after"]) > 0


@pytest.mark.long
async def test_a_store_that_is_killed_again_and_again_in_a_burst(store: Valkey, upstream: Upstream) -> None:
    """Two replicas save; both find it again by themselves."""
    async with (
        replica.serving(store.url, upstream) as left,
        replica.serving(store.url, upstream) as right,
        calling(left.url, upstream) as one,
        calling(right.url, upstream) as other,
    ):
        burst = await made([one, other], upstream)
        async with burst.going():
            for _ in range(3):
                await burst.more()
                store.kill()
                await eventually(lambda: not ready(left) and not ready(right), "that both know it")
                store.start()
            await burst.more()
        assert set(burst.notices) <= {"", NOT_STORED}
        await burst.assert_all_there(one)
        await burst.assert_all_there(other)
        for worker in (left, right):
            assert worker.log().count(" is away: ") == worker.log().count(" is back.") == 3
            assert "Traceback" not in worker.log()


async def test_what_is_said_while_the_store_is_away(store: Valkey, upstream: Upstream) -> None:
    model, gate = upstream.script(chat.answer("Hello")), Gate()
    async with replica.serving(store.url, upstream) as worker, calling(worker.url, upstream) as client:
        kept, conversation = await client.ask(model), await client.conversation()
        held = upstream.script([chat.EVENTS, *chat.text("Hello"), gate, chat.finish()])
        caught, ended = client.begin(held)
        await caught.until_said("Hello")
        buffered = asyncio.create_task(answered(client, held))
        await eventually(lambda: upstream.count(held) == 2, "both calls")
        store.kill()
        gate.open()
        await ended
        for response in (caught.response, await buffered):
            assert response is not None
            assert (response["status"], response["store"]) == ("completed", False)
            assert worker.log().count(f"response {response['id']} is not stored: ") == 1

        await eventually(lambda: not ready(worker), "that the store is known to be away")
        before = said(worker)
        for response in (await answered(client, model, stream=True), await answered(client, model)):
            assert (response["status"], response["store"]) == ("completed", False)
        for call in (
            client.get(f"/responses/{kept['id']}"),
            client.get(f"/responses/{kept['id']}/input_items"),
            client.http.delete(f"/responses/{kept['id']}"),
            client.get(f"/conversations/{conversation}/items"),
            client.http.post("/conversations", json={}),
            client.http.post("/responses", json={"model": model, "input": "Go on.", "previous_response_id": kept["id"]}),
            client.http.post("/responses", json={"model": model, "input": "Go on.", "conversation": conversation}),
        ):
            assert is_unavailable(await call)
        assert said(worker) == before, "it is said once, not for each call"
        assert sum(" is away: " in line for line in before) == 1

        store.start()
        await eventually(lambda: ready(worker), "the store")
        assert await client.read(caught.id) is None
        await client.assert_whole(kept, "Go on.", "Hello")
        assert (await client.ask(model, conversation=conversation))["store"] is True
        assert worker.log().count(" is back.") == 1


async def answered(client: Client, model: str, *, stream: bool = False, **fields: Any) -> Json:
    """The response of a turn whose headers say that it is not stored."""
    if stream:
        turn = await client.turn(model, **fields)
        headers, response = turn.headers, turn.response
    else:
        answer = await client.http.post("/responses", json={"model": model, "input": "Go on.", **fields})
        headers, response = answer.headers, answer.json()
    assert headers["x-gateway-notice"] == NOT_STORED
    assert response is not None
    return response
