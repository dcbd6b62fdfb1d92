"""previous_response_id: what the model receives of the turns before, and what is refused."""

from __future__ import annotations

import pytest

from gw_extproc.core.ids import parse_item
from gw_extproc.session.gateway import Gateway
from gw_extproc.store.store import Store
from tests.real import chat
from tests.session.conftest import Made, talk
from tests.session.talk import HELLO, LOOK, PICTURE, Talk, assistant, called, output, said, texts, thought, user
from tests.store.stores import opened
from tests.valkey import Valkey

NOT_FOUND = (404, "previous_response_not_found", "previous_response_id")
UNKNOWN = "resp_" + "0" * 48


async def test_the_model_receives_all_turns_in_their_order(me: Talk) -> None:
    first = await me.turn("one", said("1"))
    second = await me.turn("two", said("2"), previous_response_id=first.id)
    third = await me.turn("three", previous_response_id=second.id)
    assert second.messages == [user("one"), assistant("1"), user("two")]
    assert third.messages == [user("one"), assistant("1"), user("two"), assistant("2"), user("three")]
    assert third.response["previous_response_id"] == second.id


async def test_a_streamed_response_is_continued_like_any_other(me: Talk) -> None:
    first = await me.turn("one", *chat.text("1", "2"), chat.finish(), stream=True)
    second = await me.turn("two", previous_response_id=first.id)
    assert second.messages == [user("one"), assistant("12"), user("two")]


async def test_neither_instructions_nor_tools_are_inherited(me: Talk) -> None:
    first = await me.turn("one", instructions="Be short.", tools=[LOOK], temperature=0.5)
    assert first.messages[0] == {"role": "system", "content": "Be short."}
    second = await me.turn("two", instructions="Be long.", previous_response_id=first.id)
    assert second.messages == [{"role": "system", "content": "Be long."}, user("one"), assistant("Hello!"), user("two")]
    assert second.chat.keys() == {"model", "messages"}
    assert (second.response["instructions"], second.response["tools"], second.response["temperature"]) == ("Be long.", [], 1.0)


