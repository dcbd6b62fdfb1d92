"""The unmodified openai SDK over WebSocket: turns on one connection, state that lives in it, errors as events."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.resources.responses.responses import ResponsesConnection
from openai.types.responses import Response

from tests.clients.test_openai_sdk_tools import WEATHER, calls

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


def turn(connection: ResponsesConnection, text: Any, **more: Any) -> Any:
    """The last event of a turn."""
    connection.response.create(model="demo", input=text, **more)
    event: Any = next(event for event in connection if event.type in ENDS)
    return event


def answered(connection: ResponsesConnection, text: Any, **more: Any) -> Response:
    last = turn(connection, text, **more)
    assert last.type == "response.completed", last
    assert isinstance(last.response, Response)
    return last.response


def test_turns_that_are_stored(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        first = answered(connection, "My name is Ada.")
        second = answered(connection, "What is my name?", previous_response_id=first.id)
    assert 'Before, you said: "My name is Ada.".' in second.output_text
    assert client.responses.retrieve(second.id).output_text == second.output_text
    with client.responses.connect() as other:
        assert "What is my name?" in answered(other, "And?", previous_response_id=second.id).output_text


def test_turns_that_only_the_connection_knows(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        first = answered(connection, "What is the weather in Paris?", tools=[WEATHER], store=False)
        output = {"type": "function_call_output", "call_id": calls(first.output)[0].call_id, "output": "sunny"}
        second = answered(connection, [output], previous_response_id=first.id, store=False)
        assert 'The tools answered: "sunny".' in second.output_text
        third = answered(connection, "And?", previous_response_id=second.id, store=False)
        assert 'Before, you said: "What is the weather in Paris?".' in third.output_text
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(third.id)
    with client.responses.connect() as other:
        assert turn(other, "And?", previous_response_id=third.id).error.code == "previous_response_not_found"


def test_a_turn_in_a_conversation(client: OpenAI) -> None:
    conversation = client.conversations.create()
    with client.responses.connect() as connection:
        answered(connection, "My name is Ada.", conversation=conversation.id)
        second = answered(connection, "What is my name?", conversation=conversation.id)
    assert 'Before, you said: "My name is Ada.".' in second.output_text
    assert len(list(client.conversations.items.list(conversation.id))) == 4


def test_an_error_ends_its_turn_only(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        error = turn(connection, "Hello", temperature=3)
        assert (error.type, error.status, error.error.param) == ("error", 400, "temperature")
        connection.send_raw("not JSON")
        assert connection.recv().type == "error"
        assert answered(connection, "Hello").status == "completed"


def test_events_are_those_of_a_stream(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        connection.response.create(model="demo", input="Hello")
        seen = []
        for event in connection:
            seen.append(event)
            if event.type in ENDS:
                break
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    with client.responses.create(model="demo", input="Hello", stream=True) as stream:
        assert [event.type for event in seen] == [event.type for event in stream]


async def test_connections_at_the_same_time_async(async_client: AsyncOpenAI) -> None:
    async def talk(number: int) -> str:
        async with async_client.responses.connect() as connection:
            previous, text = None, ""
            for said in (f"Number {number}", "And?"):
                await connection.response.create(model="demo", input=said, previous_response_id=previous, store=False)
                async for event in connection:
                    if event.type == "response.completed":
                        previous, text = event.response.id, event.response.output_text
                        break
            return text

    for number, text in enumerate(await asyncio.gather(*map(talk, range(5)))):
        assert f'Before, you said: "Number {number}".' in text
