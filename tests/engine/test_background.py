"""Background responses: queued, made by whoever is free, followed from anywhere, cancelled, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from gw_extproc.core.ids import conversation_id
from gw_extproc.engine.following import COMMENT, follow
from gw_extproc.store import keys
from gw_extproc.store.errors import NotStored
from tests.engine.fleet import Replica, Told, assert_told_once, replica, text_of, waiting
from tests.events import events
from tests.real import chat
from tests.real.upstream import Gate, Step, Stop, Upstream
from tests.store.stores import eventually
from tests.valkey import Valkey


async def speaking(here: Replica, model: Upstream, *said: str, **fields: Any) -> tuple[Told, Gate]:
    """A response that has said this, and goes on when its gate opens."""
    gate = Gate()
    told = await here.ask(model.script([chat.EVENTS, *chat.text(*said), gate, *chat.text(" end"), chat.finish()]), **fields)
    await eventually(gate.reached.is_set, "the model to speak")
    await told.said("".join(said))
    return told, gate


async def test_it_is_made_by_whoever_is_free(here: Replica, there: Replica, model: Upstream) -> None:
    told = await here.ask(model.script(chat.answer("Hello!")))
    assert (await told.read())["status"] == "queued"
    there.workers.start()
    made = await told.becomes("completed")
    assert (text_of(made), made["usage"]["total_tokens"], made["background"]) == ("Hello!", 18, True)
    assert await told.at(there).read() == made
    await eventually_done(here)


async def eventually_done(here: Replica) -> None:
    async def done() -> bool:
        return await waiting(here.gateway.store) == 0

    await eventually(done, "an empty queue")


async def test_it_can_be_continued_like_any_other(here: Replica, model: Upstream) -> None:
    here.workers.start()
    first = await here.ask(model.script(chat.answer("One")))
    await first.becomes("completed")
    name = model.script(chat.answer("Two"))
    second = await here.ask(name, previous_response_id=first.id, input="And?")
    assert (await second.becomes("completed"))["previous_response_id"] == first.id
    messages: Any = model.received(name).chat["messages"]
    assert [message["content"] for message in messages] == ["Go on.", "One", "And?"]
    chain = await here.gateway.store.responses.chain(here.caller.tenant, second.ref)
    assert [orjson.loads(item)["content"][0]["text"] for item in chain] == ["Go on.", "One", "And?", "Two"]


async def test_its_turn_is_appended_to_its_conversation(here: Replica, model: Upstream) -> None:
    here.workers.start()
    store, tenant, thread = here.gateway.store, here.caller.tenant, "c" * 24
    await store.conversations.create(tenant, thread, b"{}", "d" * 24, [])
    told = await here.ask(model.script(chat.answer()), conversation=conversation_id(thread))
    await told.becomes("completed")
    _, items = await store.conversations.context(tenant, thread)
    assert [orjson.loads(item)["role"] for item in items] == ["user", "assistant"]


async def test_a_conversation_that_is_deleted_meanwhile_does_not_take_it_along(here: Replica, model: Upstream) -> None:
    here.workers.start()
    store, tenant, thread = here.gateway.store, here.caller.tenant, "c" * 24
    await store.conversations.create(tenant, thread, b"{}", "d" * 24, [])
    told, gate = await speaking(here, model, "Well,", conversation=conversation_id(thread))
    await store.conversations.delete(tenant, thread)
    gate.open()
    assert text_of(await told.becomes("completed")) == "Well, end"


async def test_all_who_follow_it_are_told_the_same(here: Replica, there: Replica, model: Upstream) -> None:
    told = await here.ask(model.script(chat.answer("Hello!")))
    following = asyncio.gather(told.followed(), told.at(there).followed(), told.at(there).followed(4))
    there.workers.start()
    first, second, late = await following
    assert_told_once(first, "completed")
    assert second == first == await told.replayed()
    assert [event["sequence_number"] for event in events(late)] == list(range(4, len(events(first))))


async def test_who_comes_in_the_middle_resumes_without_gap_and_repeat(here: Replica, there: Replica, model: Upstream) -> None:
    here.workers.start()
    told, gate = await speaking(here, model, "a", "b", "c")
    resumed = [asyncio.create_task(told.at(there).followed(number)) for number in range(8)]
    gate.open()
    whole = await told.followed()
    assert_told_once(whole, "completed")
    for number, task in enumerate(resumed):
        assert events(await task) == events(whole)[number:]


async def test_who_resumes_behind_the_end_is_told_that_it_is_the_end(here: Replica, model: Upstream) -> None:
    here.workers.start()
    told = await here.ask(model.script(chat.answer()))
    assert await told.followed(1000) == b"data: [DONE]\n\n"


async def test_who_waits_is_told_that_there_is_nothing_yet(here: Replica, model: Upstream) -> None:
    """At once, because Envoy withholds the headers until something follows."""
    here.workers.start()
    told, gate = await speaking(here, model, "a")
    parts = follow(here.gateway, here.caller.tenant, told.ref, 1000)
    assert (await anext(parts)).data == COMMENT
    gate.open()
    assert [part.data async for part in parts] == [b"data: [DONE]\n\n"]


async def test_it_shows_how_far_it_has_come(here: Replica, there: Replica, model: Upstream) -> None:
    here.workers.start()
    told, gate = await speaking(here, model, "Hel", "lo")
    shown = await told.at(there).read()
    assert (shown["status"], shown["completed_at"], shown["usage"]) == ("in_progress", None, None)
    assert [(item["status"], item["content"][0]["text"]) for item in shown["output"]] == [("in_progress", "Hello")]
    gate.open()
    assert (await told.becomes("completed"))["output"][0]["id"] == shown["output"][0]["id"]


async def test_what_the_model_refuses_fails(here: Replica, model: Upstream) -> None:
    here.workers.start()
    refused = chat.refusal(429, {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}})
    told = await here.ask(model.script(refused))
    wire = await told.followed()
    assert_told_once(wire, "failed")
    assert wire == await told.replayed()
    assert (await told.read())["error"] == {"code": "rate_limit_exceeded", "message": "Slow down."}


async def test_what_breaks_off_fails_with_what_there_was(here: Replica, model: Upstream) -> None:
    here.workers.start()
    told = await here.ask(model.script([chat.EVENTS, *chat.text("Hel"), Stop.RESET]))
    wire = await told.followed()
    assert_told_once(wire, "failed")
    assert text_of(events(wire)[-1]["response"]) == "Hel"


async def test_what_it_refers_to_may_go_while_it_waits(here: Replica, model: Upstream) -> None:
    here.workers.start()
    first = await here.ask(model.script(chat.answer()))
    await first.becomes("completed")
    here.gateway.stopping.set()
    second = await here.ask(name := model.script(chat.answer()), previous_response_id=first.id)
    await first.delete()
    here.gateway.stopping.clear()
    failed = await second.becomes("failed")
    assert failed["error"]["code"] == "previous_response_not_found"
    assert model.count(name) == 0
    assert_told_once(await second.followed(), "failed")


LONG = [{"role": role, "content": f"{role} {number} {'x' * 700}"} for number in range(4) for role in ("user", "assistant")]


async def test_its_context_may_be_shortened(here: Replica, model: Upstream) -> None:
    here.workers.start()
    too_long = chat.refusal(400, {"error": {"message": "Too long.", "code": "context_length_exceeded"}})
    told = await here.ask(name := model.script(too_long, chat.answer()), input=[*LONG, LONG[0]], truncation="auto")
    assert text_of(await told.becomes("completed")) == "Hello!"
    assert model.count(name) == 2


async def test_its_context_may_be_condensed(here: Replica, model: Upstream) -> None:
    here.workers.start()
    at = [{"type": "compaction", "compact_threshold": 1000}]
    summary: Sequence[Step] = [chat.JSON, chat.completion(content="Ada likes tea.")]
    told = await here.ask(model.script(summary, chat.answer()), input=[*LONG, LONG[0]], context_management=at)
    wire = await told.followed()
    assert_told_once(wire, "completed")
    assert wire == await told.replayed()
    assert [item["type"] for item in (await told.read())["output"]] == ["compaction", "message"]
    refused = chat.refusal(400, {"error": {"message": "No."}})
    failing = await here.ask(model.script(refused), input=[*LONG, LONG[0]], context_management=at)
    assert_told_once(await failing.followed(), "failed")


# Cancelling and deleting


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_cancelling_stops_the_model_and_keeps_what_there_is(
    here: Replica, there: Replica, model: Upstream, *, elsewhere: bool
) -> None:
    here.workers.start()
    gate = Gate()
    told = await here.ask(name := model.script([chat.EVENTS, *chat.text("Hel"), gate]))
    await told.said("Hel")
    following = asyncio.create_task(told.followed())
    await told.at(there if elsewhere else here).cancel()
    assert model.received(name).gone.wait(1)
    cancelled = await told.read()
    assert (cancelled["status"], text_of(cancelled), cancelled["output"][0]["status"]) == ("cancelled", "Hel", "incomplete")
    wire = await following
    assert_told_once(wire, "cancelled")
    assert wire == await told.replayed()
    await told.cancel()
    assert await told.read() == cancelled
    await eventually_done(here)


async def test_what_waits_is_cancelled_without_a_model(here: Replica, there: Replica, model: Upstream) -> None:
    told = await here.ask(name := model.script(chat.answer()))
    await told.at(there).cancel()
    assert (await told.read())["status"] == "cancelled"
    assert await waiting(here.gateway.store) == 0
    there.workers.start()
    assert_told_once(await told.followed(), "cancelled")
    assert model.count(name) == 0


async def test_cancelling_and_ending_at_once_is_one_of_the_two(here: Replica, there: Replica, model: Upstream) -> None:
    here.workers.start()
    seen = set()
    for number in range(12):
        told, gate = await speaking(here, model, "a")
        following = asyncio.create_task(told.followed())
        gate.open()
        for _ in range(number):
            await asyncio.sleep(0)
        await asyncio.gather(told.at(there).cancel(), told.cancel())
        wire = await following
        status = (await told.read())["status"]
        assert_told_once(wire, status)
        assert wire == await told.replayed()
        seen.add(status)
    assert seen <= {"completed", "cancelled"}


async def test_what_was_never_in_the_background_has_no_run(here: Replica) -> None:
    with pytest.raises(NotStored):
        await Told(here, f"resp_{'a' * 48}").cancel()


async def test_who_follows_what_is_deleted_is_told_so(here: Replica, there: Replica, model: Upstream) -> None:
    here.workers.start()
    told, _ = await speaking(here, model, "a")
    following = asyncio.create_task(told.at(there).followed())
    await told.delete()
    wire = await following
    assert events(wire)[-1]["code"] == "response_deleted"
    assert [event["sequence_number"] for event in events(wire)] == list(range(len(events(wire))))
    with pytest.raises(NotStored):
        await told.read()


# What cannot be


async def test_only_so_many_may_wait(url: str, model: Upstream) -> None:
    async with replica(url, model.url, background_queue=2) as here:
        for _ in range(2):
            await here.ask("m")
        error = await here.refused()
        assert (error.status, error.code, error.param) == (429, "background_queue_full", "background")
        assert error.headers == {"retry-after": "5"}


async def test_only_so_many_are_made_at_once(url: str, model: Upstream) -> None:
    async with replica(url, model.url, background_concurrency=2) as here:
        here.workers.start()
        gates = [Gate() for _ in range(3)]
        asked = [await here.ask(model.script([gate, *chat.answer()])) for gate in gates]
        for gate in gates[:2]:
            await eventually(gate.reached.is_set, "both places taken")
        assert not gates[2].reached.is_set()
        gates[0].open()
        await eventually(gates[2].reached.is_set, "the next one's turn")
        for gate in gates[1:]:
            gate.open()
        for told in asked:
            await told.becomes("completed")


async def test_a_gateway_that_knows_no_model_says_so(url: str, model: Upstream, here: Replica) -> None:
    settings = here.gateway.settings.model_copy(update={"upstream": None, "egress": None})
    without = Replica(type(here.gateway)(**{**vars(here.gateway), "settings": settings}), here.workers)
    error = await without.refused()
    assert (error.status, error.param) == (400, "background")


async def test_a_store_that_is_away_cannot_keep_it(model: Upstream, frail: Valkey) -> None:
    async with replica(frail.url, model.url, store_retries=0) as here:
        caller = here.caller
        frail.kill()
        await eventually(lambda: not here.gateway.store.up, "the store to be known as away")
        assert caller.credential == here.caller.credential
        error = await here.refused()
        assert (error.status, error.code) == (503, "store_unavailable")


# What is kept


async def test_nothing_is_kept_in_clear_for_longer_than_it_takes_and_for_ever(here: Replica, model: Upstream, server: Valkey) -> None:
    here.workers.start()
    told, gate = await speaking(here, model, "a")
    *_, run, _ = keys.of_run(here.caller.tenant, told.ref)
    key = here.headers["authorization"].removeprefix("Bearer ").encode()
    assert server.command("HEXISTS", run, "job")
    for name in server.command("KEYS", "*"):
        if server.command("TYPE", name) == b"hash":
            assert key not in b"".join(server.command("HVALS", name))
    gate.open()
    await told.becomes("completed")
    await eventually_done(here)
    assert not server.command("HEXISTS", run, "job")
    for name in server.command("KEYS", "*"):
        assert name == keys.SECRETS.encode() or server.command("TTL", name) > 0, name
