"""The queue of work: taken once, given back, limited; webhooks when they are due; notices that wake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys
from gw_extproc.store.errors import QueueFull
from gw_extproc.store.queue import Entry, Queue
from gw_extproc.store.store import Store
from tests.store.servers import expiry
from tests.store.stores import DAY, new, opened
from tests.valkey import Valkey

LEASE = 60.0


@pytest.fixture
async def queue(store: Store) -> AsyncIterator[Queue]:
    """Empty, and left so: it is the same for all tenants."""
    yield store.queue
    for entry in await store.queue.take(100, 0):
        await store.queue.done(entry.id)
    for webhook in await store.queue.webhooks(100, 0):
        await store.queue.postpone(webhook, None)


async def put(queue: Queue, tenant: str, count: int = 1) -> Sequence[Entry]:
    refs = [new() for _ in range(count)]
    return [Entry(await queue.enqueue(tenant, ref, 100), tenant, ref) for ref in refs]


async def test_each_is_given_once_in_turn(queue: Queue, tenant: str) -> None:
    entries = await put(queue, tenant, 3)
    assert await queue.take(2, LEASE) == entries[:2]
    assert await queue.take(2, LEASE) == entries[2:]
    assert await queue.take(2, LEASE) == []


async def test_what_is_let_lie_is_given_again_first(queue: Queue, tenant: str) -> None:
    entries = await put(queue, tenant, 2)
    await queue.take(1, LEASE)
    assert await queue.take(5, 0) == entries
    assert await queue.take(5, LEASE) == []


async def test_what_is_renewed_stays_with_its_worker(queue: Queue, tenant: str) -> None:
    (entry,) = await put(queue, tenant)
    await queue.take(1, LEASE)
    await asyncio.sleep(0.05)
    await queue.renew([entry.id, "1-1"])
    assert await queue.take(1, 0.05) == []


async def test_what_is_given_back_is_there_at_once(queue: Queue, tenant: str) -> None:
    (entry,) = await put(queue, tenant)
    await queue.take(1, LEASE)
    await queue.release(entry.id, LEASE)
    assert await queue.take(1, LEASE) == [entry]


async def test_what_is_done_is_gone(queue: Queue, tenant: str) -> None:
    waiting, taken = await put(queue, tenant, 2)
    await queue.done(waiting.id)
    assert await queue.take(2, LEASE) == [taken]
    await queue.done(taken.id)
    assert await queue.take(2, 0) == []


async def test_only_so_many_may_wait(queue: Queue, tenant: str) -> None:
    """Those that somebody works on do not count."""
    await put(queue, tenant, 2)
    with pytest.raises(QueueFull):
        await queue.enqueue(tenant, new(), 2)
    await queue.take(1, LEASE)
    await queue.enqueue(tenant, new(), 2)


async def test_a_webhook_is_told_of_until_it_is_delivered(queue: Queue, tenant: str) -> None:
    (entry,) = await put(queue, tenant)
    for _ in range(2):
        await queue.done(entry.id, "told")
    assert await queue.webhooks(5, LEASE) == ["told"]
    assert await queue.webhooks(5, LEASE) == []
    await queue.postpone("told", 0)
    assert await queue.webhooks(5, 0) == ["told"]
    await queue.postpone("told", None)
    assert await queue.webhooks(5, 0) == []


async def test_notices_wake_who_waits(queue: Queue, tenant: str) -> None:
    latest, ref = await queue.latest(), Ref("a" * 24, "b" * 24)
    waiting = asyncio.create_task(queue.notices(latest, 5))
    await asyncio.sleep(0)
    await queue.cancelled(ref)
    woken = await waiting
    assert woken.cancelled == {ref.unique}
    assert await queue.notices(woken, 0.01) == type(woken)(woken.latest)
    await put(queue, tenant)
    assert (await queue.notices(woken, 5)).cancelled == frozenset()


async def test_nothing_stays_for_ever(store: Store, queue: Queue, tenant: str) -> None:
    (entry,) = await put(queue, tenant)
    await queue.done(entry.id, "told")
    for key in keys.JOBS:
        assert DAY - 60 < await expiry(store, key) <= DAY


async def test_a_look_at_what_nothing_happens_in_writes_nothing(single: Valkey, tenant: str) -> None:
    """Every process looks once a second, and each write may wait for a disk."""
    async with opened(single.url) as store:
        await store.queue.take(1, LEASE)
        before = single.command("INFO", "persistence")["aof_current_size"]
        for _ in range(3):
            await store.queue.take(1, LEASE)
            await store.queue.webhooks(1, LEASE)
        assert single.command("INFO", "persistence")["aof_current_size"] == before
