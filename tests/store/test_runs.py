"""Background responses in the store: one worker has a run, its end is decided once, its events are there without gaps or repeats."""

from __future__ import annotations

import asyncio

import pytest

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys
from gw_extproc.store.errors import ConversationGone, DuplicateEntry, LostRun, NotStored
from gw_extproc.store.record import Stored
from gw_extproc.store.runs import AFTERLIFE, Batch, Run, RunState, Taken
from gw_extproc.store.store import Store
from tests.store.servers import expiry
from tests.store.stores import DAY, new, record, turn

OPENING = Batch(2, b"created queued", b"[]")
ENTRY = "1-0"


async def begun(store: Store, tenant: str) -> Ref:
    """A run that has its place in the queue."""
    ref = new()
    await store.runs.begin(tenant, ref, "sealed", OPENING)
    await store.runs.queued(tenant, ref, ENTRY)
    return ref


def batch(last: int) -> Batch:
    return Batch(last, f"up to {last}".encode(), b"[1]")


async def test_it_is_there_as_soon_as_it_has_begun(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    assert await store.runs.look(tenant, ref) == Run(RunState.QUEUED, ENTRY, "sealed", [OPENING])


async def test_what_is_not_queued_in_time_leaves_nothing(store: Store, tenant: str) -> None:
    ref = new()
    await store.runs.begin(tenant, ref, "sealed", OPENING)
    *_, run, events = keys.of_run(tenant, ref)
    assert 0 < await expiry(store, run) <= 60
    assert 0 < await expiry(store, events) <= 60
    await store.runs.queued(tenant, ref, ENTRY)
    assert DAY - 60 < await expiry(store, run) <= DAY
    assert DAY - 60 < await expiry(store, events) <= DAY


async def test_each_who_takes_it_up_has_the_next_number(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    assert await store.runs.take(tenant, ref, ENTRY) == Taken(RunState.QUEUED, 1, 2, "sealed")
    assert await store.runs.take(tenant, ref, ENTRY) == Taken(RunState.IN_PROGRESS, 2, 2, "sealed")
    with pytest.raises(LostRun):
        await store.runs.append(tenant, ref, 1, batch(3))
    with pytest.raises(LostRun):
        await store.runs.finish(tenant, turn(ref), 1)
    await store.runs.append(tenant, ref, 2, batch(3))
    assert (await store.runs.look(tenant, ref)).batches == [OPENING, batch(3)]


async def test_a_second_entry_is_of_no_use(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    with pytest.raises(DuplicateEntry):
        await store.runs.take(tenant, ref, "2-0")


async def test_who_takes_it_before_it_is_confirmed_has_its_entry(store: Store, tenant: str) -> None:
    ref = new()
    await store.runs.begin(tenant, ref, "sealed", OPENING)
    await store.runs.take(tenant, ref, "7-0")
    await store.runs.queued(tenant, ref, "7-0")
    assert (await store.runs.look(tenant, ref)).entry == "7-0"


async def test_a_repeated_batch_changes_nothing(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    taken = await store.runs.take(tenant, ref, ENTRY)
    for _ in range(2):
        await store.runs.append(tenant, ref, taken.attempt, batch(5))
    assert (await store.runs.look(tenant, ref)).batches == [OPENING, batch(5)]


async def test_the_end_is_the_record(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    taken = await store.runs.take(tenant, ref, ENTRY)
    for _ in range(2):
        await store.runs.finish(tenant, record(ref, asked=[b"a"], said=[b"b"]), taken.attempt)
    assert await store.responses.load(tenant, ref) == Stored(b'{"object":"response"}', b"trace", [b"a"], [b"b"])
    await store.runs.append(tenant, ref, taken.attempt, batch(9))
    assert await store.runs.look(tenant, ref) == Run(RunState.ENDED, ENTRY, "", [OPENING, batch(9)])
    assert await store.runs.take(tenant, ref, ENTRY) == Taken(RunState.ENDED, taken.attempt, 9, "")
    assert await store.runs.stop(tenant, ref) == Taken(RunState.ENDED, taken.attempt, 9, "")
    for key in keys.of_run(tenant, ref)[2:]:
        assert 0 < await expiry(store, key) <= AFTERLIFE


async def test_who_stops_it_alone_can_end_it(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    worker = await store.runs.take(tenant, ref, ENTRY)
    stopped = await store.runs.stop(tenant, ref)
    assert stopped == Taken(RunState.CANCELLING, 2, 2, "sealed")
    with pytest.raises(LostRun):
        await store.runs.finish(tenant, turn(ref), worker.attempt)
    with pytest.raises(NotStored):
        await store.responses.load(tenant, ref)
    await store.runs.finish(tenant, turn(ref), stopped.attempt)
    assert (await store.runs.look(tenant, ref)).state is RunState.ENDED


async def test_all_who_stop_it_have_one_number(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    first, second = await asyncio.gather(store.runs.stop(tenant, ref), store.runs.stop(tenant, ref))
    assert first == second
    for _ in range(2):
        await store.runs.finish(tenant, turn(ref), first.attempt)
        await store.runs.append(tenant, ref, first.attempt, batch(3))
    assert await store.runs.look(tenant, ref, 2) == Run(RunState.ENDED, ENTRY, "", [batch(3)])


async def test_who_takes_up_what_was_being_stopped_is_told_so(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    stopped = await store.runs.stop(tenant, ref)
    taken = await store.runs.take(tenant, ref, ENTRY)
    assert taken == stopped == Taken(RunState.CANCELLING, 1, 2, "sealed")
    for one in (stopped, taken):
        await store.runs.finish(tenant, turn(ref), one.attempt)


async def test_followers_are_woken(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    taken = await store.runs.take(tenant, ref, ENTRY)
    assert await store.runs.follow(tenant, ref, 0, 5) == [OPENING]
    assert await store.runs.follow(tenant, ref, 2, 0.01) == []
    waiting = asyncio.gather(*(store.runs.follow(tenant, ref, 2, 5) for _ in range(3)))
    await asyncio.sleep(0)
    await store.runs.append(tenant, ref, taken.attempt, batch(6))
    assert await waiting == [[batch(6)]] * 3
    assert await store.runs.follow(tenant, ref, 4, 5) == [batch(6)]


async def test_of_what_is_not_there_nothing_can_be_had(store: Store, tenant: str) -> None:
    ref = new()
    calls = (
        store.runs.look(tenant, ref),
        store.runs.queued(tenant, ref, ENTRY),
        store.runs.take(tenant, ref, ENTRY),
        store.runs.stop(tenant, ref),
        store.runs.append(tenant, ref, 1, batch(3)),
        store.runs.finish(tenant, turn(ref), 1),
    )
    for found in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(found, NotStored)
    with pytest.raises(NotStored):
        await store.responses.load(tenant, ref)


async def test_it_is_its_tenants_alone(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    for call in (store.runs.look("0" * 32, ref), store.runs.stop("0" * 32, ref)):
        with pytest.raises(NotStored):
            await call


async def test_deleting_takes_the_run_with_it(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    assert await store.responses.delete(tenant, ref)
    assert not await store.responses.delete(tenant, ref)
    with pytest.raises(NotStored):
        await store.runs.look(tenant, ref)


async def test_a_conversation_that_is_gone_takes_no_end(store: Store, tenant: str) -> None:
    ref = await begun(store, tenant)
    taken = await store.runs.take(tenant, ref, ENTRY)
    with pytest.raises(ConversationGone):
        await store.runs.finish(tenant, turn(ref, "@0", conversation=True), taken.attempt)
    assert (await store.runs.look(tenant, ref)).state is RunState.IN_PROGRESS
