"""Nothing is announced before it is kept, and what is not kept is never said to be; what is broken off is kept as far as it came."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from gw_extproc.core.errors import UpstreamError
from gw_extproc.session.answers import Answer, Body, Part
from gw_extproc.session.session import Session
from gw_extproc.store.errors import StoreDown
from gw_extproc.store.store import Store
from tests.events import Json, events
from tests.real import chat
from tests.session.conftest import Made, talk
from tests.session.talk import Talk, answer_of, output, said, texts, user
from tests.store.proxy import proxy
from tests.store.stores import eventually, opened
from tests.valkey import Valkey

AWAY = (503, "store_unavailable", None)


def told(parts: Sequence[Part]) -> list[Json]:
    return events(b"".join(part.data for part in parts if isinstance(part, Body)))


async def whole(answer: Answer, body: bytes) -> None:
    await answer.body(body)
    await answer.end()


async def streaming(me: Talk, *pieces: bytes, **fields: Any) -> tuple[Session, Answer]:
    """A response in the midst of its stream, and what awaits the rest."""
    session = await me.begin(stream=True, **fields)
    answer = answer_of(session)
    for piece in pieces:
        await answer.body(piece)
    return session, answer


async def streamed(me: Talk, *pieces: bytes, **fields: Any) -> Session:
    """A response that has come so far."""
    return (await streaming(me, *pieces, **fields))[0]


async def test_who_reads_the_terminal_event_finds_the_response_at_any_replica(me: Talk, made: Made, valkey_server: Valkey) -> None:
    async with opened(valkey_server.url) as elsewhere:
        there = me.at(made(elsewhere))
        session = await me.begin(stream=True)
        answer = answer_of(session)
        await answer.body(chat.text("Hello!")[0])
        assert await there.stored(session.id) is None
        parts = await answer.body(chat.finish())
        (completed,) = told(parts)[-1:]
        assert completed["type"] == "response.completed"
        assert await there.stored(session.id) == completed["response"]
        assert (await there.turn("two", previous_response_id=session.id)).messages[0] == user("hello")
        await answer.end()


async def test_a_store_that_fails_at_the_end_is_told_and_nothing_else_changes(
    frail: Valkey, frail_store: Store, made: Made, caplog: pytest.LogCaptureFixture
) -> None:
    me = talk(made(frail_store))
    for stream in (True, False):
        session = await me.begin(stream=stream)
        answer = answer_of(session)
        parts = [*answer.begin(), *await answer.body(chat.text("Hello!")[0] if stream else said())]
        frail.kill()
        if stream:
            parts += await answer.body(chat.finish())
        parts += await answer.end()
        if stream:
            found = told(parts)
            assert found[0]["response"]["store"] is True
            response = found[-1]["response"]
            assert found[-1]["type"] == "response.completed"
        else:
            (body,) = [part.data for part in parts if isinstance(part, Body)]
            response = orjson.loads(body)
        assert (response["status"], response["store"]) == ("completed", False)
        assert texts(response["output"]) == ["Hello!"]
        assert not session.kept
        assert f"response {session.id} is not stored" in caplog.text
        await eventually(lambda: not frail_store.up, "that it is known to be away")  # or the next begins while it is looked for
        frail.start()
        await eventually(lambda: frail_store.up, "the store")
        assert await me.stored(session.id) is None


async def test_a_full_store_is_told_too(frail: Valkey, frail_store: Store, made: Made) -> None:
    me = talk(made(frail_store))
    first = await me.turn("one")
    frail.command("CONFIG", "SET", "maxmemory", "1")
    turn = await me.turn("two", previous_response_id=first.id)
    assert turn.messages[0] == user("one")
    assert (turn.response["status"], turn.response["store"]) == ("completed", False)
    frail.command("CONFIG", "SET", "maxmemory", "0")
    assert await me.stored(turn.id) is None
    assert (await me.turn("two", previous_response_id=first.id)).response["store"] is True


async def test_a_store_that_is_known_to_be_away_is_told_from_the_beginning(frail: Valkey, frail_store: Store, made: Made) -> None:
    me = talk(made(frail_store))
    frail.kill()
    await me.turn()
    await eventually(lambda: not frail_store.up, "that it is known to be away")
    turn = await me.turn("hello", *chat.text("Hello!"), chat.finish(), stream=True)
    assert {event["response"]["store"] for event in turn.events if "response" in event} == {False}
    assert turn.notice == "not stored: store"
    quiet = await me.turn(store=False)
    assert quiet.notice == ""
    frail.start()
    await eventually(lambda: frail_store.up, "the store")
    assert (await me.turn()).response["store"] is True


async def test_what_needs_the_store_waits_for_it(frail: Valkey, frail_store: Store, made: Made) -> None:
    me = talk(made(frail_store))
    turn, conversation = await me.turn(), await me.conversation()
    item = {"type": "item_reference", "id": turn.output[0]["id"]}
    frail.kill()
    assert await me.refused(previous_response_id=turn.id) == AWAY
    assert await me.refused(conversation=conversation) == AWAY
    assert await me.refused([item]) == AWAY
    with pytest.raises(StoreDown) as down:
        await me.begin(previous_response_id=turn.id, store=False)
    assert down.value.headers == {"retry-after": "1"}


async def test_a_gateway_that_has_never_seen_its_store_answers_all_the_same(frail: Valkey, made: Made) -> None:
    frail.kill()
    async with opened(frail.url) as store:
        me = talk(made(store))
        turn = await me.turn([user("hello"), output("call_1")], include=["reasoning.encrypted_content"])
        assert turn.messages == [user("hello")]
        assert (turn.response["status"], turn.response["store"]) == ("completed", False)
        assert "not stored: store" in turn.notice
        assert await me.refused(previous_response_id=turn.id) == AWAY
        assert await me.refused([{"type": "reasoning", "summary": [], "encrypted_content": "AA"}]) == AWAY


async def test_what_is_broken_off_is_kept_as_far_as_it_came(me: Talk) -> None:
    session = await streamed(me, *chat.text("Hel", "lo"))
    await session.give_up()
    stored = await me.stored(session.id)
    assert stored is not None
    assert (stored["status"], stored["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    assert texts(stored["output"]) == ["Hello"]
    assert stored["output"][0]["status"] == "incomplete"
    following = await me.turn("and?", previous_response_id=session.id)
    assert [message["content"] for message in following.messages] == ["hello", "Hello", "and?"]


async def test_a_call_that_was_broken_off_is_no_burden_later(me: Talk) -> None:
    started = chat.chunk(tool_calls=[{"index": 0, **chat.call("look", '{"at": ')}])
    session = await streamed(me, started)
    await session.give_up()
    following = await me.turn("and?", previous_response_id=session.id)
    assert [message["role"] for message in following.messages] == ["user", "assistant", "tool", "user"]
    assert "arguments repaired: call_1" in following.notice


async def test_what_had_come_to_its_end_is_complete(me: Talk) -> None:
    session = await streamed(me, *chat.text("Hello"), chat.chunk("stop"))
    await session.give_up()
    stored = await me.stored(session.id)
    assert stored is not None
    assert stored["status"] == "completed"
    assert stored["output"][0]["status"] == "completed"


async def test_what_never_began_is_not_kept(me: Talk) -> None:
    id = await me.conversation()
    session = await me.begin(stream=True, conversation=id)
    await session.give_up()
    assert await me.stored(session.id) is None
    assert await me.items(id) == []


async def test_what_is_not_to_be_stored_is_not_kept_when_it_is_broken_off(me: Talk) -> None:
    session = await streamed(me, *chat.text("Hello"), store=False)
    await session.give_up()
    assert await me.stored(session.id) is None


async def test_a_turn_that_is_broken_off_leaves_its_items_in_the_conversation(me: Talk) -> None:
    id = await me.conversation()
    session = await streamed(me, *chat.text("Hel"), conversation=id)
    await session.give_up()
    assert texts(await me.items(id)) == ["hello", "Hel"]


async def test_a_question_without_any_answer_does_not_go_into_its_conversation(me: Talk) -> None:
    id = await me.conversation()
    session = await streamed(me, conversation=id)
    await session.give_up()
    assert await me.items(id) == []


async def test_a_stream_that_fails_is_kept_as_failed(me: Talk) -> None:
    session = await me.begin(stream=True)
    answer = answer_of(session)
    parts = [*await answer.body(chat.text("Hel")[0]), *await answer.fail(UpstreamError("It broke.", code="broken"))]
    stored = await me.stored(session.id)
    assert stored == told(parts)[-1]["response"]
    assert stored is not None
    assert (stored["status"], stored["error"]["message"]) == ("failed", "It broke.")
    assert texts(stored["output"]) == ["Hel"]


async def test_a_request_that_becomes_an_http_error_leaves_nothing(me: Talk) -> None:
    """Nobody has been told an id, and whoever asks again must not find the question twice in the conversation."""
    id = await me.conversation()
    for broken in (b'{"error": {"message": "Busy."}}', b'{"choices": [{"message"', b"[]", chat.text("Hel")[0]):
        session = await me.begin(conversation=id)
        answer = answer_of(session)
        with pytest.raises(UpstreamError) as error:
            await whole(answer, broken)
        await answer.fail(error.value)
        await session.give_up()
        assert await me.stored(session.id) is None
    assert await me.items(id) == []


async def test_it_is_announced_once_and_kept_once(me: Talk) -> None:
    id = await me.conversation()
    session = await streamed(me, *chat.text("Hello"), chat.finish(), conversation=id)
    assert session.told
    assert await session.conclude() == b""
    await session.give_up()
    assert texts(await me.items(id)) == ["hello", "Hello"]


async def test_who_leaves_while_it_is_saved_changes_nothing(made: Made, valkey_server: Valkey) -> None:
    """The save is done, but nobody hears of it; it is done again."""
    async with proxy(valkey_server.port) as wire, opened(wire.url) as store:
        me = talk(made(store))
        id = await me.conversation()
        session, answer = await streaming(me, *chat.text("Hello"), conversation=id)
        sent = len(wire.sent)
        wire.flows.clear()
        saving = asyncio.create_task(answer.body(chat.finish()))
        await eventually(lambda: b"Hello" in wire.sent[sent:], "the save")
        saving.cancel()
        await asyncio.gather(saving, return_exceptions=True)
        wire.flows.set()
        await session.give_up()
        assert texts(await me.items(id)) == ["hello", "Hello"]
        stored = await me.stored(session.id)
        assert stored is not None
        assert stored["status"] == "completed"
