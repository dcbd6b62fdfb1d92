"""The unmodified openai SDK, conversations: the eight operations, and answers that are given in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.conversations import Conversation
from openai.types.responses import Response

from tests.clients.test_openai_sdk_tools import WEATHER, calls

UNKNOWN = "conv_" + "0" * 24


def user(text: str) -> Any:
    return {"type": "message", "role": "user", "content": text}


def asked(client: OpenAI, conversation: Conversation, text: Any, **more: Any) -> Response:
    response = client.responses.create(model="demo", input=text, conversation=conversation.id, **more)
    assert isinstance(response, Response)
    return response


def texts(client: OpenAI, conversation: Conversation) -> list[str]:
    """What was said, the oldest first."""
    return words(client.conversations.items.list(conversation.id, order="asc"))


def words(messages: Iterable[Any]) -> list[str]:
    """What each of the messages says, in one part."""
    return [part.text for message in messages for part in message.content]


def test_a_conversation_s_life(client: OpenAI) -> None:
    made = client.conversations.create(metadata={"topic": "names"})
    assert (made.object, made.metadata) == ("conversation", {"topic": "names"})
    assert client.conversations.retrieve(made.id) == made
    updated = client.conversations.update(made.id, metadata={"topic": "weather"})
    assert updated.metadata == {"topic": "weather"}
    assert client.conversations.retrieve(made.id) == updated
    deleted = client.conversations.delete(made.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (made.id, "conversation.deleted", True)
    for gone in (client.conversations.retrieve, client.conversations.delete, client.conversations.items.list):
        with pytest.raises(openai.NotFoundError):
            gone(made.id)
    with pytest.raises(openai.NotFoundError) as raised:
        asked(client, made, "Hello")
    assert raised.value.param == "conversation"


def test_a_conversation_that_begins_with_items(client: OpenAI) -> None:
    conversation = client.conversations.create(items=[user("My name is Ada."), {"role": "assistant", "content": "Hello, Ada."}])
    assert texts(client, conversation) == ["My name is Ada.", "Hello, Ada."]
    assert 'Before, you said: "My name is Ada.".' in asked(client, conversation, "What is my name?").output_text


def test_items_one_by_one(client: OpenAI) -> None:
    conversation = client.conversations.create()
    listed = client.conversations.items.create(conversation.id, items=[user("One"), user("Two")])
    first, second = listed.data
    assert (listed.first_id, listed.last_id, listed.has_more) == (first.id, second.id, False)
    assert client.conversations.items.retrieve(str(first.id), conversation_id=conversation.id) == first
    assert client.conversations.items.delete(str(first.id), conversation_id=conversation.id).id == conversation.id
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.retrieve(str(first.id), conversation_id=conversation.id)
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.delete(str(first.id), conversation_id=conversation.id)
    assert texts(client, conversation) == ["Two"]


def test_items_by_pages(client: OpenAI) -> None:
    """The SDK asks for page after page."""
    conversation = client.conversations.create()
    for start in (0, 20, 40):
        client.conversations.items.create(conversation.id, items=[user(f"Number {number}") for number in range(start, start + 20)])
    said = [f"Number {number}" for number in range(60)]
    assert texts(client, conversation) == said
    assert words(client.conversations.items.list(conversation.id, limit=7)) == said[::-1]
    page = client.conversations.items.list(conversation.id, order="asc", limit=58)
    assert (len(page.data), page.has_next_page()) == (58, True)
    assert [len(page.data) for page in page.iter_pages()] == [58, 2]


def test_turns_leave_their_items(client: OpenAI) -> None:
    conversation = client.conversations.create()
    first = asked(client, conversation, "What is the weather in Paris?", tools=[WEATHER], reasoning={"effort": "low"})
    output = {"type": "function_call_output", "call_id": calls(first.output)[0].call_id, "output": "sunny"}
    with client.responses.stream(model="demo", input=[output], conversation=conversation.id, tools=[WEATHER]) as stream:  # type: ignore[list-item]
        second = stream.get_final_response()
    assert 'The tools answered: "sunny".' in second.output_text
    assert second.conversation is not None
    assert second.conversation.id == conversation.id
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    assert [item.type for item in items] == ["message", "reasoning", "function_call", "function_call_output", "message"]
    assert [item.id for item in items[1:3]] == [item.id for item in first.output]
    assert client.responses.retrieve(first.id).to_dict() == first.to_dict()


def test_a_conversation_given_as_an_object(client: OpenAI) -> None:
    conversation = client.conversations.create(items=[user("My name is Ada.")])
    answer = client.responses.create(model="demo", input="And?", conversation={"id": conversation.id})
    assert 'Before, you said: "My name is Ada.".' in answer.output_text


def test_an_answer_that_is_not_stored_still_belongs_to_its_conversation(client: OpenAI) -> None:
    conversation = client.conversations.create()
    answer = asked(client, conversation, "Hello", store=False)
    assert texts(client, conversation) == ["Hello", answer.output_text]
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ({"metadata": {"x": "y" * 513}}, "metadata"),
        ({"items": [user("x")] * 21}, "items"),
        ({"items": [{"role": "nobody", "content": "x"}]}, "items[0].role"),
    ],
    ids=["too many pairs", "too long a value", "too many items", "an unknown role"],
)
def test_what_cannot_be_created(client: OpenAI, wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.conversations.create(**wrong)
    assert str(raised.value.param).startswith(param)


def test_a_conversation_or_a_previous_response(client: OpenAI) -> None:
    conversation = client.conversations.create()
    first = asked(client, conversation, "Hello")
    with pytest.raises(openai.BadRequestError) as raised:
        asked(client, conversation, "And?", previous_response_id=first.id)
    assert raised.value.code == "mutually_exclusive_parameters"


def test_a_stranger_finds_no_conversation(client: OpenAI, stranger: OpenAI) -> None:
    """The same errors as for an id that never was."""
    conversation = client.conversations.create(items=[user("My name is Ada.")])
    item = next(iter(client.conversations.items.list(conversation.id))).id or ""
    attempts: list[Any] = [
        lambda id, _: stranger.conversations.retrieve(id),
        lambda id, _: stranger.conversations.update(id, metadata={}),
        lambda id, _: stranger.conversations.delete(id),
        lambda id, _: stranger.conversations.items.list(id),
        lambda id, _: stranger.conversations.items.list(id, after=item),
        lambda id, _: stranger.conversations.items.create(id, items=[user("x")]),
        lambda id, item: stranger.conversations.items.retrieve(item, conversation_id=id),
        lambda id, item: stranger.conversations.items.delete(item, conversation_id=id),
        lambda id, _: stranger.responses.create(model="demo", input="And?", conversation=id),
    ]
    for attempt in attempts:
        errors = []
        for ids in ((conversation.id, item), (UNKNOWN, f"msg_{'0' * 48}00")):
            with pytest.raises(openai.NotFoundError) as raised:
                attempt(*ids)
            errors.append(str(raised.value.body).replace(ids[0], "ID").replace(ids[1], "ID"))
        assert errors[0] == errors[1]
    assert texts(client, conversation) == ["My name is Ada."]


async def test_turns_at_the_same_time_async(async_client: AsyncOpenAI) -> None:
    """None is lost, and none is torn apart."""
    conversation = await async_client.conversations.create()
    numbers = [f"Number {number}" for number in range(10)]
    ask = async_client.responses.create
    answers = await asyncio.gather(*(ask(model="demo", input=text, conversation=conversation.id) for text in numbers))
    said = words([item async for item in async_client.conversations.items.list(conversation.id, order="asc")])
    turns = {text: answer.output_text for text, answer in zip(numbers, answers, strict=True)}
    assert sorted(said[::2]) == sorted(numbers)
    assert [turns[question] for question in said[::2]] == said[1::2]


async def test_a_conversation_s_life_async(async_client: AsyncOpenAI) -> None:
    made = await async_client.conversations.create(items=[user("One")], metadata={"a": "b"})
    listed = await async_client.conversations.items.create(made.id, items=[user("Two")])
    items = [item.id async for item in async_client.conversations.items.list(made.id, order="asc", limit=1)]
    assert items[1] == listed.data[0].id
    assert (await async_client.conversations.items.retrieve(str(items[0]), conversation_id=made.id)).id == items[0]
    assert await async_client.conversations.items.delete(str(items[0]), conversation_id=made.id) == made
    assert (await async_client.conversations.update(made.id, metadata={})).metadata == {}
    assert (await async_client.conversations.retrieve(made.id)).metadata == {}
    assert (await async_client.conversations.delete(made.id)).deleted
