"""What callers carry sealed: reasoning with store: false, and condensed contexts. Only this gateway opens it, and only for them."""

from __future__ import annotations

import pytest

from gw_extproc.core import ids
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.recall import COMPACTION, REASONING
from gw_extproc.store.store import Store
from tests.events import Json
from tests.real import chat
from tests.session.conftest import Made, talk
from tests.session.talk import HELLO, LOOK, Talk, Turn, assistant, called, output, thought, user
from tests.store.stores import opened
from tests.valkey import Valkey

INCLUDED = {"include": ["reasoning.encrypted_content"]}


def unverified(param: str) -> tuple[int, str, str]:
    return 400, "invalid_encrypted_content", param


@pytest.fixture
def thinking(store: Store, made: Made) -> Talk:
    """A caller in front of a server that wants reasoning back with all messages."""
    return talk(made(store, dialect="openrouter"))


def reasoning(turn: Turn) -> Json:
    (found,) = [item for item in turn.output if item["type"] == "reasoning"]
    return found


def sealed(me: Talk, text: str, purpose: str = REASONING) -> str:
    return me.store.vault.seal(me.caller.tenant, purpose, text)


def sent_back(encrypted: str, **fields: object) -> Json:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted, **fields}


async def test_reasoning_is_sealed_where_the_caller_asks_for_it(me: Talk) -> None:
    whole = await me.turn("hello", thought("Who?"), store=False, **INCLUDED)
    encrypted = reasoning(whole)["encrypted_content"]
    assert "Who?" not in encrypted
    assert await me.store.vault.unseal(me.caller.tenant, REASONING, encrypted) == "Who?"
    assert "encrypted_content" not in reasoning(await me.turn("hello", thought("Who?")))


async def test_a_stream_tells_it_when_the_item_is_done_and_in_the_object(me: Talk) -> None:
    told = [chat.chunk(reasoning_content="Who"), chat.chunk(reasoning_content="?"), *chat.text("Hello!"), chat.finish()]
    turn = await me.turn("hello", *told, stream=True, store=False, **INCLUDED)
    added, done = [event["item"] for event in turn.events if event.get("output_index") == 0 and "item" in event]
    assert "encrypted_content" not in added
    assert done == reasoning(turn)
    assert await me.store.vault.unseal(me.caller.tenant, REASONING, done["encrypted_content"]) == "Who?"


async def test_the_backend_gets_the_reasoning_that_a_caller_carried(thinking: Talk) -> None:
    me = thinking
    first = await me.turn("hello", thought("Who?"), store=False, **INCLUDED)
    item = {**reasoning(first), "content": None}
    message = first.output[1]
    second = await me.turn([HELLO, item, message, HELLO], store=False)
    assert second.messages == [user("hello"), {**assistant("Hello!"), "reasoning": "Who?"}, user("hello")]


async def test_it_comes_back_beside_its_call(store: Store, made: Made) -> None:
    me = talk(made(store, dialect="vllm"))
    first = await me.turn("look", called("call_1", reasoning_content="A cat?"), store=False, tools=[LOOK], **INCLUDED)
    second = await me.turn([HELLO, *first.output, output("call_1")], store=False, tools=[LOOK])
    assert second.messages[1]["reasoning"] == "A cat?"


async def test_what_is_sealed_counts_and_not_what_the_caller_writes_beside_it(thinking: Talk) -> None:
    me = thinking
    item = sent_back(sealed(me, "mine"), content=[{"type": "reasoning_text", "text": "forged"}])
    turn = await me.turn([HELLO, item, {"role": "assistant", "content": "Yes."}, HELLO])
    assert turn.messages[1]["reasoning"] == "mine"


async def test_another_replica_opens_it(thinking: Talk, made: Made, valkey_server: Valkey) -> None:
    item = sent_back(sealed(thinking, "mine"))
    async with opened(valkey_server.url) as elsewhere:
        there = thinking.at(made(elsewhere, dialect="openrouter"))
        turn = await there.turn([HELLO, item, {"role": "assistant", "content": "Yes."}])
    assert turn.messages[1]["reasoning"] == "mine"


async def test_what_cannot_be_opened_is_refused(me: Talk, stranger: Talk) -> None:
    good = sealed(me, "mine")
    altered = good[:40] + ("A" if good[40] != "A" else "B") + good[41:]
    for encrypted in (altered, good[:-8], "garbage", "é", sealed(stranger, "theirs"), sealed(me, "text", COMPACTION)):
        assert await me.refused([HELLO, sent_back(encrypted)]) == unverified("input[1].encrypted_content")


