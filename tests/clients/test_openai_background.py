"""The unmodified openai SDK, background responses: create, poll, stream, resume, cancel, continue."""

from __future__ import annotations

import openai
import pytest
from openai import AsyncOpenAI, Omit, OpenAI, omit
from openai.types.responses import Response

from tests.waiting import until

UNENDED = ("queued", "in_progress")


def asked(client: OpenAI, text: str = "Hello!", previous: str | Omit = omit) -> Response:
    return client.responses.create(model="demo", input=text, background=True, previous_response_id=previous)


def ended(client: OpenAI, response: Response) -> Response:
    until(lambda: client.responses.retrieve(response.id).status not in UNENDED, "the end")
    return client.responses.retrieve(response.id)


def test_it_is_there_at_once_and_ends_by_itself(client: OpenAI, stranger: OpenAI) -> None:
    response = asked(client)
    assert (response.status, response.background, response.output) == ("queued", True, [])
    with pytest.raises(openai.NotFoundError):
        stranger.responses.retrieve(response.id)
    done = ended(client, response)
    assert done.status == "completed"
    assert 'You said: "Hello!".' in done.output_text
    assert done.usage is not None


def test_it_is_part_of_a_chain(client: OpenAI) -> None:
    first = ended(client, asked(client, "My name is Ada."))
    second = ended(client, asked(client, "And?", first.id))
    assert 'Before, you said: "My name is Ada.".' in second.output_text
    assert len(list(client.responses.input_items.list(second.id))) == 3


async def test_it_can_be_streamed_and_resumed(async_client: AsyncOpenAI) -> None:
    seen = []
    async with await async_client.responses.create(model="demo", input="Hello!", background=True, stream=True) as stream:
        async for event in stream:
            seen.append(event)
            if len(seen) == 5:
                break
    assert [event.type for event in seen[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert seen[0].type == "response.created"
    id = seen[0].response.id
    async with await async_client.responses.retrieve(id, stream=True, starting_after=4) as rest:
        seen += [event async for event in rest]
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    assert seen[-1].type == "response.completed"
    async with await async_client.responses.retrieve(id, stream=True) as again:
        assert [event async for event in again] == seen


async def test_the_accumulator_of_the_sdk_follows_it(async_client: AsyncOpenAI) -> None:
    async with async_client.responses.stream(model="demo", input="Hello!", background=True) as stream:
        first = await stream.get_final_response()
    assert 'You said: "Hello!".' in first.output_text
    async with async_client.responses.stream(response_id=first.id, starting_after=2) as again:
        assert [event.type async for event in again][-1] == "response.completed"


def test_it_can_be_cancelled_more_than_once(client: OpenAI) -> None:
    response = asked(client)
    cancelled = client.responses.cancel(response.id)
    assert cancelled.status in ("cancelled", "completed")
    assert client.responses.cancel(response.id) == cancelled == client.responses.retrieve(response.id)


def test_what_is_not_stored_cannot_be_had_later(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="demo", input="Hello!", background=True, store=False)
    assert raised.value.param == "background"