async def test_a_call_and_its_output_stand_together_two_turns_later(me: Talk) -> None:
    first = await me.turn("look", called("call_1", '{"at": "it"}', content="I look."), tools=[LOOK])
    second = await me.turn([output("call_1", "a cat")], said("A cat."), previous_response_id=first.id, tools=[LOOK])
    third = await me.turn("sure?", previous_response_id=second.id)
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}
    answered = [
        user("look"),
        {**assistant("I look."), "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
    ]
    assert second.messages == answered
    assert third.messages == [*answered, assistant("A cat."), user("sure?")]


async def test_a_call_that_was_never_answered_gets_an_output_that_says_so(me: Talk) -> None:
    first = await me.turn("look", called("call_1"), tools=[LOOK])
    second = await me.turn("never mind", previous_response_id=first.id)
    *_, told, _ = second.messages
    assert told == {"role": "tool", "tool_call_id": "call_1", "content": "No output was recorded for this call."}
    assert "calls without output: call_1" in second.notice


@pytest.mark.parametrize(("dialect", "replayed"), [("vllm", "reasoning"), ("deepseek", "reasoning_content"), ("generic", None)])
async def test_reasoning_comes_back_with_its_call_as_the_dialect_wants_it(
    store: Store, made: Made, dialect: str, replayed: str | None
) -> None:
    me = talk(made(store, dialect=dialect))
    first = await me.turn("look", called("call_1", reasoning_content="A cat?"), tools=[LOOK])
    second = await me.turn([output("call_1")], previous_response_id=first.id)
    (answered,) = [message for message in second.messages if message["role"] == "assistant"]
    found = {name: answered[name] for name in ("reasoning", "reasoning_content") if name in answered}
    assert found == ({} if replayed is None else {replayed: "A cat?"})


async def test_reasoning_without_a_call_comes_back_only_where_the_dialect_wants_all_of_it(store: Store, made: Made) -> None:
    for dialect, replayed in (("openrouter", {"reasoning": "Who?"}), ("vllm", {})):
        me = talk(made(store, dialect=dialect))
        first = await me.turn("hello", thought("Who?"))
        second = await me.turn("again", previous_response_id=first.id)
        assert second.messages[1] == {**assistant("Hello!"), **replayed}


async def test_a_refusal_comes_back_as_one_where_the_server_knows_them(store: Store, made: Made) -> None:
    for dialect, content in (("openai", [{"type": "refusal", "refusal": "No."}]), ("generic", "No.")):
        me = talk(made(store, dialect=dialect))
        first = await me.turn("do it", chat.completion(content=None, refusal="No."))
        second = await me.turn("please", previous_response_id=first.id)
        assert second.messages[1] == {"role": "assistant", "content": content}


async def test_an_image_comes_back(me: Talk) -> None:
    asked = {"role": "user", "content": [{"type": "input_text", "text": "What?"}, {"type": "input_image", "image_url": PICTURE}]}
    first = await me.turn([asked])
    second = await me.turn("and now?", previous_response_id=first.id)
    assert second.messages[0] == first.messages[0]
    assert second.messages[0]["content"][1]["image_url"]["url"] == PICTURE


async def test_a_response_has_as_many_continuations_as_one_likes(me: Talk) -> None:
    root = await me.turn("root", said("r"))
    left = await me.turn("left", said("l"), previous_response_id=root.id)
    right = await me.turn("right", said("r"), previous_response_id=root.id)
    for branch, told in ((left, ["left", "l"]), (right, ["right", "r"])):
        following = await me.turn("next", previous_response_id=branch.id)
        assert [message["content"] for message in following.messages] == ["root", "r", *told, "next"]


async def test_a_chain_goes_on_at_another_replica(me: Talk, made: Made, valkey_server: Valkey) -> None:
    first = await me.turn("one")
    async with opened(valkey_server.url) as elsewhere:
        second = await me.at(made(elsewhere)).turn("two", previous_response_id=first.id)
    third = await me.turn("three", previous_response_id=second.id)
    assert [message["content"] for message in third.messages] == ["one", "Hello!", "two", "Hello!", "three"]


async def test_what_is_not_to_be_stored_is_not_found_afterwards(me: Talk) -> None:
    turn = await me.turn(store=False)
    assert turn.response["store"] is False
    assert await me.stored(turn.id) is None
    assert await me.refused(previous_response_id=turn.id) == NOT_FOUND


async def test_a_turn_that_is_not_stored_may_continue_one_that_is(me: Talk) -> None:
    first = await me.turn("one")
    second = await me.turn("two", previous_response_id=first.id, store=False)
    assert second.messages == [user("one"), assistant("Hello!"), user("two")]
    assert await me.refused(previous_response_id=second.id) == NOT_FOUND
    assert (await me.turn("two", previous_response_id=first.id)).messages == second.messages


@pytest.mark.parametrize("id", [UNKNOWN, "", "resp_1", "conv_" + "0" * 24, "x" * 10_000, "resp_" + "G" * 48, UNKNOWN + "\n"])
async def test_an_id_of_nothing_is_not_found(me: Talk, id: str) -> None:
    assert await me.refused(previous_response_id=id) == NOT_FOUND


async def test_somebody_elses_response_is_not_found(me: Talk, stranger: Talk) -> None:
    turn = await me.turn()
    assert await stranger.refused(previous_response_id=turn.id) == NOT_FOUND


async def test_a_deleted_response_takes_its_continuations_with_it(me: Talk) -> None:
    first = await me.turn("one")
    second = await me.turn("two", previous_response_id=first.id)
    await me.delete(first.id)
    assert await me.refused(previous_response_id=first.id) == NOT_FOUND
    assert await me.refused(previous_response_id=second.id) == NOT_FOUND
    assert await me.stored(second.id) is not None


async def test_an_output_of_no_call_is_refused_when_the_gateway_has_the_history(me: Talk) -> None:
    first = await me.turn()
    given = [HELLO, output("call_1")]
    assert await me.refused(given, previous_response_id=first.id) == (400, "tool_call_not_found", "input[1]")


async def test_an_output_of_no_call_is_left_out_with_a_notice_when_the_caller_has_the_history(me: Talk) -> None:
    turn = await me.turn([HELLO, output("call_1")])
    assert turn.messages == [user("hello")]
    assert turn.notice == "outputs left out for want of their call: call_1"


async def test_an_output_that_was_left_out_is_no_burden_later(me: Talk) -> None:
    first = await me.turn([HELLO, output("call_1")])
    second = await me.turn("two", previous_response_id=first.id)
    assert second.messages == [user("hello"), assistant("Hello!"), user("two")]


async def test_a_response_and_a_conversation_cannot_both_be_continued(me: Talk) -> None:
    first, conversation = await me.turn(), await me.conversation()
    for given in (conversation, {"id": conversation}):
        refused = await me.refused(previous_response_id=first.id, conversation=given)
        assert refused == (400, "mutually_exclusive_parameters", "previous_response_id")


async def test_nulls_continue_nothing(me: Talk) -> None:
    turn = await me.turn("one", previous_response_id=None, conversation=None)
    assert turn.messages == [user("one")]
    assert turn.response["previous_response_id"] is None
    assert "conversation" not in turn.response


async def test_a_turn_without_input_goes_on_with_the_history(me: Talk) -> None:
    first = await me.turn("one")
    second = await me.turn([], previous_response_id=first.id)
    assert second.messages == [user("one"), assistant("Hello!")]


async def test_items_keep_the_ids_they_were_announced_with(me: Talk) -> None:
    first = await me.turn("one", *chat.text("1"), chat.finish(), stream=True)
    (announced,) = {event["item"]["id"] for event in first.events if "item" in event}
    stored = await me.stored(first.id)
    assert stored is not None
    assert [item["id"] for item in stored["output"]] == [announced] == [item["id"] for item in first.output]
    (asked,) = await me.inputs(first.id)
    places = [parse_item(item["id"]) for item in (asked, stored["output"][0])]
    assert [place and place[1] for place in places] == [0, 1]
    assert (await me.inputs(first.id)) == [asked]


async def test_items_that_come_with_an_id_keep_it(me: Talk) -> None:
    turn = await me.turn([{**HELLO, "id": "msg_mine"}, {"type": "reasoning", "id": "rs_mine", "summary": []}, HELLO])
    found = [item["id"] for item in await me.inputs(turn.id)]
    assert found[:2] == ["msg_mine", "rs_mine"]
    assert parse_item(found[2]) is not None


async def test_the_stored_object_is_the_announced_one(me: Talk) -> None:
    for fields in ({}, {"stream": True}):
        told = [*chat.text("Hello!"), chat.finish()] if fields else [said()]
        turn = await me.turn("hello", *told, metadata={"a": "b"}, tools=[LOOK], **fields)
        assert await me.stored(turn.id) == turn.response
        assert turn.response["store"] is True


async def test_all_kinds_of_calls_are_continued(me: Talk) -> None:
    patch = {"type": "custom", "name": "patch"}
    custom = {"id": "call_1", "type": "function", "function": {"name": "patch", "arguments": '{"input": "+a"}'}}
    first = await me.turn("patch", chat.completion("tool_calls", tool_calls=[custom]), tools=[patch])
    assert first.output[0]["type"] == "custom_tool_call"
    done = {"type": "custom_tool_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "done"}]}
    second = await me.turn([done], said("Done."), previous_response_id=first.id)
    assert [message["role"] for message in second.messages] == ["user", "assistant", "tool"]
    assert second.messages[1]["tool_calls"][0]["function"] == {"name": "patch", "arguments": '{"input":"+a"}'}
    assert second.messages[2]["content"] == "done"
    assert texts(await me.inputs(second.id)) == ["custom_tool_call_output"]


async def test_the_model_that_answers_may_change(me: Talk) -> None:
    first = await me.turn("one")
    second = await me.turn("two", previous_response_id=first.id, model="other")
    assert (first.chat["model"], second.chat["model"]) == ("m", "other")


async def test_an_alias_stands_for_a_model_and_is_echoed(store: Store, made: Made) -> None:
    gateway: Gateway = made(store, model_aliases="fast=small,odd=gone")
    me = talk(gateway)
    turn = await me.turn("one", chat.encoded({"choices": [{"message": {"content": "Hello!"}, "finish_reason": "stop"}]}), model="fast")
    assert turn.chat["model"] == "small"
    assert turn.response["model"] == "fast"
    assert (await me.turn(model="slow")).chat["model"] == "slow"
