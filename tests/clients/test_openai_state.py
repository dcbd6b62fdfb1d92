"""The unmodified openai SDK, stored responses: continue, retrieve, replay, list, delete, count, condense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response, ResponseReasoningItem, ResponseStreamEvent
from pydantic import BaseModel

from tests.clients.test_openai_sdk_tools import WEATHER, calls

UNKNOWN = "resp_" + "0" * 48


class Trip(BaseModel):
    city: str
    days: int


def said(client: OpenAI, text: Any = "My name is Ada.", **more: Any) -> Response:
    response = client.responses.create(model="demo", input=text, **more)
    assert isinstance(response, Response)
    return response


def test_what_was_said_is_remembered(client: OpenAI) -> None:
    first = said(client)
    second = said(client, "What is my name?", previous_response_id=first.id)
    third = said(client, "Sure?", previous_response_id=second.id)
    assert 'Before, you said: "My name is Ada.".' in second.output_text
    assert 'Before, you said: "What is my name?".' in third.output_text
    assert second.previous_response_id == first.id
    assert first.to_dict()["store"] is True


async def test_what_was_said_is_remembered_async(async_client: AsyncOpenAI) -> None:
    async with async_client.responses.stream(model="demo", input="My name is Ada.") as stream:
        first = await stream.get_final_response()
    second = await async_client.responses.create(model="demo", input="And?", previous_response_id=first.id)
    assert 'Before, you said: "My name is Ada.".' in second.output_text
    assert (await async_client.responses.retrieve(second.id)).output_text == second.output_text
    assert [item.type async for item in async_client.responses.input_items.list(second.id)] == ["message"] * 3
    async with await async_client.responses.retrieve(second.id, stream=True, starting_after=1) as rest:
        assert [event.type async for event in rest][-1] == "response.completed"
    await async_client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        await async_client.responses.retrieve(first.id)


def test_instructions_are_not(client: OpenAI) -> None:
    first = said(client, instructions="Be brief.")
    assert "I saw instructions" in first.output_text
    second = said(client, "And?", previous_response_id=first.id)
    assert "I saw instructions" not in second.output_text
    assert second.instructions is None


def test_one_answer_may_be_continued_twice(client: OpenAI) -> None:
    first = said(client)
    texts = [said(client, text, previous_response_id=first.id).output_text for text in ("One", "Two")]
    assert all('Before, you said: "My name is Ada.".' in text for text in texts)


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_over_two_turns(client: OpenAI, stream: bool) -> None:
    """The second request holds nothing but the output."""
    first = said(client, "What is the weather in Paris?", tools=[WEATHER], reasoning={"effort": "low"})
    (call,) = calls(first.output)
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 21 degrees"}]
    more: Any = {"model": "demo", "input": output, "tools": [WEATHER], "previous_response_id": first.id}
    if stream:
        with client.responses.stream(**more) as events:
            text = events.get_final_response().output_text
    else:
        text = client.responses.create(**more).output_text
    assert 'The tools answered: "sunny, 21 degrees".' in text


def test_parse_a_continued_answer(client: OpenAI) -> None:
    first = said(client, "I like Paris.")
    second = client.responses.parse(model="demo", input="A weekend there", text_format=Trip, previous_response_id=first.id)
    assert second.output_parsed is not None
    assert client.responses.retrieve(second.id).output_text == second.output_text


@pytest.mark.parametrize("stream", [False, True])
def test_retrieve_gives_what_was_announced(client: OpenAI, stream: bool) -> None:
    if stream:
        with client.responses.stream(model="demo", input="Hello", metadata={"order": "17"}, reasoning={"effort": "low"}) as events:
            response = events.get_final_response().to_dict()
    else:
        response = said(client, "Hello", metadata={"order": "17"}, reasoning={"effort": "low"}).to_dict()
    assert isinstance(response["id"], str)
    parsed = client.responses.retrieve(response["id"]).to_dict()
    for part in (part for item in response["output"] for part in item.get("content") or ()):  # type: ignore[attr-defined]
        part.pop("parsed", None)  # the SDK's own
    assert parsed == response


def test_retrieve_with_include(client: OpenAI) -> None:
    id = said(client, "Hello", reasoning={"effort": "low"}).id
    plain, full = client.responses.retrieve(id), client.responses.retrieve(id, include=["reasoning.encrypted_content"])
    assert isinstance(thought := plain.output[0], ResponseReasoningItem)
    assert thought.encrypted_content is None
    assert isinstance(thought := full.output[0], ResponseReasoningItem)
    assert thought.encrypted_content


def told(client: OpenAI, **asked: Any) -> Sequence[ResponseStreamEvent]:
    with client.responses.create(model="demo", stream=True, **asked) as events:
        return list(events)


def test_retrieve_as_a_stream_gives_the_same_events(client: OpenAI) -> None:
    events = told(client, input="What is the weather in Paris?", tools=[WEATHER], reasoning={"effort": "low", "summary": "auto"})
    id = events[-1].response.id  # type: ignore[union-attr]
    with client.responses.retrieve(id, stream=True) as again:
        assert [event.to_dict() for event in again] == [event.to_dict() for event in events]


def test_retrieve_as_a_stream_resumes(client: OpenAI) -> None:
    events = told(client, input="Hello")
    id = events[-1].response.id  # type: ignore[union-attr]
    for place in (0, 3, len(events) - 2, len(events) - 1):
        with client.responses.retrieve(id, stream=True, starting_after=place) as rest:
            assert [event.to_dict() for event in rest] == [event.to_dict() for event in events[place + 1 :]]


def test_the_stream_helper_resumes(client: OpenAI) -> None:
    """It makes a whole response of a replay."""
    id = said(client, "Hello").id
    with client.responses.stream(response_id=id) as stream:
        assert 'You said: "Hello".' in stream.get_final_response().output_text


def test_delete(client: OpenAI) -> None:
    first = said(client)
    second = said(client, "And?", previous_response_id=first.id)
    client.responses.delete(first.id)
    for gone in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError):
            gone(first.id)
    assert client.responses.retrieve(second.id).output_text == second.output_text
    with pytest.raises(openai.NotFoundError) as raised:
        said(client, "And?", previous_response_id=second.id)
    assert raised.value.code == "previous_response_not_found"


def test_cancel_is_for_what_runs_in_the_background(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="synchronous"):
        client.responses.cancel(said(client).id)
    with pytest.raises(openai.NotFoundError):
        client.responses.cancel(UNKNOWN)


def test_input_items(client: OpenAI) -> None:
    first = said(client, [{"role": "user", "content": f"Number {number}"} for number in range(1, 24)])
    second = said(client, "And?", previous_response_id=first.id)
    newest = list(client.responses.input_items.list(second.id))
    oldest = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    assert [item.id for item in newest] == [item.id for item in reversed(oldest)]
    assert len({item.id for item in newest}) == len(newest) == 25
    assert newest[1].id == first.output[0].id
    assert newest[0].to_dict()["content"] == [{"type": "input_text", "text": "And?"}]


def test_input_items_by_pages(client: OpenAI) -> None:
    id = said(client, [{"role": "user", "content": f"Number {number}"} for number in range(3)]).id
    page = client.responses.input_items.list(id, limit=2)
    assert (len(page.data), page.has_next_page()) == (2, True)
    rest = client.responses.input_items.list(id, limit=2, after=page.data[-1].id)
    assert (len(rest.data), rest.has_next_page()) == (1, False)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.input_items.list(id, limit=101)
    assert raised.value.param == "limit"


def test_input_tokens(client: OpenAI) -> None:
    short, long = (client.responses.input_tokens.count(model="demo", input=text) for text in ("Hi", "Hi " * 1000))
    assert 0 < short.input_tokens < long.input_tokens
    id = said(client, "Hello " * 1000).id
    assert client.responses.input_tokens.count(model="demo", input="Hi", previous_response_id=id).input_tokens > 1000


@pytest.mark.parametrize("continued", [False, True])
def test_compact(client: OpenAI, continued: bool) -> None:
    first = said(client, "Remember the number 17.")
    context: Any = {"previous_response_id": first.id} if continued else {"input": [{"role": "user", "content": "Remember 17."}]}
    compacted = client.responses.compact(model="demo", **context)
    assert [item.type for item in compacted.output] == ["message", "compaction"]
    assert compacted.usage.total_tokens > 0
    window: Any = [*(item.to_dict(warnings=False) for item in compacted.output), {"role": "user", "content": "Which number?"}]
    second = said(client, window)
    assert 'You said: "Which number?".' in second.output_text
    third = said(client, "And?", previous_response_id=second.id)
    assert 'Before, you said: "Which number?".' in third.output_text


def test_reasoning_is_carried_by_who_stores_nothing(client: OpenAI, stranger: OpenAI) -> None:
    asked: Any = {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"], "store": False, "tools": [WEATHER]}
    context: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = said(client, context, **asked)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    context += [item.to_dict() for item in first.output]
    context += [{"type": "function_call_output", "call_id": calls(first.output)[0].call_id, "output": "sunny"}]
    assert context[1]["encrypted_content"]
    assert "sunny" in said(client, context, **asked).output_text
    with pytest.raises(openai.BadRequestError) as raised:
        said(stranger, context, **asked)
    assert (raised.value.code, raised.value.param) == ("invalid_encrypted_content", "input[1].encrypted_content")
    context[1]["encrypted_content"] = context[1]["encrypted_content"][:-8] + "AAAAAAA="
    with pytest.raises(openai.BadRequestError):
        said(client, context, **asked)


def test_what_was_not_stored_cannot_be_continued(client: OpenAI) -> None:
    id = said(client, store=False).id
    with pytest.raises(openai.NotFoundError) as raised:
        said(client, "And?", previous_response_id=id)
    assert (raised.value.code, raised.value.param) == ("previous_response_not_found", "previous_response_id")
    assert raised.value.type == "invalid_request_error"


@pytest.mark.parametrize("id", ["resp_1", UNKNOWN])
def test_what_never_was_cannot_be_continued(client: OpenAI, id: str) -> None:
    for stream in (False, True):
        with pytest.raises(openai.NotFoundError) as raised:
            client.responses.create(model="demo", input="And?", previous_response_id=id, stream=stream)
        assert raised.value.code == "previous_response_not_found"


def test_a_stranger_finds_nothing(client: OpenAI, stranger: OpenAI) -> None:
    """The same errors as for an id that never was."""
    response = said(client)
    item = response.output[0].id
    attempts: list[Any] = [
        lambda id, _: stranger.responses.retrieve(id),
        lambda id, _: stranger.responses.retrieve(id, stream=True),
        lambda id, _: stranger.responses.delete(id),
        lambda id, _: stranger.responses.cancel(id),
        lambda id, _: stranger.responses.input_items.list(id),
        lambda id, _: said(stranger, "And?", previous_response_id=id),
        lambda _, id: said(stranger, [{"type": "item_reference", "id": id}]),
    ]
    unknown_item = f"msg_{'0' * 48}01"
    for attempt in attempts:
        errors = []
        for ids in ((response.id, item), (UNKNOWN, unknown_item)):
            with pytest.raises(openai.NotFoundError) as raised:
                attempt(*ids)
            errors.append(str(raised.value.body).replace(ids[0], "ID").replace(str(ids[1]), "ID"))
        assert errors[0] == errors[1]
    assert client.responses.retrieve(response.id).output_text == response.output_text


def test_an_item_may_be_referred_to(client: OpenAI) -> None:
    first = said(client, "What is the weather in Paris?", tools=[WEATHER])
    (call,) = calls(first.output)
    context: Any = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"type": "item_reference", "id": call.id},
        {"type": "function_call_output", "call_id": call.call_id, "output": "rain"},
    ]
    assert "rain" in said(client, context).output_text


def test_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["demo"]
    assert client.models.retrieve("demo").object == "model"
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("some/other")
    assert raised.value.code == "model_not_found"


async def test_models_async(async_client: AsyncOpenAI) -> None:
    assert [model.id async for model in async_client.models.list()] == ["demo"]
    assert (await async_client.models.retrieve("demo")).id == "demo"
