"""Whatever dies in the middle of a background response: one end, one story for who reads it, and nothing left in the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gw_extproc.core.lifecycle import Status
from gw_extproc.core.partial import Partial, end
from gw_extproc.engine.job import Job
from gw_extproc.engine.work import ATTEMPTS
from gw_extproc.store import keys
from gw_extproc.store.record import Record
from gw_extproc.store.runs import RunState
from tests.engine.fleet import Replica, Told, assert_told_once, text_of, waiting
from tests.events import events
from tests.real import chat
from tests.real.upstream import Gate, Step, Upstream
from tests.store.stores import eventually
from tests.valkey import Valkey


async def assert_ended_once(told: Told, seen: bytes, status: str) -> None:
    """For who followed it, for who comes later, for the queue and for the record."""
    assert_told_once(seen, status)
    assert seen == await told.replayed()
    assert (await told.read())["status"] == status

    async def done() -> bool:
        return await waiting(told.replica.gateway.store) == 0

    await eventually(done, "an empty queue")


async def test_what_nothing_was_said_of_is_made_by_another(here: Replica, there: Replica, model: Upstream) -> None:
    silent = Gate()
    told = await here.ask(model.script([silent], chat.answer("Hello!")))
    following = asyncio.create_task(told.at(there).followed())
    here.workers.start()
    await eventually(silent.reached.is_set, "the first worker's call")
    await here.die()
    there.workers.start()
    wire = await following
    assert [event["type"] for event in events(wire)[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert text_of(await told.read()) == "Hello!"
    await assert_ended_once(told, wire, "completed")


async def test_what_something_was_said_of_fails_with_that(here: Replica, there: Replica, model: Upstream) -> None:
    silent = Gate()
    told = await here.ask(name := model.script([chat.EVENTS, *chat.text("Hel"), silent]))
    following = asyncio.create_task(told.at(there).followed())
    here.workers.start()
    await told.said("Hel")
    await here.die()
    there.workers.start()
    wire = await following
    failed = await told.read()
    assert (text_of(failed), failed["error"]["code"]) == ("Hel", "server_error")
    assert model.count(name) == 1
    await assert_ended_once(told, wire, "failed")


async def test_what_kills_its_workers_is_given_up(here: Replica, model: Upstream) -> None:
    told = await here.ask(name := model.script(chat.answer()))
    for _ in range(ATTEMPTS):
        await _take_and_die(here, told)
    here.workers.start()
    wire = await told.followed()
    assert model.count(name) == 0
    assert f"{ATTEMPTS} times" in (await told.read())["error"]["message"]
    await assert_ended_once(told, wire, "failed")


async def test_a_worker_that_was_thought_dead_cannot_say_anything_any_more(here: Replica, there: Replica, model: Upstream) -> None:
    """Its lease is over, another has the run; what it then says, and its end, is nobody's."""
    slow = Gate()
    told = await here.ask(model.script([slow, *chat.answer("Late")], chat.answer("In time")))
    here.workers.start()
    await eventually(slow.reached.is_set, "the first worker's call")
    here.workers._loops[1].cancel()  # as in a process that stands still
    here.gateway.stopping.set()
    there.workers.start()
    made = await told.becomes("completed")
    slow.open()
    await eventually(lambda: not here.workers._running, "the end of the first")
    assert text_of(made) == "In time"
    assert await told.read() == made
    await assert_ended_once(told, await told.followed(), "completed")


async def test_what_was_being_cancelled_is_finished_by_another(here: Replica, there: Replica, model: Upstream) -> None:
    """Whoever cancelled it died between the decision and the record."""
    told = await here.ask(name := model.script(chat.answer()))
    stopped = await here.gateway.store.runs.stop(here.caller.tenant, told.ref)
    assert stopped.state is RunState.CANCELLING
    assert (await told.read())["status"] == "in_progress"
    there.workers.start()
    wire = await told.followed()
    assert model.count(name) == 0
    await assert_ended_once(told, wire, "cancelled")


async def test_an_end_that_was_saved_and_not_announced_is_told_from_the_record(here: Replica, there: Replica, model: Upstream) -> None:
    """Its worker died between the two: who follows is told the rest all the same, and the queue is cleared by another."""
    told = await here.ask("m")
    following = asyncio.create_task(told.at(there).followed())
    stopped = await here.gateway.store.runs.stop(here.caller.tenant, told.ref)
    job = await Job.opened(stopped.job, here.caller.tenant, here.gateway)
    partial = Partial()
    for batch in (await here.gateway.store.runs.look(here.caller.tenant, told.ref)).batches:
        partial.read(batch.events)
    ending = end(partial, [], Status.CANCELLED, None, here.gateway.profile)
    record = Record(told.ref, job.parent, ending.object, ending.trace, (), ending.outputs, conversation=False)
    await here.gateway.store.runs.finish(here.caller.tenant, record, stopped.attempt)
    there.workers.start()
    await assert_ended_once(told, await following, "cancelled")


async def _take_and_die(here: Replica, told: Told) -> None:
    (entry,) = await here.gateway.store.queue.take(1, 0)
    assert entry.ref == told.ref
    await here.gateway.store.runs.take(entry.tenant, entry.ref, entry.id)


async def test_what_cannot_be_read_any_more_fails(here: Replica, model: Upstream, server: Valkey) -> None:
    """The key that sealed its request is gone."""
    told = await here.ask(name := model.script(chat.answer()))
    *_, run, _ = keys.of_run(here.caller.tenant, told.ref)
    server.command("HSET", run, "job", "sealed elsewhere")
    here.workers.start()
    wire = await told.followed()
    assert (await told.read())["error"]["code"] == "internal_error"
    assert model.count(name) == 0
    await assert_ended_once(told, wire, "failed")


async def test_a_second_entry_of_the_queue_makes_nothing(here: Replica, model: Upstream) -> None:
    told = await here.ask(name := model.script(chat.answer()))
    await here.gateway.store.queue.enqueue(here.caller.tenant, told.ref, 100)
    here.workers.start()
    wire = await told.followed()
    await assert_ended_once(told, wire, "completed")
    assert model.count(name) == 1


@pytest.mark.parametrize("speaks", [False, True])
async def test_who_stops_gives_back_what_does_not_end_in_time(here: Replica, there: Replica, model: Upstream, *, speaks: bool) -> None:
    """At once, not when a lease is over; what something was said of fails, as there is nobody who could go on with it."""
    gate = Gate()
    first: Sequence[Step] = [chat.EVENTS, *chat.text("Hel"), gate] if speaks else [gate]
    told = await here.ask(model.script(first, chat.answer("Hello!")))
    following = asyncio.create_task(told.at(there).followed())
    here.workers.start()
    await eventually(gate.reached.is_set, "the model")
    if speaks:
        await told.said("Hel")
    await here.drain(0.0)
    there.workers.start()
    await assert_ended_once(told, await following, "failed" if speaks else "completed")


async def test_who_stops_lets_end_what_ends_in_time(here: Replica, there: Replica, model: Upstream) -> None:
    gate = Gate()
    told = await here.ask(name := model.script([chat.EVENTS, *chat.text("Hel"), gate, chat.finish()]))
    here.workers.start()
    await told.said("Hel")
    draining = asyncio.create_task(here.drain(20))
    there.workers.start()
    waits = await here.ask(model.script(chat.answer()))
    await waits.becomes("completed")
    gate.open()
    await draining
    assert model.count(name) == 1
    await assert_ended_once(told, await told.followed(), "completed")
