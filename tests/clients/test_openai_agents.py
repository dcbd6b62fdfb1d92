"""The unmodified openai-agents package: tools run, results arrive, handoffs hand off."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, FunctionTool, Model, ModelSettings, OpenAIResponsesModel, RunConfig, Runner, function_tool
from agents.result import RunResultBase
from openai import AsyncOpenAI
from openai.types.shared import Reasoning
from pydantic import BaseModel

QUIET = RunConfig(tracing_disabled=True)  # traces would go to a host on the internet

both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


class Trip(BaseModel):
    city: str
    days: int


@pytest.fixture
def model(async_client: AsyncOpenAI) -> Model:
    return OpenAIResponsesModel("demo", async_client)


async def run(agent: Agent[Any], question: str | list[Any], *, stream: bool, **more: Any) -> RunResultBase:
    if not stream:
        return await Runner.run(agent, question, run_config=QUIET, **more)
    result = Runner.run_streamed(agent, question, run_config=QUIET, **more)
    async for _ in result.stream_events():
        pass
    return result


def weather_tool(asked: list[str]) -> FunctionTool:
    """A tool that notes what it was asked."""

    def get_weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return f"It is sunny in {city}."

    return function_tool(get_weather)


@both_ways
async def test_a_text(model: Model, stream: bool) -> None:
    agent = Agent[None](name="Greeter", instructions="Greet.", model=model)
    result = await run(agent, "Hello", stream=stream)
    assert 'I saw instructions, but I cannot follow them. You said: "Hello".' in result.final_output


@both_ways
async def test_the_tool_runs_and_its_result_is_in_the_answer(model: Model, stream: bool) -> None:
    asked: list[str] = []
    agent = Agent[None](name="Guide", instructions="Help.", model=model, tools=[weather_tool(asked)])
    result = await run(agent, "What is the weather in Paris?", stream=stream)
    assert asked == ["Paris"]
    assert 'The tools answered: "It is sunny in Paris.".' in result.final_output
    assert [item.type for item in result.new_items] == ["tool_call_item", "tool_call_output_item", "message_output_item"]


@both_ways
async def test_parallel_tools(model: Model, stream: bool) -> None:
    asked: list[str] = []
    agent = Agent[None](name="Guide", model=model, tools=[weather_tool(asked)])
    question = 'get_weather {"city": "Oslo"}, get_weather {"city": "Rome"}'
    result = await run(agent, question, stream=stream)
    assert sorted(asked) == ["Oslo", "Rome"]
    assert 'The tools answered: "It is sunny in Oslo.", "It is sunny in Rome.".' in result.final_output


@both_ways
async def test_a_tool_after_a_thought(model: Model, stream: bool) -> None:
    asked: list[str] = []
    thinking = ModelSettings(reasoning=Reasoning(effort="low", summary="auto"), response_include=["reasoning.encrypted_content"])
    agent = Agent[None](name="Guide", model=model, model_settings=thinking, tools=[weather_tool(asked)])
    result = await run(agent, "What is the weather in Paris?", stream=stream)
    assert asked == ["Paris"]
    assert "It is sunny in Paris." in result.final_output
    assert [item.type for item in result.new_items if item.type == "reasoning_item"] == ["reasoning_item"] * 2


@both_ways
async def test_a_structured_answer(model: Model, stream: bool) -> None:
    agent = Agent[None](name="Planner", model=model, output_type=Trip)
    result = await run(agent, "A weekend in Paris", stream=stream)
    assert result.final_output == Trip(city="Paris", days=1)


@both_ways
async def test_a_handoff(model: Model, stream: bool) -> None:
    expert = Agent[None](name="Weather expert", instructions="Know the weather.", model=model)
    desk = Agent[None](name="Desk", instructions="Hand over.", model=model, handoffs=[expert])
    result = await run(desk, "transfer_to_weather_expert", stream=stream)
    assert result.last_agent is expert
    assert "The tools answered:" in result.final_output


@both_ways
async def test_a_second_turn(model: Model, stream: bool) -> None:
    asked: list[str] = []
    agent = Agent[None](name="Guide", model=model, tools=[weather_tool(asked)])
    first = await run(agent, "What is the weather in Paris?", stream=stream)
    second = await run(agent, [*first.to_input_list(), {"role": "user", "content": "And in Rome?"}], stream=stream)
    assert 'Before, you said: "What is the weather in Paris?". You said: "And in Rome?".' in second.final_output
    assert asked == ["Paris"]


async def test_usage_adds_up(model: Model) -> None:
    agent = Agent[None](name="Guide", model=model, tools=[weather_tool([])])
    usage = (await run(agent, "What is the weather in Paris?", stream=True)).context_wrapper.usage
    assert usage.requests == 2
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
