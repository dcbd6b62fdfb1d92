"""item_reference: an item of before, named instead of sent."""

from __future__ import annotations

import pytest

from tests.session.talk import HELLO, LOOK, Talk, assistant, called, output, texts, user


def reference(id: str, **fields: str) -> dict[str, str]:
    return {"type": "item_reference", "id": id, **fields}


def not_found(param: str) -> tuple[int, None, str]:
    return 404, None, param


async def test_a_reference_stands_for_its_item(me: Talk) -> None:
    first = await me.turn("one")
    (asked,) = await me.inputs(first.id)
    for named in ([reference(asked["id"]), reference(first.output[0]["id"])], [{"id": asked["id"]}, {"id": first.output[0]["id"]}]):
        turn = await me.turn([*named, {"role": "user", "content": "two"}])
        assert turn.messages == [user("one"), assistant("Hello!"), user("two")]
        assert texts(await me.inputs(turn.id)) == ["one", "Hello!", "two"]


async def test_a_call_is_answered_beside_a_reference_to_it(me: Talk) -> None:
    first = await me.turn("look", called("call_1"), tools=[LOOK])
    turn = await me.turn([HELLO, reference(first.output[0]["id"]), output("call_1", "a cat")], tools=[LOOK])
    assert [message["role"] for message in turn.messages] == ["user", "assistant", "tool"]
    assert turn.messages[2]["content"] == "a cat"


async def test_a_reference_to_an_item_of_a_conversation(me: Talk) -> None:
    id = await me.conversation({"role": "user", "content": "before"})
    (item,) = await me.items(id)
    turn = await me.turn([reference(item["id"])])
    assert turn.messages == [user("before")]
    again = await me.turn([reference(item["id"])], conversation=id)
    assert again.messages == [user("before"), user("before")]
    assert len({item["id"] for item in await me.items(id)}) == 3


async def test_references_to_many_threads_are_all_found(me: Talk) -> None:
    turns = [await me.turn(f"{n}") for n in range(5)]
    asked = [(await me.inputs(turn.id))[0]["id"] for turn in turns]
    turn = await me.turn([reference(id) for id in reversed(asked)])
    assert [message["content"] for message in turn.messages] == ["4", "3", "2", "1", "0"]


async def test_somebody_elses_item_is_not_found(me: Talk, stranger: Talk) -> None:
    first = await me.turn()
    id = first.output[0]["id"]
    assert await stranger.refused([HELLO, reference(id)]) == not_found("input[1]")


async def test_a_deleted_item_is_not_found(me: Talk) -> None:
    first = await me.turn()
    await me.delete(first.id)
    assert await me.refused([reference(first.output[0]["id"])]) == not_found("input[0]")


async def test_an_item_that_was_not_stored_is_not_found(me: Talk) -> None:
    first = await me.turn(store=False)
    assert await me.refused([reference(first.output[0]["id"])]) == not_found("input[0]")


async def test_another_prefix_names_another_item(me: Talk) -> None:
    first = await me.turn()
    id = first.output[0]["id"]
    assert await me.refused([reference(id.replace("msg_", "rs_"))]) == not_found("input[0]")


@pytest.mark.parametrize("id", ["msg_1", "x" * 10_000, "resp_" + "0" * 48, "msg_" + "0" * 50, "msg_" + "0" * 48 + "fffff"])
async def test_an_id_of_nothing_is_not_found(me: Talk, id: str) -> None:
    assert await me.refused([HELLO, HELLO, reference(id)]) == not_found("input[2]")


async def test_the_first_of_several_that_are_not_there_is_named(me: Talk) -> None:
    first = await me.turn()
    found = reference(first.output[0]["id"])
    assert await me.refused([found, reference("msg_1"), found, reference("msg_2")]) == not_found("input[1]")
