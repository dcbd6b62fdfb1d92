"""A conversation: turns read its items and leave theirs there, whole and in order."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gw_extproc.core.ids import conversation_id, parse_item
from tests.real import chat
from tests.session.talk import HELLO, LOOK, Talk, answer_of, assistant, called, output, said, texts, user

NOT_FOUND = (404, None, "conversation")


@pytest.mark.parametrize("as_object", [False, True])
async def test_the_model_receives_the_items_of_the_conversation(me: Talk, as_object: bool) -> None:
    id = await me.conversation({"role": "user", "content": "before"}, {"role": "assistant", "content": "Yes."})
    turn = await me.turn("now", conversation={"id": id} if as_object else id)
    assert turn.messages == [user("before"), assistant("Yes."), user("now")]
    assert turn.response["conversation"] == {"id": id}
    assert turn.response["previous_response_id"] is None


async def test_a_turn_leaves_its_inputs_and_then_its_outputs_there(me: Talk) -> None:
    id = await me.conversation({"role": "user", "content": "before"})
    await me.turn([{"role": "user", "content": "one"}, {"role": "user", "content": "two"}], said("1"), conversation=id)
    await me.turn("three", said("2"), conversation=id)
    assert texts(await me.items(id)) == ["before", "one", "two", "1", "three", "2"]
    third = await me.turn("four", conversation=id)
    assert [message["content"] for message in third.messages] == ["before", "one", "two", "1", "three", "2", "four"]


async def test_all_ids_in_a_conversation_are_ours_and_say_where_the_item_is(me: Talk) -> None:
    id = await me.conversation({**HELLO, "id": "msg_mine"})
    turn = await me.turn([{**HELLO, "id": "msg_mine"}], conversation=id)
    items = await me.items(id)
    places = [parse_item(item["id"]) for item in items]
    assert all(place and conversation_id(place[0].thread) == id for place in places)
    assert [place and place[1] for place in places] == [0, 0, 1]
    assert items[2] == turn.output[0]
    assert [items[1]] == await me.inputs(turn.id)


async def test_calls_of_a_conversation_are_answered_in_a_later_turn(me: Talk) -> None:
    id = await me.conversation()
    await me.turn("look", called("call_1"), conversation=id, tools=[LOOK])
    turn = await me.turn([output("call_1", "a cat")], conversation=id)
    assert turn.messages[-1] == {"role": "tool", "tool_call_id": "call_1", "content": "a cat"}
    assert await me.refused([output("call_2")], conversation=id) == (400, "tool_call_not_found", "input[0]")


async def test_a_turn_that_is_not_stored_leaves_its_items_but_no_response(me: Talk) -> None:
    id = await me.conversation()
    turn = await me.turn("one", conversation=id, store=False)
    assert turn.response["store"] is False
    assert await me.stored(turn.id) is None
    assert await me.refused(previous_response_id=turn.id) == (404, "previous_response_not_found", "previous_response_id")
    assert texts(await me.items(id)) == ["one", "Hello!"]


async def test_a_response_of_a_conversation_is_continued_from_where_it_was(me: Talk) -> None:
    id = await me.conversation()
    first = await me.turn("one", conversation=id)
    await me.turn("two", conversation=id)
    branch = await me.turn("else", previous_response_id=first.id)
    assert [message["content"] for message in branch.messages] == ["one", "Hello!", "else"]
    assert texts(await me.items(id)) == ["one", "Hello!", "two", "Hello!"]


@pytest.mark.parametrize("id", ["conv_" + "0" * 24, "conv_1", "", "resp_" + "0" * 48, "x" * 10_000])
async def test_a_conversation_that_is_none_is_not_found(me: Talk, id: str) -> None:
    assert await me.refused(conversation=id) == NOT_FOUND


async def test_somebody_elses_conversation_is_not_found(me: Talk, stranger: Talk) -> None:
    id = await me.conversation()
    assert await stranger.refused(conversation=id) == NOT_FOUND
    await me.delete(id)
    assert await me.refused(conversation=id) == NOT_FOUND


async def test_a_conversation_that_is_deleted_meanwhile_keeps_nothing_and_the_response_says_so(
    me: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    id = await me.conversation()
    session = await me.begin(conversation=id, stream=True)
    answer = answer_of(session)
    await answer.body(chat.text("Hello!")[0])
    await me.delete(id)
    with caplog.at_level(logging.WARNING):
        await answer.body(chat.finish())
    assert not session.kept
    assert b'"store":false' in session.told
    assert await me.stored(session.id) is None
    assert caplog.messages == [f"response {session.id} is not stored: its conversation was deleted meanwhile"]


async def test_two_turns_at_once_are_neither_lost_nor_interleaved(me: Talk) -> None:
    id = await me.conversation()
    answers = [answer_of(await me.begin([user(f"{n}"), user(f"{n}")], conversation=id)) for n in range(8)]
    for n, answer in enumerate(answers):
        await answer.body(said(f"{n}!"))
    await asyncio.gather(*(answer.end() for answer in answers))
    told = texts(await me.items(id))
    assert len(told) == 24
    turns = [told[at : at + 3] for at in range(0, 24, 3)]
    assert sorted(turns) == [[f"{n}", f"{n}", f"{n}!"] for n in range(8)]


async def test_a_turn_sees_the_conversation_as_it_was_when_it_began(me: Talk) -> None:
    id = await me.conversation()
    session = await me.begin("slow", conversation=id)
    await me.turn("quick", conversation=id)
    answer = answer_of(session)
    await answer.body(said("late"))
    await answer.end()
    assert texts(await me.items(id)) == ["quick", "Hello!", "slow", "late"]
    branch = await me.turn("and?", previous_response_id=session.id)
    assert [message["content"] for message in branch.messages] == ["slow", "late", "and?"]


async def test_a_request_that_fails_leaves_nothing(me: Talk) -> None:
    id = await me.conversation()
    await me.refused([HELLO], conversation=id, temperature=9)
    assert await me.items(id) == []
