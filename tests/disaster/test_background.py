"""kill -9 of a worker at each step of a background response, and of the store in the middle: one end, one story, nothing left over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from gw_extproc.store import keys
from tests.disaster import replica
from tests.disaster.client import Client, Turn, calling
from tests.disaster.replica import Replica
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Gate, Step, Upstream
from tests.store.stores import eventually
from tests.valkey import Valkey
from tests.waiting import DEADLINE

LEASE = 0.6
QUEUE = keys.JOBS[0]
_PAUSE = int(2000 * DEADLINE)  # milliseconds; the test ends it

ENDS = {f"response.{status}" for status in ("completed", "failed", "incomplete", "cancelled")}


@asynccontextmanager
async def serving(store: Valkey, upstream: Upstream, **settings: object) -> AsyncIterator[tuple[Replica, Client]]:
    given = {"background_lease": LEASE, **settings}
    async with replica.serving(store.url, upstream, **given) as worker, calling(worker.url, upstream) as client:
        yield worker, client


async def rest(client: Client, turn: Turn, told: list[Json] | None = None) -> Sequence[Json]:
    """What a reader is told that resumes where it was broken off; `told` grows while it comes."""
    told = [] if told is None else told
    query = {"stream": "true", "starting_after": turn.events[-1]["sequence_number"]}
    async with client.http.stream("GET", f"/responses/{turn.id}", params=query) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                told.append(json.loads(line.removeprefix("data: ")))
    return told


async def assert_one_story(client: Client, turn: Turn) -> Json:
    """Told to the end without gap and repeat, with one end, which is what is stored; the response."""
    told = [*turn.events, *await rest(client, turn)]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"] for event in told if event["type"] in ENDS] == [told[-1]["type"]]
    stored = await client.read(turn.id)
    assert stored is not None
    assert stored == told[-1]["response"]
    again = await rest(client, Turn(events=told[:1]))
    assert again == told[1:]
    return stored


async def assert_nothing_is_left(store: Valkey) -> None:
    await eventually(lambda: store.command("XLEN", QUEUE) == 0, "an empty queue")
    for name in store.command("KEYS", "*"):
        assert name == keys.SECRETS.encode() or store.command("TTL", name) > 0, name
        assert not name.rpartition(b":run:")[1] or not store.command("HEXISTS", name, "job"), name


def begun(client: Client, upstream: Upstream, *scripts: Sequence[Step]) -> tuple[Turn, asyncio.Task[Turn], str]:
    model = upstream.script(*scripts)
    return *client.begin(model, background=True), model


async def test_a_worker_that_is_killed_at_each_step(store: Valkey, upstream: Upstream) -> None:
    silent, amid, last = Gate(), Gate(), Gate()
    async with serving(store, upstream, background_concurrency=3) as (first, client), serving(store, upstream) as (second, other):
        second.kill()
        took, took_task, took_model = begun(client, upstream, [silent], chat.answer("Once"))
        spoke, spoke_task, spoke_model = begun(client, upstream, [chat.EVENTS, *chat.text("Hel"), amid])
        saving, saving_task, _ = begun(client, upstream, [chat.EVENTS, *chat.text("Hello"), last, chat.finish()])
        await eventually(silent.reached.is_set, "the silent model")
        await spoke.until_said("Hel")
        await saving.until_said("Hello")
        waits, waits_task, waits_model = begun(client, upstream, chat.answer("Later"))
        await eventually(lambda: len(waits.events) >= 2, "a place in the queue")
        store.command("CLIENT", "PAUSE", _PAUSE, "WRITE")
        last.open()
        first.kill()
        await asyncio.gather(took_task, spoke_task, saving_task, waits_task)
        store.command("CLIENT", "UNPAUSE")
        await second.start()

        assert (await assert_one_story(other, took))["output"][0]["content"][0]["text"] == "Once"
        assert (await assert_one_story(other, waits))["output"][0]["content"][0]["text"] == "Later"
        failed = await assert_one_story(other, spoke)
        assert (failed["status"], failed["output"][0]["content"][0]["text"]) == ("failed", "Hel")
        saved = await assert_one_story(other, saving)
        assert saved["status"] in ("completed", "failed")
        assert saved["output"][0]["content"][0]["text"] == "Hello"
        assert [upstream.count(model) for model in (took_model, waits_model, spoke_model)] == [2, 1, 1]
        await assert_nothing_is_left(store)
        assert "Traceback" not in second.log()


async def test_a_store_that_is_killed_in_the_middle(store: Valkey, upstream: Upstream) -> None:
    """The model waits for it, and so does who follows; it goes on where it was."""
    gate = Gate()
    async with (
        serving(store, upstream, background_lease=3) as (worker, client),
        serving(store, upstream, background_lease=3) as (_, other),
    ):
        model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
        turn, following = client.begin(model, background=True)
        await turn.until_said("Hel")
        elsewhere: list[Json] = []
        resuming = asyncio.create_task(rest(other, Turn(events=turn.events[:1]), elsewhere))
        await eventually(lambda: len(elsewhere) == len(turn.events) - 1, "the other reader")
        store.kill()
        gate.open()
        await eventually(lambda: " is away: " in worker.log(), "that the worker knows it")
        store.start()
        await following
        assert turn.said == "Hello"
        assert [event["sequence_number"] for event in turn.events] == list(range(len(turn.events)))
        assert await resuming == turn.events[1:]
        assert (await assert_one_story(other, Turn(events=turn.events[:4])))["status"] == "completed"
        assert upstream.count(model) == 1
        await assert_nothing_is_left(store)
        assert "Traceback" not in worker.log()


async def test_a_worker_that_is_told_to_stop_gives_back_what_waits(store: Valkey, upstream: Upstream) -> None:
    """It ends in time, and with it what it could not end; another does that at once."""
    silent, short = Gate(), Gate()
    async with AsyncExitStack() as stack:
        worker, client = await stack.enter_async_context(serving(store, upstream, drain_timeout=1, background_lease=60))
        turns = [begun(client, upstream, [silent], chat.answer("Again")) for _ in range(4)]
        ends, ends_task, _ = begun(client, upstream, [chat.EVENTS, *chat.text("Hel"), short, chat.finish()])
        await ends.until_said("Hel")
        await eventually(lambda: all(len(turn.events) >= 3 for turn, _, _ in turns), "all of them in progress")
        _, other = await stack.enter_async_context(serving(store, upstream, background_lease=60))
        worker.terminate()
        short.open()
        assert await worker.end() == 0
        for turn, task, _ in turns:
            await task
            assert (await assert_one_story(other, turn))["status"] == "completed"
        await ends_task
        assert (await assert_one_story(other, ends))["status"] == "completed"
        await assert_nothing_is_left(store)
