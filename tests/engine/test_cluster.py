"""Background responses over a cluster: their keys are in the slot of their thread, the queue's in its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests import valkey
from tests.engine.fleet import assert_told_once, replica
from tests.real import chat
from tests.real.upstream import Gate, Upstream


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with valkey.cluster() as nodes:
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


async def test_they_are_made_followed_and_cancelled_anywhere(cluster: str, model: Upstream) -> None:
    async with replica(cluster, model.url) as here, replica(cluster, model.url, headers=here.headers) as there:
        here.workers.start()
        there.workers.start()
        asked = [await here.ask(model.script(chat.answer())) for _ in range(8)]
        for wire in await asyncio.gather(*(told.at(there).followed() for told in asked)):
            assert_told_once(wire, "completed")
        silent = await here.ask(name := model.script([chat.EVENTS, *chat.text("Hel"), Gate()]))
        await silent.said("Hel")
        await silent.at(there).cancel()
        assert model.received(name).gone.wait(1)
        assert_told_once(await silent.followed(), "cancelled")
