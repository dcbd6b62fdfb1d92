"""The unmodified openai SDK with tools: calls come back as the kind of tool that was offered, and outputs are taken."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import FunctionToolParam, ParsedResponseFunctionToolCall, ResponseCustomToolCall, ResponseFunctionToolCall
from pydantic import BaseModel

WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
TIME: FunctionToolParam = {**WEATHER, "name": "get_time", "description": "The time in a city."}
TWO = 'get_weather {"city": "Oslo"} and get_time {"city": "Rome"}'


class GetWeather(BaseModel):
    """The weather in a city."""

    city: str


def calls(output: Any) -> list[ResponseFunctionToolCall]:
    return [item for item in output if isinstance(item, ResponseFunctionToolCall)]


def test_a_call_and_its_output(client: OpenAI) -> None:
    context: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = client.responses.create(model="demo", input=context, tools=[WEATHER])
    (call,) = calls(first.output)
    assert (call.name, json.loads(call.arguments), call.status) == ("get_weather", {"city": "Paris"}, "completed")
    context += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 21 degrees"}]
    second = client.responses.create(model="demo", input=context, tools=[WEATHER])
    assert 'The tools answered: "sunny, 21 degrees".' in second.output_text


async def test_a_call_and_its_output_async(async_client: AsyncOpenAI) -> None:
    context: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = await async_client.responses.create(model="demo", input=context, tools=[WEATHER])
    (call,) = calls(first.output)
    context += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    second = await async_client.responses.create(model="demo", input=context, tools=[WEATHER])
    assert 'The tools answered: "sunny".' in second.output_text


def test_an_output_made_of_parts(client: OpenAI) -> None:
    context: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = client.responses.create(model="demo", input=context, tools=[WEATHER])
    parts = [{"type": "input_text", "text": "sunny"}]
    context += [*first.output, {"type": "function_call_output", "call_id": calls(first.output)[0].call_id, "output": parts}]
    assert "sunny" in client.responses.create(model="demo", input=context).output_text


def test_a_streamed_call(client: OpenAI) -> None:
    with client.responses.stream(model="demo", input="The weather in Paris, please", tools=[WEATHER]) as stream:
        events = list(stream)
        response = stream.get_final_response()
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    (done,) = [event for event in events if event.type == "response.function_call_arguments.done"]
    (call,) = calls(response.output)
    assert len(deltas) > 1
    assert "".join(deltas) == done.arguments == call.arguments == '{"city": "Paris"}'


def test_a_call_after_a_thought(client: OpenAI) -> None:
    context: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = client.responses.create(model="demo", input=context, tools=[WEATHER], reasoning={"effort": "low"})
    assert [item.type for item in first.output] == ["reasoning", "function_call"]
    context += [*first.output, {"type": "function_call_output", "call_id": calls(first.output)[0].call_id, "output": "sunny"}]
    assert "sunny" in client.responses.create(model="demo", input=context, tools=[WEATHER]).output_text


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_calls(client: OpenAI, stream: bool) -> None:
    context: list[Any] = [{"role": "user", "content": TWO}]
    if stream:
        with client.responses.stream(model="demo", input=context, tools=[WEATHER, TIME]) as events:
            found = calls(events.get_final_response().output)
    else:
        found = calls(client.responses.create(model="demo", input=context, tools=[WEATHER, TIME]).output)
    assert [(call.name, json.loads(call.arguments)) for call in found] == [
        ("get_weather", {"city": "Oslo"}),
        ("get_time", {"city": "Rome"}),
    ]
    context += [{"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments} for call in found]
    outputs = zip(reversed(found), ("noon", "rain"), strict=True)  # in the order they finished
    context += [{"type": "function_call_output", "call_id": call.call_id, "output": output} for call, output in outputs]
    assert 'The tools answered: "rain", "noon".' in client.responses.create(model="demo", input=context).output_text


def test_one_call_at_a_time(client: OpenAI) -> None:
    response = client.responses.create(model="demo", input=TWO, tools=[WEATHER, TIME], parallel_tool_calls=False)
    assert len(calls(response.output)) == 1
    assert response.parallel_tool_calls is False


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("none", []),
        ("auto", []),
        ("required", ["get_weather"]),
        ({"type": "function", "name": "get_time"}, ["get_time"]),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]}, ["get_time"]),
    ],
    ids=["none", "auto", "required", "function", "allowed_tools"],
)
def test_tool_choice(client: OpenAI, choice: Any, called: list[str]) -> None:
    response = client.responses.create(model="demo", input="Hello", tools=[WEATHER, TIME], tool_choice=choice)
    assert [call.name for call in calls(response.output)] == called
    assert response.to_dict()["tool_choice"] == choice


@pytest.mark.parametrize("stream", [False, True])
def test_parsed_arguments(client: OpenAI, stream: bool) -> None:
    tools = [openai.pydantic_function_tool(GetWeather)]
    if stream:
        with client.responses.stream(model="demo", input="GetWeather in Paris", tools=tools) as events:
            output = events.get_final_response().output
    else:
        output = client.responses.parse(model="demo", input="GetWeather in Paris", tools=tools).output
    (call,) = output
    assert isinstance(call, ParsedResponseFunctionToolCall)
    assert call.parsed_arguments == GetWeather(city="Paris")


CODE = "run_code with `print(1 + 1)`"


def test_a_custom_tool_gets_free_text(client: OpenAI) -> None:
    context: list[Any] = [{"role": "user", "content": CODE}]
    first = client.responses.create(model="demo", input=context, tools=[{"type": "custom", "name": "run_code"}])
    (call,) = first.output
    assert isinstance(call, ResponseCustomToolCall)
    assert (call.name, call.input) == ("run_code", "print(1 + 1)")
    context += [call, {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "2"}]
    second = client.responses.create(model="demo", input=context, tools=[{"type": "custom", "name": "run_code"}])
    assert 'The tools answered: "2".' in second.output_text


def test_a_custom_tool_is_streamed(client: OpenAI) -> None:
    grammar: Any = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
    with client.responses.stream(model="demo", input=CODE, tools=[{"type": "custom", "name": "run_code", "format": grammar}]) as stream:
        events = list(stream)
        (call,) = stream.get_final_response().output
    (done,) = [event for event in events if event.type == "response.custom_tool_call_input.done"]
    assert isinstance(call, ResponseCustomToolCall)
    deltas = [event.delta for event in events if event.type == "response.custom_tool_call_input.delta"]
    assert "".join(deltas) == done.input == call.input == "print(1 + 1)"