@pytest.mark.parametrize("encrypted", [None, ""])
async def test_reasoning_without_a_seal_is_as_it_is(thinking: Talk, encrypted: str | None) -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "short"}], "encrypted_content": encrypted}
    turn = await thinking.turn([HELLO, item, {"role": "assistant", "content": "Yes."}])
    assert turn.messages[1]["reasoning"] == "short"


async def test_a_stored_chain_needs_no_seal_any_more(thinking: Talk) -> None:
    me = thinking
    first = await me.turn(
        [HELLO, sent_back(sealed(me, "mine")), {"role": "assistant", "content": "Yes."}, HELLO], thought("Who?"), **INCLUDED
    )
    second = await me.turn("two", previous_response_id=first.id)
    assert [message.get("reasoning") for message in second.messages] == [None, "mine", None, "Who?", None]


async def test_it_outlives_the_key_that_sealed_it(made: Made, valkey_server: Valkey) -> None:
    names, old, new = "t" * 16, "o" * 16, "n" * 16
    async with opened(valkey_server.url, given=[old, names]) as before, opened(valkey_server.url, given=[new, names]) as after:
        me = talk(made(before, dialect="openrouter"))
        first = await me.turn("one", thought("Who?"), **INCLUDED)
        later = me.at(made(after, dialect="openrouter"))
        second = await later.turn("two", previous_response_id=first.id)
        assert second.messages[1] == {**assistant("Hello!"), "reasoning": "Who?"}
        assert await later.refused([reasoning(first)]) == unverified("input[0].encrypted_content")


async def test_without_keys_reasoning_is_given_open_and_a_notice_says_so(made: Made, frail: Valkey) -> None:
    frail.kill()
    async with opened(frail.url) as store:
        me = talk(made(store))
        turn = await me.turn("hello", thought("Who?"), **INCLUDED)
    assert reasoning(turn)["content"][0]["text"] == "Who?"
    assert "encrypted_content" not in reasoning(turn)
    assert "not encrypted: reasoning" in turn.notice


def compaction(encrypted: str) -> Json:
    return {"type": "compaction", "id": "cmp_1", "encrypted_content": encrypted}


SUMMARY = "Summary of the conversation so far:\nThey met."


async def test_a_condensed_context_is_told_to_the_model(me: Talk) -> None:
    turn = await me.turn([compaction(sealed(me, "They met.", COMPACTION)), HELLO])
    assert turn.messages == [user(SUMMARY), user("hello")]


async def test_it_is_told_in_later_turns(me: Talk) -> None:
    first = await me.turn([compaction(sealed(me, "They met.", COMPACTION)), HELLO])
    second = await me.turn("two", previous_response_id=first.id)
    third = await me.turn("three", previous_response_id=second.id)
    assert third.messages[:2] == [user(SUMMARY), user("hello")]


async def test_it_too_outlives_its_key(made: Made, valkey_server: Valkey) -> None:
    names, old, new = "t" * 16, "o" * 16, "n" * 16
    async with opened(valkey_server.url, given=[old, names]) as before, opened(valkey_server.url, given=[new, names]) as after:
        me = talk(made(before))
        first = await me.turn([compaction(sealed(me, "They met.", COMPACTION)), HELLO])
        second = await me.at(made(after)).turn("two", previous_response_id=first.id)
        assert second.messages[0] == user(SUMMARY)


async def test_it_is_told_in_conversations(me: Talk) -> None:
    id = await me.conversation(compaction(sealed(me, "They met.", COMPACTION)))
    (kept,) = await me.items(id)
    assert ids.parse_item(kept["id"]) is not None
    assert (await me.turn(conversation=id)).messages == [user(SUMMARY), user("hello")]


async def test_one_that_cannot_be_opened_is_refused(me: Talk, stranger: Talk) -> None:
    for encrypted in ("", "garbage", sealed(stranger, "theirs", COMPACTION), sealed(me, "text", REASONING)):
        assert await me.refused([compaction(encrypted)]) == unverified("input[0].encrypted_content")


async def test_given_secrets_open_what_they_sealed_at_any_store(made: Made, valkey_server: Valkey, frail: Valkey) -> None:
    old, new = "o" * 16, "n" * 16

    def here(gateway: Gateway) -> Talk:
        return Talk(gateway, {"authorization": "Bearer one and the same"})

    async with opened(valkey_server.url, given=[old]) as first, opened(frail.url, given=[new, old]) as second:
        encrypted = sealed(here(made(first)), "They met.", COMPACTION)
        turn = await here(made(second)).turn([compaction(encrypted), HELLO])
    assert turn.messages[0] == user(SUMMARY)
